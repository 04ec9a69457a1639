// ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5.5, suite 0x03): a hash that only the key's owner can
// compute and everybody can check. One key and one input have one output, whoever made the proof.
//
// Stricter than the RFC: a proof's point and a public key are refused outside the main subgroup,
// not only where they are of small order; who follows the RFC makes none that is. Inputs are public
// to whoever watches the clock: how often §5.4.1.1 tries depends on them, nothing depends on a key.
#pragma once

#include <array>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kVrfSeedSize = 32;
inline constexpr size_t kVrfKeySize = 32;
inline constexpr size_t kVrfProofSize = 80;  // Gamma[32] || c[16] || s[32]
inline constexpr size_t kVrfOutputSize = 64;

using VrfProof = std::array<uint8_t, kVrfProofSize>;
using VrfOutput = std::array<uint8_t, kVrfOutputSize>;

// The output that a proof states. It counts only after VrfPublicKey::Verify, which returns it.
// INVALID_ARGUMENT unless `proof` has its size, its point is canonical and in the main subgroup,
// and its s below the order.
absl::StatusOr<VrfOutput> VrfProofToHash(ByteView proof);

// A point of the main subgroup in its canonical encoding. A value.
class VrfPublicKey final {
 public:
  // INVALID_ARGUMENT unless `bytes` is 32 bytes, canonical, on the curve and in the main subgroup.
  static absl::StatusOr<VrfPublicKey> Parse(ByteView bytes);

  ByteView view() const { return bytes_; }
  auto operator<=>(const VrfPublicKey&) const = default;

  // This key's output for `input` (RFC 9381 §5.3, with validate_key). INVALID_ARGUMENT for a
  // malformed proof, UNAUTHENTICATED for one that is not this key's for this input.
  absl::StatusOr<VrfOutput> Verify(ByteView input, ByteView proof) const;

 private:
  friend class VrfKeyPair;
  VrfPublicKey() = default;
  std::array<uint8_t, kVrfKeySize> bytes_;
};

// The secret key. Move-only, wiped when destroyed; thread-safe. Not to be used for signatures as
// well.
class VrfKeyPair final {
 public:
  static VrfKeyPair Generate();
  // INVALID_ARGUMENT unless `seed` is 32 bytes.
  static absl::StatusOr<VrfKeyPair> FromSeed(Secret&& seed);

  const VrfPublicKey& public_key() const { return public_key_; }
  // The 32-byte seed, for a sealed file or an encrypted store.
  ByteView seed() const { return seed_.view(); }
  // What VrfPublicKey::Verify returns for the same input; a third of the work of a proof.
  VrfOutput Evaluate(ByteView input) const;
  // Deterministic.
  VrfProof Prove(ByteView input) const;

 private:
  explicit VrfKeyPair(Secret&& seed);
  Secret seed_;
  Secret scalar_;        // 32 bytes, clamped (RFC 8032 §5.1.5)
  Secret nonce_prefix_;  // 32 bytes
  VrfPublicKey public_key_;
};

}  // namespace plumbline::crypto
