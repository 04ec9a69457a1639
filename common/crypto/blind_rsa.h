// Blind RSA signatures: RSABSSA-SHA384-PSS-Deterministic (RFC 9474 §5) with a modulus of 2048 bits
// and the public exponent 65537, as in tokens of type 0x0002 (RFC 9578 §8.2.2). Whoever holds the
// secret key signs what it cannot read, and does not recognise the signature when it comes back.
//
// One size, one exponent, one salt length, so that no key looks different from another. The sizes
// and salt lengths of the published vectors are in rsabssa.h, which has the mathematics.
//
// "Deterministic" means that a message is signed as it is: it must hold enough randomness of its
// author's (a token has a nonce of 32 bytes), or a signer with a key of its own making could guess
// it.
#pragma once

#include <array>
#include <memory>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace plumbline::crypto {

inline constexpr size_t kBlindRsaSize = 256;  // of a BlindRsaNumber
inline constexpr size_t kBlindRsaSaltSize = 48;
inline constexpr size_t kBlindRsaSpkiSize = 342;

// A blinded message, a blind signature, a signature, a modulus: a number, big-endian.
using BlindRsaNumber = std::array<uint8_t, kBlindRsaSize>;

// A value.
class BlindRsaPublicKey final {
 public:
  // SubjectPublicKeyInfo in DER: id-RSASSA-PSS with SHA-384, MGF1 of SHA-384, salt 48, all stated
  // (RFC 9578 §6.5). INVALID_ARGUMENT unless `spki` is that, byte for byte, with a modulus that is
  // odd and has 2048 bits, and exponent 65537. Says nothing about the modulus's divisors.
  static absl::StatusOr<BlindRsaPublicKey> Parse(ByteView spki);
  // INVALID_ARGUMENT unless `modulus` is 256 bytes, odd and has 2048 bits.
  static absl::StatusOr<BlindRsaPublicKey> FromModulus(ByteView modulus);
  // What Parse takes.
  Bytes Serialize() const;

  auto operator<=>(const BlindRsaPublicKey&) const = default;

  // RSASSA-PSS. INVALID_ARGUMENT unless `signature` is 256 bytes, UNAUTHENTICATED if it is not this
  // key's for `message`.
  absl::Status Verify(ByteView message, ByteView signature) const;

  const BlindRsaNumber& modulus() const { return modulus_; }

 private:
  friend class BlindRsaBlinding;
  friend class BlindRsaSecretKey;
  BlindRsaPublicKey() = default;
  BlindRsaNumber modulus_;
};

// Signs blinded messages, wherever the secret key is. Thread-safe.
class BlindRsaSigner {
 public:
  virtual ~BlindRsaSigner() = default;
  virtual const BlindRsaPublicKey& public_key() const = 0;
  // RFC 9474 §4.3. INVALID_ARGUMENT unless `blinded_message` is 256 bytes and below the modulus;
  // INTERNAL if the result does not verify, which a broken processor or key is the cause of;
  // UNAVAILABLE if the key is out of reach.
  virtual absl::StatusOr<BlindRsaNumber> BlindSign(ByteView blinded_message) const = 0;
};

// The secret key. Move-only, wiped when destroyed; thread-safe. One that was moved from may only be
// destroyed or assigned to. Not to be used for anything else (RFC 9578 §6.5): it signs whatever it
// is given.
class BlindRsaSecretKey final : public BlindRsaSigner {
 public:
  static BlindRsaSecretKey Generate();  // takes about 0.1 s
  // Unencrypted PKCS#8 in DER, rsaEncryption with two primes of 1024 bits. INVALID_ARGUMENT unless
  // `pkcs8` is just what pkcs8() writes for a valid key. Takes about as long as Generate.
  static absl::StatusOr<BlindRsaSecretKey> Parse(Secret&& pkcs8);
  // What Parse takes, for a sealed file.
  ByteView pkcs8() const { return pkcs8_.view(); }

  const BlindRsaPublicKey& public_key() const override { return public_key_; }
  absl::StatusOr<BlindRsaNumber> BlindSign(ByteView blinded_message) const override;

 private:
  BlindRsaSecretKey() = default;
  Secret pkcs8_;
  std::shared_ptr<evp_pkey_st> key_;
  BlindRsaPublicKey public_key_;
};

// What the author of a message keeps while it is being signed. Move-only; the blinding is wiped.
class BlindRsaBlinding final {
 public:
  // Blinds `message` with a salt and a factor of its own, so that no two are alike (RFC 9474 §4.2).
  // INVALID_ARGUMENT for a modulus that no honest owner has: it has small divisors.
  static absl::StatusOr<BlindRsaBlinding> Create(const BlindRsaPublicKey& key, ByteView message);
  // The same with salt (48 bytes) and factor given: for the published vectors only. Whoever uses a
  // factor twice can be recognised.
  static absl::StatusOr<BlindRsaBlinding> CreateWith(const BlindRsaPublicKey& key, ByteView message,
                                                     ByteView salt, const Secret& factor);

  // For the signer.
  const BlindRsaNumber& blinded_message() const { return blinded_message_; }
  // The signature, which has been verified (RFC 9474 §4.4). INVALID_ARGUMENT unless
  // `blind_signature` is 256 bytes and below the modulus; UNAUTHENTICATED if the signer answered
  // wrongly.
  absl::StatusOr<BlindRsaNumber> Finalize(ByteView blind_signature) const;

 private:
  BlindRsaBlinding() = default;
  BlindRsaPublicKey key_;
  Bytes message_;
  BlindRsaNumber blinded_message_;
  Secret inverse_;
};

}  // namespace plumbline::crypto
