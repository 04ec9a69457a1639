// Secret owns key material. Cleared before its memory is freed; never printed; compared in constant time.
// Move-only: a copy must be asked for, Secret::CopyOf(s.view()). Not thread-safe.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "common/bytes.h"

namespace plumbline {

// Bytes on the heap, wiped before their memory is freed: growth, moves and scope exit are all covered. (A std::vector with an
// allocator that wipes copies them one by one.) A moved-from one is empty.
class WipedBytes final {
 public:
  WipedBytes() = default;
  explicit WipedBytes(size_t size);  // zero-filled
  WipedBytes(WipedBytes&& other) noexcept { Swap(other); }
  WipedBytes& operator=(WipedBytes&& other) noexcept {
    WipedBytes(std::move(other)).Swap(*this);
    return *this;
  }
  ~WipedBytes();

  void Reserve(size_t capacity);
  void Append(ByteView bytes);  // not of itself
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void Swap(WipedBytes& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

class Secret {
 public:
  Secret() = default;
  explicit Secret(size_t size) : bytes_(size) {}  // zero-filled; written through span()
  static Secret Random(size_t size);              // system generator
  static Secret CopyOf(ByteView bytes);           // the caller still clears `bytes`
  // Copies and clears `bytes`, whose buffer came from something that cannot hold a Secret.
  static Secret Take(Bytes&& bytes);
  static Secret Take(std::string&& text);

  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  ByteView view() const { return ByteView(bytes_.data(), bytes_.size()); }
  std::span<uint8_t> span() { return std::span<uint8_t>(bytes_.data(), bytes_.size()); }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.size() == 0; }
  bool operator==(const Secret& other) const { return ConstantTimeEqual(view(), other.view()); }

 private:
  WipedBytes bytes_;
};

}  // namespace plumbline
