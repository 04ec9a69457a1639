// ECDH and ECDSA on the NIST curves (FIPS 186-4), through libcrypto. Stateless and thread-safe.
// Private keys are scalars, big-endian, in [1, order - 1], of FieldSize bytes or less (others drop leading zeros; we
// do not). Points are uncompressed (SEC 1 §2.3.3):
// 0x04, x, y; they are checked to be on the curve wherever they are taken. The cofactor is 1, so that is all.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::mls {

enum class NistCurve : uint8_t { kP256, kP384, kP521 };

size_t FieldSize(NistCurve curve);  // 32, 48 or 66 bytes
inline size_t PointSize(NistCurve curve) { return 1 + 2 * FieldSize(curve); }

// All: INVALID_ARGUMENT for a key of the wrong size or outside its range.
absl::Status CheckNistScalar(NistCurve curve, ByteView scalar);
absl::Status CheckNistPoint(NistCurve curve, ByteView point);
absl::StatusOr<Bytes> NistPublicKey(NistCurve curve, ByteView scalar);
// The x coordinate of the product, FieldSize bytes.
absl::StatusOr<Secret> NistEcdh(NistCurve curve, ByteView scalar, ByteView point);
// Over SHA-256, SHA-384 or SHA-512, as RFC 9420 pairs them. Signatures are ECDSA-Sig-Value in DER (RFC 3279 §2.2.3).
absl::StatusOr<Bytes> EcdsaSign(NistCurve curve, ByteView scalar, ByteView message);
absl::Status EcdsaVerify(NistCurve curve, ByteView point, ByteView message, ByteView signature);

}  // namespace plumbline::mls
