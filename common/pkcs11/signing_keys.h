// Signing keys that are in a token and never leave it. Each is checked where it is opened: it is the one that is asked for, it cannot be
// read out, and it signs. Every signature is verified before it is given away. Shared with the token; thread-safe.
#pragma once

#include <memory>
#include <set>

#include "common/crypto/blind_rsa.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/p256.h"
#include "common/pkcs11/token.h"

namespace plumbline::pkcs11 {

// EdDSA (PKCS#11 v3.0 §2.3.14) without a context: RFC 8032.
class Ed25519Key final : public crypto::Ed25519Signer {
 public:
  // A new one, named by `label` and a random id, and opened. Durable on return. FAILED_PRECONDITION pkcs11_mechanism_missing; else as
  // Open.
  static absl::StatusOr<std::shared_ptr<const Ed25519Key>> Generate(std::shared_ptr<Token> token, absl::string_view label);
  // FAILED_PRECONDITION pkcs11_mechanism_missing, pkcs11_key_missing, pkcs11_key_ambiguous, pkcs11_key_extractable, pkcs11_key_wrong; else
  // codes of Token::Open.
  static absl::StatusOr<std::shared_ptr<const Ed25519Key>> Open(std::shared_ptr<Token> token, KeyName name, const crypto::Ed25519PublicKey& key);

  const KeyName& name() const { return name_; }
  const crypto::Ed25519PublicKey& public_key() const override { return public_key_; }
  absl::StatusOr<Bytes> SignBare(ByteView message) const override;
  // In the token, both halves: it signs no more. OK if it is not there. Codes of Token's.
  absl::Status Destroy() const;

 private:
  Ed25519Key(std::shared_ptr<Token> token, KeyName name, const crypto::Ed25519PublicKey& key)
      : token_(std::move(token)), name_(std::move(name)), public_key_(key) {}
  const std::shared_ptr<Token> token_;
  const KeyName name_;
  const crypto::Ed25519PublicKey public_key_;
};

// CKM_ECDSA over a SHA-256 that is computed here.
class P256Key final : public crypto::P256Signer {
 public:
  // As those of Ed25519Key.
  static absl::StatusOr<std::shared_ptr<const P256Key>> Generate(std::shared_ptr<Token> token, absl::string_view label);
  static absl::StatusOr<std::shared_ptr<const P256Key>> Open(std::shared_ptr<Token> token, KeyName name, ByteView spki);

  const KeyName& name() const { return name_; }
  const Bytes& spki() const override { return spki_; }
  absl::StatusOr<Bytes> Sign(ByteView message) const override;
  absl::Status Destroy() const;

 private:
  P256Key(std::shared_ptr<Token> token, KeyName name, ByteView spki) : token_(std::move(token)), name_(std::move(name)), spki_(ToBytes(spki)) {}
  const std::shared_ptr<Token> token_;
  const KeyName name_;
  const Bytes spki_;
};

// CKM_RSA_X_509: the bare private operation, which is what blind signatures are made of. 2048 bits, exponent 65537.
class BlindRsaKey final : public crypto::BlindRsaSigner {
 public:
  // As those of Ed25519Key.
  static absl::StatusOr<std::shared_ptr<const BlindRsaKey>> Generate(std::shared_ptr<Token> token, absl::string_view label);
  static absl::StatusOr<std::shared_ptr<const BlindRsaKey>> Open(std::shared_ptr<Token> token, KeyName name, const crypto::BlindRsaPublicKey& key);

  const KeyName& name() const { return name_; }
  const crypto::BlindRsaPublicKey& public_key() const override { return public_key_; }
  absl::StatusOr<crypto::BlindRsaNumber> BlindSign(ByteView blinded_message) const override;

 private:
  BlindRsaKey(std::shared_ptr<Token> token, KeyName name, const crypto::BlindRsaPublicKey& key)
      : token_(std::move(token)), name_(std::move(name)), public_key_(key) {}
  const std::shared_ptr<Token> token_;
  const KeyName name_;
  const crypto::BlindRsaPublicKey public_key_;
};

// That the token has all mechanisms for the keys of this folder, and that one can be made in it: which else would be known when the first
// is needed. FAILED_PRECONDITION pkcs11_mechanism_missing, pkcs11_token_unwritable, with the remedy.
absl::Status ProbeMaking(const std::shared_ptr<Token>& token);

// Destroys the private and public key of this name. OK if there is none.
absl::Status DestroyNamed(Token& token, const KeyName& name);

// Destroys the private and public keys of this label but those of `kept`, which may be many. Keys that other programs made under it too.
absl::Status DestroyOthers(Token& token, absl::string_view label, const std::set<KeyName>& kept);

}  // namespace plumbline::pkcs11
