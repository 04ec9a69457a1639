// An MLS cipher suite (RFC 9420 §5.1, §17.1): hash, KDF, AEAD, HPKE and signature, chosen by number at run time. One
// row of a table; each function picks the primitive by the row. Immutable and thread-safe; obtain one with
// CipherSuite::Get and keep the pointer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/hash.h"
#include "mls/crypto/hpke.h"
#include "mls/crypto/keys.h"
#include "mls/crypto/primitives.h"
#include "mls/crypto/signature.h"

namespace plumbline::mls {

// RFC 9420 §17.1. Any other number is an unknown suite and is kept as a number.
enum class SuiteId : uint16_t {
  kX25519Aes128GcmSha256Ed25519 = 0x0001,
  kP256Aes128GcmSha256P256 = 0x0002,
  kX25519ChaCha20Poly1305Sha256Ed25519 = 0x0003,
  kX448Aes256GcmSha512Ed448 = 0x0004,
  kP521Aes256GcmSha512P521 = 0x0005,
  kX448ChaCha20Poly1305Sha512Ed448 = 0x0006,
  kP384Aes256GcmSha384P384 = 0x0007,
};

class CipherSuite final {
 public:
  CipherSuite(const CipherSuite&) = delete;
  CipherSuite& operator=(const CipherSuite&) = delete;

  // The suite's one instance. UNIMPLEMENTED for a number this build does not know.
  static absl::StatusOr<const CipherSuite*> Get(uint16_t id);
  // The suites of this build, most preferred first.
  static std::vector<SuiteId> Supported();

  SuiteId id() const { return id_; }
  size_t hash_size() const { return HashSize(hpke_.kdf); }             // Nh of the hash and of the KDF: 32, 48 or 64
  size_t aead_key_size() const { return AeadKeySize(hpke_.aead); }     // AEAD.Nk: 16 or 32
  size_t aead_nonce_size() const { return kAeadNonceSize; }            // AEAD.Nn

  Bytes Hash(ByteView data) const { return Digest(hpke_.kdf, data); }
  Bytes Mac(ByteView key, ByteView data) const;  // HMAC with the suite's hash; tag of hash_size() bytes
  // Constant time, and false for any length but hash_size().
  bool MacVerify(ByteView key, ByteView data, ByteView tag) const;

  Secret KdfExtract(ByteView salt, ByteView ikm) const { return HkdfExtract(hpke_.kdf, salt, {ikm}); }
  // HKDF-Expand; `size` is at most 255 * hash_size(), and also at most 65535 for ExpandWithLabel.
  Secret KdfExpand(ByteView prk, ByteView info, size_t size) const { return HkdfExpand(hpke_.kdf, prk, info, size); }

  // AEAD with the suite's algorithm. `key` and `nonce` have exactly the suite's sizes.
  Bytes Seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) const {
    return AeadSeal(hpke_.aead, key, nonce, aad, plaintext);
  }
  // INVALID_ARGUMENT if it does not authenticate.
  absl::StatusOr<Secret> Open(ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext) const {
    return AeadOpen(hpke_.aead, key, nonce, aad, ciphertext);
  }

  // HPKE (RFC 9180), base mode. DeriveKeyPair is §7.1.3. INVALID_ARGUMENT for a key that is none of the suite's KEM, or
  // one that yields the all-zero secret.
  absl::StatusOr<HpkeKeyPair> DeriveHpkeKeyPair(ByteView ikm) const { return DeriveKemKeyPair(hpke_.kem, ikm); }
  // Size, and that the point is of the group and of no small order. What passes can be sealed to.
  absl::Status CheckHpkePublicKey(ByteView public_key) const { return CheckKemPublicKey(hpke_.kem, public_key); }
  absl::StatusOr<Bytes> HpkePublicKey(const HpkePrivateKey& private_key) const {
    return KemPublicKey(hpke_.kem, private_key.bytes.view());
  }
  absl::StatusOr<HpkeCiphertext> HpkeSeal(ByteView public_key, ByteView info, ByteView aad, ByteView plaintext) const;
  absl::StatusOr<Secret> HpkeOpen(const HpkePrivateKey& private_key, ByteView public_key, ByteView info, ByteView aad,
                                  const HpkeCiphertext& ciphertext) const;
  // A secret of `size` bytes instead of a message, both ends (RFC 9180 §5.3, base mode). INVALID_ARGUMENT as above.
  absl::StatusOr<HpkeExported> HpkeSendExport(ByteView public_key, ByteView info, ByteView exporter_context,
                                              size_t size) const;
  absl::StatusOr<Secret> HpkeReceiveExport(const HpkePrivateKey& private_key, ByteView public_key, ByteView kem_output,
                                           ByteView info, ByteView exporter_context, size_t size) const;

  SignatureKeyPair GenerateSignatureKeyPair() const { return mls::GenerateSignatureKeyPair(signature_); }
  // INVALID_ARGUMENT for a key that is none of the suite's scheme.
  absl::StatusOr<Bytes> SignaturePublicKey(const SignaturePrivateKey& key) const {
    return mls::SignaturePublicKey(signature_, key);
  }
  absl::Status CheckSignaturePublicKey(ByteView public_key) const {
    return mls::CheckSignaturePublicKey(signature_, public_key);
  }
  void PrepareToSign(SignaturePrivateKey& key) const { mls::PrepareToSign(signature_, key); }
  absl::StatusOr<Bytes> Sign(const SignaturePrivateKey& key, ByteView message) const {
    return mls::Sign(signature_, key, message);
  }
  // INVALID_ARGUMENT if the signature does not verify (a malformed key or signature included).
  absl::Status Verify(ByteView public_key, ByteView message, ByteView signature) const {
    return mls::Verify(signature_, public_key, message, signature);
  }

  // RFC 9420's labelled functions, the same for every suite.
  HpkeKeyPair GenerateHpkeKeyPair() const;
  Bytes RefHash(absl::string_view label, ByteView value) const;                                   // §5.2
  absl::StatusOr<Bytes> SignWithLabel(const SignaturePrivateKey& key, absl::string_view label,
                                      ByteView content) const;                                    // §5.1.2
  absl::Status VerifyWithLabel(ByteView public_key, absl::string_view label, ByteView content,
                               ByteView signature) const;
  absl::StatusOr<HpkeCiphertext> EncryptWithLabel(ByteView public_key, absl::string_view label, ByteView context,
                                                  ByteView plaintext) const;                      // §5.1.3
  absl::StatusOr<Secret> DecryptWithLabel(const HpkePrivateKey& private_key, ByteView public_key,
                                          absl::string_view label, ByteView context,
                                          const HpkeCiphertext& ciphertext) const;
  Secret ExpandWithLabel(ByteView secret, absl::string_view label, ByteView context, size_t size) const;  // §8
  Secret DeriveSecret(ByteView secret, absl::string_view label) const;                                    // §8
  Secret DeriveTreeSecret(ByteView secret, absl::string_view label, uint32_t generation, size_t size) const;  // §9

 private:
  CipherSuite(SuiteId id, HpkeSuite hpke, SignatureScheme signature) : id_(id), hpke_(hpke), signature_(signature) {}
  static const std::array<CipherSuite, 7>& Table();

  SuiteId id_;
  HpkeSuite hpke_;  // its KDF's hash is the suite's hash, its AEAD the suite's AEAD
  SignatureScheme signature_;
};

}  // namespace plumbline::mls
