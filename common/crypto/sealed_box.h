// A sealed box: bytes that only the holder of one X25519 key can read (libsodium crypto_box_seal: ephemeral
// X25519, XSalsa20-Poly1305). It does not say who sealed it; whoever needs to know signs the content.
#pragma once

#include <array>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kSealedBoxKeySize = 32;
inline constexpr size_t kSealedBoxOverhead = 48;  // ephemeral key and authenticator
inline constexpr size_t kMaxSealedBox = 16 << 20;

class SealedBoxPublicKey final {
 public:
  // INVALID_ARGUMENT unless `bytes` is 32 bytes and not a point of small order.
  static absl::StatusOr<SealedBoxPublicKey> Parse(ByteView bytes);
  ByteView view() const { return bytes_; }
  // `plaintext` plus kSealedBoxOverhead bytes. INVALID_ARGUMENT above kMaxSealedBox.
  absl::StatusOr<Bytes> Seal(ByteView plaintext) const;

 private:
  friend class SealedBoxKeyPair;
  SealedBoxPublicKey() = default;
  std::array<uint8_t, kSealedBoxKeySize> bytes_;
};

// Move-only, wiped when destroyed.
class SealedBoxKeyPair final {
 public:
  static SealedBoxKeyPair Generate();
  // INVALID_ARGUMENT unless `private_key` is 32 bytes.
  static absl::StatusOr<SealedBoxKeyPair> FromPrivateKey(Secret&& private_key);
  const SealedBoxPublicKey& public_key() const { return public_key_; }
  ByteView private_key() const { return private_key_.view(); }
  // INVALID_ARGUMENT if `box` is too short or long; UNAUTHENTICATED if it was not sealed to this key or was changed.
  absl::StatusOr<Secret> Open(ByteView box) const;

 private:
  SealedBoxKeyPair() = default;
  Secret private_key_;
  SealedBoxPublicKey public_key_;
};

}  // namespace plumbline::crypto
