// The cipher suites over DHKEM(X25519), SHA-256 and Ed25519 (RFC 9420 §17.1: 0x0001 and 0x0003): they differ in
// their AEAD alone. Obtain one with CipherSuite::Get.
#pragma once

#include "mls/crypto/cipher_suite.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {

class X25519Suite final : public CipherSuite {
 public:
  X25519Suite(SuiteId id, AeadId aead) : id_(id), aead_(aead) {}

  SuiteId id() const override { return id_; }
  size_t hash_size() const override { return kSha256Size; }
  size_t aead_key_size() const override { return AeadKeySize(aead_); }
  size_t aead_nonce_size() const override { return kAeadNonceSize; }

  Bytes Hash(ByteView data) const override;
  Bytes Mac(ByteView key, ByteView data) const override;
  Secret KdfExtract(ByteView salt, ByteView ikm) const override;
  Secret KdfExpand(ByteView prk, ByteView info, size_t size) const override;
  Bytes Seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) const override;
  absl::StatusOr<Secret> Open(ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext) const override;

  absl::StatusOr<HpkeKeyPair> DeriveHpkeKeyPair(ByteView ikm) const override;
  absl::Status CheckHpkePublicKey(ByteView public_key) const override;
  absl::StatusOr<Bytes> HpkePublicKey(const HpkePrivateKey& private_key) const override;
  absl::StatusOr<HpkeCiphertext> HpkeSeal(ByteView public_key, ByteView info, ByteView aad,
                                          ByteView plaintext) const override;
  absl::StatusOr<Secret> HpkeOpen(const HpkePrivateKey& private_key, ByteView public_key, ByteView info, ByteView aad,
                                  const HpkeCiphertext& ciphertext) const override;
  absl::StatusOr<HpkeExported> HpkeSendExport(ByteView public_key, ByteView info, ByteView exporter_context,
                                                    size_t size) const override;
  absl::StatusOr<Secret> HpkeReceiveExport(const HpkePrivateKey& private_key, ByteView public_key,
                                                 ByteView kem_output, ByteView info, ByteView exporter_context,
                                                 size_t size) const override;

  SignatureKeyPair GenerateSignatureKeyPair() const override;
  absl::Status CheckSignaturePublicKey(ByteView public_key) const override;
  absl::StatusOr<Bytes> Sign(const SignaturePrivateKey& key, ByteView message) const override;
  absl::Status Verify(ByteView public_key, ByteView message, ByteView signature) const override;

 private:
  SuiteId id_;
  AeadId aead_;
};

}  // namespace plumbline::mls
