// Secret owns key material. Cleared before its memory is freed; never printed; compared in constant time.
// Move-only: a copy must be asked for, Secret::CopyOf(s.view()). Not thread-safe.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "common/bytes.h"

namespace plumbline {

// Wipes on deallocation, so growth, moves and scope exit are all covered.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}
  T* allocate(size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* p, size_t n) {
    sodium_memzero(p, n * sizeof(T));
    std::allocator<T>().deallocate(p, n);
  }
  bool operator==(const WipingAllocator&) const { return true; }
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
  bool empty() const { return bytes_.empty(); }
  bool operator==(const Secret& other) const { return ConstantTimeEqual(view(), other.view()); }

 private:
  std::vector<uint8_t, WipingAllocator<uint8_t>> bytes_;
};

}  // namespace plumbline
