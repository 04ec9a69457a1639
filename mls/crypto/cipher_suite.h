// One MLS cipher suite behind one small interface (RFC 9420 §5.1, §17.1): hash, KDF, AEAD, HPKE, signature.
// Implementations are stateless and thread-safe; obtain one with CipherSuite::Get and keep the reference.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/keys.h"

namespace plumbline::mls {

// RFC 9420 §17.1. Any other number is an unknown suite and is kept as a number.
enum class SuiteId : uint16_t {
  kX25519Aes128GcmSha256Ed25519 = 0x0001,
  kX25519ChaCha20Poly1305Sha256Ed25519 = 0x0003,
};

class CipherSuite {
 public:
  virtual ~CipherSuite() = default;

  // The suite's one instance. UNIMPLEMENTED for a number this build does not know.
  static absl::StatusOr<const CipherSuite*> Get(uint16_t id);
  // The suites of this build, most preferred first.
  static std::vector<SuiteId> Supported();

  virtual SuiteId id() const = 0;
  virtual size_t hash_size() const = 0;       // Nh of the hash and of the KDF
  virtual size_t aead_key_size() const = 0;   // AEAD.Nk
  virtual size_t aead_nonce_size() const = 0; // AEAD.Nn

  virtual Bytes Hash(ByteView data) const = 0;
  virtual Bytes Mac(ByteView key, ByteView data) const = 0;  // HMAC with the suite's hash; tag of hash_size() bytes
  // Constant time, and false for any length but hash_size().
  bool MacVerify(ByteView key, ByteView data, ByteView tag) const;

  virtual Secret KdfExtract(ByteView salt, ByteView ikm) const = 0;  // HKDF-Extract
  // HKDF-Expand; `size` is at most 255 * hash_size(), and also at most 65535 for ExpandWithLabel.
  virtual Secret KdfExpand(ByteView prk, ByteView info, size_t size) const = 0;

  // AEAD with the suite's algorithm. `key` and `nonce` have exactly the suite's sizes.
  virtual Bytes Seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) const = 0;
  // INVALID_ARGUMENT if it does not authenticate.
  virtual absl::StatusOr<Secret> Open(ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext) const = 0;

  // HPKE (RFC 9180), base mode. DeriveKeyPair is §7.1.3. INVALID_ARGUMENT for a key of the wrong size or a
  // point that yields the all-zero secret.
  virtual absl::StatusOr<HpkeKeyPair> DeriveHpkeKeyPair(ByteView ikm) const = 0;
  // Cheap: the size, and no point of small order. What passes can be sealed to.
  virtual absl::Status CheckHpkePublicKey(ByteView public_key) const = 0;
  virtual absl::StatusOr<Bytes> HpkePublicKey(const HpkePrivateKey& private_key) const = 0;
  virtual absl::StatusOr<HpkeCiphertext> HpkeSeal(ByteView public_key, ByteView info, ByteView aad,
                                                  ByteView plaintext) const = 0;
  virtual absl::StatusOr<Secret> HpkeOpen(const HpkePrivateKey& private_key, ByteView public_key, ByteView info,
                                          ByteView aad, const HpkeCiphertext& ciphertext) const = 0;
  // A secret of `size` bytes instead of a message, both ends (RFC 9180 §5.3, base mode). INVALID_ARGUMENT as above.
  virtual absl::StatusOr<HpkeExported> HpkeSendExport(ByteView public_key, ByteView info, ByteView exporter_context,
                                                    size_t size) const = 0;
  virtual absl::StatusOr<Secret> HpkeReceiveExport(const HpkePrivateKey& private_key, ByteView public_key,
                                                 ByteView kem_output, ByteView info, ByteView exporter_context,
                                                 size_t size) const = 0;

  virtual SignatureKeyPair GenerateSignatureKeyPair() const = 0;
  virtual absl::Status CheckSignaturePublicKey(ByteView public_key) const = 0;
  virtual absl::StatusOr<Bytes> Sign(const SignaturePrivateKey& key, ByteView message) const = 0;
  // INVALID_ARGUMENT if the signature does not verify (a malformed key or signature included).
  virtual absl::Status Verify(ByteView public_key, ByteView message, ByteView signature) const = 0;

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
};

}  // namespace plumbline::mls
