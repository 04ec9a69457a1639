// A signing key of the organisation: kept in keys.sealed itself, or in a token, and then keys.sealed has only what finds it there. Which
// of the two makes no difference to who signs. Shared and immutable; thread-safe.
//
// Stored, each is one vector: the key itself (a seed of 32 bytes; PKCS#8), or, which is neither,
//   struct { opaque magic[8] = "PLTOKEN1"; opaque label<1..64>; opaque id<1..64>; opaque public_key<V>; } TokenKey;
#pragma once

#include <memory>

#include "common/codec.h"
#include "common/pkcs11/signing_keys.h"

namespace plumbline::keyserver {

// Ed25519: the roles' and the log's.
class SigningKey final : public crypto::Ed25519Signer {
 public:
  SigningKey(crypto::Ed25519KeyPair key)  // NOLINT: one is the other
      : kept_(std::make_shared<const crypto::Ed25519KeyPair>(std::move(key))) {}
  explicit SigningKey(std::shared_ptr<const pkcs11::Ed25519Key> key) : in_token_(std::move(key)) {}
  // A new one: in the token, durable on return, under a label that says what it is; kept here where `token` is null. Codes of
  // pkcs11::Ed25519Key::Generate.
  static absl::StatusOr<SigningKey> Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label);

  // The vector above. INVALID_ARGUMENT for any other; FAILED_PRECONDITION pkcs11_not_configured for a key in a token where `token` is
  // null; else codes of pkcs11::Ed25519Key::Open.
  static absl::StatusOr<SigningKey> Parse(ByteView stored, const std::shared_ptr<pkcs11::Token>& token);
  Secret Serialize() const;

  const crypto::Ed25519PublicKey& public_key() const override { return share()->public_key(); }
  absl::StatusOr<Bytes> SignBare(ByteView message) const override { return share()->SignBare(message); }
  std::shared_ptr<const crypto::Ed25519Signer> share() const;
  bool in_token() const { return in_token_ != nullptr; }
  // Where it is in a token, it is destroyed there; else nothing is done.
  absl::Status DestroyInToken() const { return in_token_ == nullptr ? absl::OkStatus() : in_token_->Destroy(); }
  // 32 bytes; empty for a key in a token.
  ByteView seed() const { return kept_ ? kept_->seed() : ByteView(); }

 private:
  std::shared_ptr<const crypto::Ed25519KeyPair> kept_;
  std::shared_ptr<const pkcs11::Ed25519Key> in_token_;
};

// P-256: the issuing authority's.
class AuthorityKey final : public crypto::P256Signer {
 public:
  AuthorityKey(crypto::P256PrivateKey key)  // NOLINT: one is the other
      : kept_(std::make_shared<const crypto::P256PrivateKey>(std::move(key))) {}
  explicit AuthorityKey(std::shared_ptr<const pkcs11::P256Key> key) : in_token_(std::move(key)) {}

  // As those of SigningKey.
  static absl::StatusOr<AuthorityKey> Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label);
  static absl::StatusOr<AuthorityKey> Parse(ByteView stored, const std::shared_ptr<pkcs11::Token>& token);
  Secret Serialize() const;

  const Bytes& spki() const override { return signer().spki(); }
  absl::StatusOr<Bytes> Sign(ByteView message) const override { return signer().Sign(message); }
  bool in_token() const { return in_token_ != nullptr; }
  absl::Status DestroyInToken() const { return in_token_ == nullptr ? absl::OkStatus() : in_token_->Destroy(); }
  // PKCS#8; empty for a key in a token.
  ByteView der() const { return kept_ ? kept_->der() : ByteView(); }

 private:
  const crypto::P256Signer& signer() const;
  std::shared_ptr<const crypto::P256PrivateKey> kept_;
  std::shared_ptr<const pkcs11::P256Key> in_token_;
};

// Blind RSA: a key for tokens. Stored in the database, wrapped.
class BlindKey final : public crypto::BlindRsaSigner {
 public:
  // As those of SigningKey. Takes a moment.
  static absl::StatusOr<BlindKey> Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label);
  static absl::StatusOr<BlindKey> Parse(Secret&& stored, const std::shared_ptr<pkcs11::Token>& token);
  Secret Serialize() const;

  const crypto::BlindRsaPublicKey& public_key() const override { return signer().public_key(); }
  absl::StatusOr<crypto::BlindRsaNumber> BlindSign(ByteView blinded_message) const override { return signer().BlindSign(blinded_message); }
  const pkcs11::KeyName* name() const { return in_token_ ? &in_token_->name() : nullptr; }  // null for a key that is kept here

 private:
  const crypto::BlindRsaSigner& signer() const;
  std::shared_ptr<const crypto::BlindRsaSecretKey> kept_;
  std::shared_ptr<const pkcs11::BlindRsaKey> in_token_;
};

// Destroys in its token the key of any kind that `stored` refers to. OK if it is not there any more. INVALID_ARGUMENT for a key itself.
absl::Status DestroyStored(ByteView stored, const std::shared_ptr<pkcs11::Token>& token);

}  // namespace plumbline::keyserver
