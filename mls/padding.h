// How many zero bytes a PrivateMessage carries so that its length tells less (RFC 9420 §6.3.1).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace plumbline::mls {

// None, up to a multiple of `block`, or to a Padme size with `block` as floor.
struct Padding {
  enum class Kind : uint8_t { kNone, kBlock, kPadme };
  Kind kind = Kind::kNone;
  size_t block = 0;
};

// The size, at least `size`, that content of `size` bytes is padded to.
inline size_t PaddedSize(size_t size, Padding padding) {
  if (padding.kind == Padding::Kind::kBlock && padding.block > 1) {
    return (size + padding.block - 1) / padding.block * padding.block;
  }
  if (padding.kind != Padding::Kind::kPadme) return size;
  if (size <= padding.block || size < 2) return padding.block > size ? padding.block : size;
  // Padme: keep as many leading bits as the length of the exponent, round the rest up; overhead
  // below 12 %.
  const int exponent = std::bit_width(size) - 1;
  const int kept = std::bit_width(static_cast<size_t>(exponent));
  const size_t mask = (size_t{1} << (exponent - kept > 0 ? exponent - kept : 0)) - 1;
  return (size + mask) & ~mask;
}

}  // namespace plumbline::mls
