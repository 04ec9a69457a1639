// The primitives under the cipher suites: AEADs, X25519, Ed25519 (hashes are in hash.h, other curves in nist_curve.h
// and curve448.h). Stateless and thread-safe. AES-GCM comes from libcrypto (fetched once), the rest from libsodium.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::mls {

inline constexpr size_t kX25519Size = 32;      // scalar, point and shared secret
inline constexpr size_t kEd25519SeedSize = 32;
inline constexpr size_t kEd25519PublicKeySize = 32;
inline constexpr size_t kEd25519SignatureSize = 64;
inline constexpr size_t kAeadNonceSize = 12;
inline constexpr size_t kAeadTagSize = 16;

// Numbers of RFC 9180 §7.3.
enum class AeadId : uint16_t {
  kAes128Gcm = 0x0001,
  kAes256Gcm = 0x0002,
  kChaCha20Poly1305 = 0x0003,
  kExportOnly = 0xffff,  // HPKE without encryption; it has no Seal or Open
};
size_t AeadKeySize(AeadId aead);  // bytes; 0 for kExportOnly

// `key` is AeadKeySize(aead) long and `nonce` kAeadNonceSize. The result is plaintext.size() + kAeadTagSize long.
Bytes AeadSeal(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView plaintext);
// INVALID_ARGUMENT if it does not authenticate; nothing of the plaintext is released then.
absl::StatusOr<Secret> AeadOpen(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext);

// RFC 7748. INVALID_ARGUMENT for a wrong size, and for a point whose result is all zero (RFC 9180 §7.1.4).
absl::StatusOr<Secret> X25519(ByteView scalar, ByteView point);
// True if X25519 yields the all-zero secret for `point` (32 bytes) with any scalar. A comparison with the seven
// encodings below 2^255 that do, so it costs nothing: public keys are checked on arrival, not when first used.
bool IsX25519SmallOrder(ByteView point);
// The scalar times the base point. INVALID_ARGUMENT for a wrong size.
absl::StatusOr<Bytes> X25519PublicKey(ByteView scalar);

// RFC 8032. INVALID_ARGUMENT for a seed of the wrong size.
absl::StatusOr<Bytes> Ed25519PublicKey(ByteView seed);
absl::StatusOr<Bytes> Ed25519Sign(ByteView seed, ByteView message);
// The seed and its public key, 64 bytes: what every signature derives first. INVALID_ARGUMENT as above. `expanded` is never to be put
// together from parts: a signature under another public key gives the private key away.
absl::StatusOr<Secret> Ed25519Expand(ByteView seed);
Bytes Ed25519SignExpanded(ByteView expanded, ByteView message);
// INVALID_ARGUMENT if it does not verify: wrong sizes, a non-canonical scalar and small-order points included.
absl::Status Ed25519Verify(ByteView public_key, ByteView message, ByteView signature);

}  // namespace plumbline::mls
