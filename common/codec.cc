#include "common/codec.h"

#include <array>

#include "common/check.h"

namespace plumbline {
namespace {

absl::Status Truncated() { return absl::InvalidArgumentError("encoding ends too early"); }

template <typename T>
absl::StatusOr<T> BigEndian(ByteView& rest) {
  if (rest.size() < sizeof(T)) return Truncated();
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | rest[i]);
  rest = rest.subspan(sizeof(T));
  return value;
}

template <typename T>
std::array<uint8_t, sizeof(T)> BigEndianOf(T value) {
  std::array<uint8_t, sizeof(T)> out;
  for (size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  return out;
}

}  // namespace

absl::StatusOr<uint8_t> Reader::U8() { return BigEndian<uint8_t>(rest_); }
absl::StatusOr<uint16_t> Reader::U16() { return BigEndian<uint16_t>(rest_); }
absl::StatusOr<uint32_t> Reader::U32() { return BigEndian<uint32_t>(rest_); }
absl::StatusOr<uint64_t> Reader::U64() { return BigEndian<uint64_t>(rest_); }

absl::StatusOr<ByteView> Reader::Fixed(size_t size) {
  if (rest_.size() < size) return Truncated();
  const ByteView out = rest_.first(size);
  rest_ = rest_.subspan(size);
  return out;
}

absl::StatusOr<uint32_t> Reader::Varint() {
  if (rest_.empty()) return Truncated();
  const uint8_t prefix = rest_[0] >> 6;
  if (prefix == 3) return absl::InvalidArgumentError("length header uses a reserved prefix");
  const size_t size = size_t{1} << prefix;
  if (rest_.size() < size) return Truncated();
  uint32_t value = rest_[0] & 0x3f;
  for (size_t i = 1; i < size; ++i) value = (value << 8) | rest_[i];
  if ((prefix == 1 && value < 0x40) || (prefix == 2 && value < 0x4000)) {
    return absl::InvalidArgumentError("length header is not minimal");
  }
  rest_ = rest_.subspan(size);
  return value;
}

absl::StatusOr<ByteView> Reader::Vector(size_t max_size) {
  ASSIGN_OR_RETURN(const uint32_t size, Varint());
  if (size > max_size) return absl::InvalidArgumentError("vector is longer than its maximum");
  return Fixed(size);
}

absl::StatusOr<bool> Reader::Present() {
  ASSIGN_OR_RETURN(const uint8_t flag, U8());
  if (flag > 1) return absl::InvalidArgumentError("presence octet is neither 0 nor 1");
  return flag == 1;
}

absl::Status Reader::Done() const {
  if (!rest_.empty()) return absl::InvalidArgumentError("bytes are left over after the encoding");
  return absl::OkStatus();
}

Writer& Writer::U8(uint8_t value) {
  return Fixed(ByteView(&value, 1));
}
Writer& Writer::U16(uint16_t value) { return Fixed(BigEndianOf(value)); }
Writer& Writer::U32(uint32_t value) { return Fixed(BigEndianOf(value)); }
Writer& Writer::U64(uint64_t value) { return Fixed(BigEndianOf(value)); }

Writer& Writer::Fixed(ByteView bytes) {
  buffer_.Append(bytes);
  return *this;
}

Writer& Writer::Varint(uint32_t value) {
  CHECK(value <= kMaxVarint);
  if (value < 0x40) return U8(static_cast<uint8_t>(value));
  if (value < 0x4000) return U16(static_cast<uint16_t>(value | 0x4000));
  return U32(value | 0x80000000u);
}

Writer& Writer::Vector(ByteView bytes) {
  CHECK(bytes.size() <= kMaxVarint);
  return Varint(static_cast<uint32_t>(bytes.size())).Fixed(bytes);
}

}  // namespace plumbline
