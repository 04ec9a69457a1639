// Ed25519 (RFC 8032) signatures under a domain-separation label: what is signed is always
// vector(label) || vector(message) in the canonical encoding (common/codec.h), so that a signature made for
// one purpose is worthless for any other.
#pragma once

#include <array>

#include "common/bytes.h"
#include "common/crypto/signer.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kEd25519KeySize = 32;
inline constexpr size_t kEd25519SeedSize = 32;
inline constexpr size_t kEd25519SignatureSize = 64;

// A point of the main subgroup in its canonical encoding. A value; comparable, usable as a map key.
class Ed25519PublicKey final {
 public:
  // INVALID_ARGUMENT unless `bytes` is 32 bytes, canonical, on the curve and in the main subgroup.
  static absl::StatusOr<Ed25519PublicKey> Parse(ByteView bytes);

  ByteView view() const { return bytes_; }
  Bytes ToBytes() const { return Bytes(bytes_.begin(), bytes_.end()); }
  auto operator<=>(const Ed25519PublicKey&) const = default;

  // OK if `signature` is this key's over `label` and `message`. INVALID_ARGUMENT unless it is 64 bytes long,
  // UNAUTHENTICATED if it does not verify.
  absl::Status Verify(absl::string_view label, ByteView message, ByteView signature) const;

 private:
  friend class Ed25519KeyPair;
  Ed25519PublicKey() = default;
  std::array<uint8_t, kEd25519KeySize> bytes_;
};

// A signing key, kept as its 32-byte seed. Move-only, wiped when destroyed; signing is thread-safe.
class Ed25519KeyPair final : public Ed25519Signer {
 public:
  static Ed25519KeyPair Generate();
  // INVALID_ARGUMENT unless `seed` is 32 bytes.
  static absl::StatusOr<Ed25519KeyPair> FromSeed(Secret&& seed);

  const Ed25519PublicKey& public_key() const override { return public_key_; }
  // The 32-byte seed, for a sealed file or an encrypted store.
  ByteView seed() const { return seed_.view(); }
  // 64 bytes. Deterministic.
  Bytes Sign(absl::string_view label, ByteView message) const;
  absl::StatusOr<Bytes> SignBare(ByteView message) const override;  // never fails

 private:
  explicit Ed25519KeyPair(Secret&& seed);
  Secret seed_;
  Secret expanded_;  // 64 bytes, libsodium's form: seed || public key
  Ed25519PublicKey public_key_;
};

}  // namespace plumbline::crypto
