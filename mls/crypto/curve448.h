// X448 (RFC 7748) and Ed448 (RFC 8032), through libcrypto. Stateless and thread-safe.
// All but Ed448Verify: INVALID_ARGUMENT for a key of the wrong size.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::mls {

inline constexpr size_t kX448Size = 56;  // scalar, point and shared secret
inline constexpr size_t kEd448KeySize = 57;  // private and public
inline constexpr size_t kEd448SignatureSize = 114;

// INVALID_ARGUMENT also for a point whose result is all zero (RFC 9180 §7.1.4).
absl::StatusOr<Secret> X448(ByteView scalar, ByteView point);
// True if X448 yields the all-zero secret for `point` (56 bytes) with any scalar: a comparison with the five
// encodings that do.
bool IsX448SmallOrder(ByteView point);
absl::StatusOr<Bytes> X448PublicKey(ByteView scalar);

absl::StatusOr<Bytes> Ed448PublicKey(ByteView private_key);
absl::StatusOr<Bytes> Ed448Sign(ByteView private_key, ByteView message);
// INVALID_ARGUMENT if it does not verify, wrong sizes and a non-canonical scalar included.
absl::Status Ed448Verify(ByteView public_key, ByteView message, ByteView signature);

}  // namespace plumbline::mls
