#include "common/secret.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace plumbline {

WipedBytes::WipedBytes(size_t size) {
  Reserve(size);
  if (size > 0) std::memset(data_, 0, size);
  size_ = size;
}

WipedBytes::~WipedBytes() {
  if (data_ == nullptr) return;
  sodium_memzero(data_, capacity_);
  ::operator delete(data_);
}

void WipedBytes::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  WipedBytes larger;
  larger.data_ = static_cast<uint8_t*>(::operator new(capacity));
  larger.capacity_ = capacity;
  larger.size_ = size_;
  if (size_ > 0) std::memcpy(larger.data_, data_, size_);
  Swap(larger);
}

void WipedBytes::Append(ByteView bytes) {
  if (bytes.empty()) return;
  if (size_ + bytes.size() > capacity_) Reserve(std::max(2 * capacity_, size_ + bytes.size()));
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

Secret Secret::Random(size_t size) {
  Secret out(size);
  randombytes_buf(out.bytes_.data(), size);
  return out;
}

Secret Secret::CopyOf(ByteView bytes) {
  Secret out;
  out.bytes_.Reserve(bytes.size());
  out.bytes_.Append(bytes);
  return out;
}

Secret Secret::Take(Bytes&& bytes) {
  Secret out = CopyOf(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  bytes.clear();
  return out;
}

Secret Secret::Take(std::string&& text) {
  Secret out = CopyOf(AsBytes(text));
  sodium_memzero(text.data(), text.size());
  text.clear();
  return out;
}

}  // namespace plumbline
