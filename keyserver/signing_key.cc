#include "keyserver/signing_key.h"

#include <optional>

#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::string_view kMagic = "PLTOKEN1";
constexpr size_t kMaxName = 64;
constexpr size_t kMaxPublicKey = 512;

struct Reference {
  pkcs11::KeyName name;
  Bytes public_key;
};

Secret Encode(const pkcs11::KeyName& name, ByteView public_key) {
  return Writer().Fixed(AsBytes(kMagic)).Vector(AsBytes(name.label)).Vector(name.id).Vector(public_key).TakeSecret();
}

// None if `stored` is a key itself.
absl::StatusOr<std::optional<Reference>> ReadReference(ByteView stored, const std::shared_ptr<pkcs11::Token>& token) {
  if (stored.size() <= kMagic.size() || !Equal(stored.first(kMagic.size()), AsBytes(kMagic)) || stored.size() == crypto::kEd25519SeedSize)
    return std::optional<Reference>();
  Reader in(stored.subspan(kMagic.size()));
  ASSIGN_OR_RETURN(const ByteView label, in.Vector(kMaxName));
  ASSIGN_OR_RETURN(const ByteView id, in.Vector(kMaxName));
  ASSIGN_OR_RETURN(const ByteView public_key, in.Vector(kMaxPublicKey));
  RETURN_IF_ERROR(in.Done());
  if (token == nullptr) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_not_configured",
                            "these keys are in a token; write the section pkcs11 into the configuration");
  }
  return std::optional<Reference>({{ToString(label), ToBytes(id)}, ToBytes(public_key)});
}

}  // namespace

absl::StatusOr<SigningKey> SigningKey::Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label) {
  if (token == nullptr) return SigningKey(crypto::Ed25519KeyPair::Generate());
  ASSIGN_OR_RETURN(std::shared_ptr<const pkcs11::Ed25519Key> key, pkcs11::Ed25519Key::Generate(token, label));
  return SigningKey(std::move(key));
}

absl::StatusOr<SigningKey> SigningKey::Parse(ByteView stored, const std::shared_ptr<pkcs11::Token>& token) {
  ASSIGN_OR_RETURN(const std::optional<Reference> reference, ReadReference(stored, token));
  if (!reference) {
    ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(stored)));
    return SigningKey(std::move(key));
  }
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey key, crypto::Ed25519PublicKey::Parse(reference->public_key));
  ASSIGN_OR_RETURN(std::shared_ptr<const pkcs11::Ed25519Key> opened, pkcs11::Ed25519Key::Open(token, reference->name, key));
  return SigningKey(std::move(opened));
}

Secret SigningKey::Serialize() const {
  return kept_ ? Secret::CopyOf(kept_->seed()) : Encode(in_token_->name(), in_token_->public_key().view());
}

std::shared_ptr<const crypto::Ed25519Signer> SigningKey::share() const {
  if (kept_) return kept_;
  return in_token_;
}

absl::StatusOr<AuthorityKey> AuthorityKey::Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label) {
  if (token == nullptr) return AuthorityKey(crypto::P256PrivateKey::Generate());
  ASSIGN_OR_RETURN(std::shared_ptr<const pkcs11::P256Key> key, pkcs11::P256Key::Generate(token, label));
  return AuthorityKey(std::move(key));
}

absl::StatusOr<AuthorityKey> AuthorityKey::Parse(ByteView stored, const std::shared_ptr<pkcs11::Token>& token) {
  ASSIGN_OR_RETURN(const std::optional<Reference> reference, ReadReference(stored, token));
  if (!reference) {
    ASSIGN_OR_RETURN(crypto::P256PrivateKey key, crypto::P256PrivateKey::FromDer(stored));
    return AuthorityKey(std::move(key));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const pkcs11::P256Key> opened, pkcs11::P256Key::Open(token, reference->name, reference->public_key));
  return AuthorityKey(std::move(opened));
}

Secret AuthorityKey::Serialize() const {
  return kept_ ? Secret::CopyOf(kept_->der()) : Encode(in_token_->name(), in_token_->spki());
}

const crypto::P256Signer& AuthorityKey::signer() const {
  if (kept_) return *kept_;
  return *in_token_;
}

absl::StatusOr<BlindKey> BlindKey::Generate(const std::shared_ptr<pkcs11::Token>& token, absl::string_view label) {
  BlindKey out;
  if (token == nullptr) {
    out.kept_ = std::make_shared<const crypto::BlindRsaSecretKey>(crypto::BlindRsaSecretKey::Generate());
    return out;
  }
  ASSIGN_OR_RETURN(out.in_token_, pkcs11::BlindRsaKey::Generate(token, label));
  return out;
}

absl::StatusOr<BlindKey> BlindKey::Parse(Secret&& stored, const std::shared_ptr<pkcs11::Token>& token) {
  ASSIGN_OR_RETURN(const std::optional<Reference> reference, ReadReference(stored.view(), token));
  BlindKey out;
  if (!reference) {
    ASSIGN_OR_RETURN(crypto::BlindRsaSecretKey key, crypto::BlindRsaSecretKey::Parse(std::move(stored)));
    out.kept_ = std::make_shared<const crypto::BlindRsaSecretKey>(std::move(key));
    return out;
  }
  ASSIGN_OR_RETURN(const crypto::BlindRsaPublicKey key, crypto::BlindRsaPublicKey::Parse(reference->public_key));
  ASSIGN_OR_RETURN(out.in_token_, pkcs11::BlindRsaKey::Open(token, reference->name, key));
  return out;
}

Secret BlindKey::Serialize() const {
  return kept_ ? Secret::CopyOf(kept_->pkcs8()) : Encode(in_token_->name(), in_token_->public_key().Serialize());
}

const crypto::BlindRsaSigner& BlindKey::signer() const {
  if (kept_) return *kept_;
  return *in_token_;
}

absl::Status DestroyStored(ByteView stored, const std::shared_ptr<pkcs11::Token>& token) {
  ASSIGN_OR_RETURN(const std::optional<Reference> reference, ReadReference(stored, token));
  if (!reference) return absl::InvalidArgumentError("this key is in no token");
  return pkcs11::DestroyNamed(*token, reference->name);
}

}  // namespace plumbline::keyserver
