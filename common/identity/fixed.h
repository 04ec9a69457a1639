// Byte strings whose size is part of their type, and the two ways to get one from bytes of unknown origin.
#pragma once

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::identity {

template <size_t N>
using Fixed = std::array<uint8_t, N>;

using DeviceId = Fixed<16>;
using MailboxId = Fixed<16>;
using EnvelopeId = Fixed<16>;
using Hash = Fixed<32>;       // SHA-256
using PublicKey = Fixed<32>;  // Ed25519 or X25519, as the field says
using Nonce = Fixed<32>;
using Signature = Fixed<64>;  // Ed25519

// INVALID_ARGUMENT unless `bytes` is exactly N long.
template <size_t N>
absl::StatusOr<Fixed<N>> ToFixed(ByteView bytes) {
  if (bytes.size() != N) return absl::InvalidArgumentError("a field does not have its fixed size");
  Fixed<N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

template <size_t N>
absl::StatusOr<Fixed<N>> ReadFixed(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(N));
  return ToFixed<N>(bytes);
}

// N bytes from the system's generator.
template <size_t N>
Fixed<N> RandomFixed() {
  return *ToFixed<N>(RandomBytes(N));
}

}  // namespace plumbline::identity
