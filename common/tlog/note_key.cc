#include "common/tlog/note_key.h"

#include <sodium.h>

namespace plumbline::tlog {

VerifierKey::VerifierKey(absl::string_view name, const crypto::Ed25519PublicKey& key)
    : name_(name), key_(key), id_(KeyId(name, KeyType::kNote, key)) {}

absl::StatusOr<VerifierKey> VerifierKey::Create(absl::string_view name, const crypto::Ed25519PublicKey& key) {
  RETURN_IF_ERROR(CheckKeyName(name));
  return VerifierKey(name, key);
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(const NamedKey key, ParseKey(text, KeyType::kNote));
  return VerifierKey(key.name, key.key);
}

std::string VerifierKey::ToText() const { return FormatKey(name_, KeyType::kNote, key_); }

absl::Status VerifierKey::Verify(absl::string_view text, ByteView signature) const {
  const ByteView message = AsBytes(text);
  if (signature.size() != crypto::kEd25519SignatureSize ||
      crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key_.view().data()) != 0) {
    return absl::UnauthenticatedError("the signature does not verify");
  }
  return absl::OkStatus();
}

absl::StatusOr<NoteSigner> NoteSigner::Create(absl::string_view name, std::shared_ptr<const crypto::Ed25519Signer> key) {
  ASSIGN_OR_RETURN(VerifierKey verifier, VerifierKey::Create(name, key->public_key()));
  return NoteSigner(std::move(verifier), std::move(key));
}

absl::StatusOr<NoteSigner> NoteSigner::Create(absl::string_view name, const crypto::Ed25519KeyPair& key) {
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair copy, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(key.seed())));
  return Create(name, std::make_shared<const crypto::Ed25519KeyPair>(std::move(copy)));
}

}  // namespace plumbline::tlog
