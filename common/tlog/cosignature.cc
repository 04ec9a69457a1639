#include "common/tlog/cosignature.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/codec.h"

namespace plumbline::tlog {
namespace {

std::string Message(uint64_t timestamp, absl::string_view text) {
  return absl::StrCat("cosignature/v1\ntime ", timestamp, "\n", text);
}

}  // namespace

CosignerKey::CosignerKey(absl::string_view name, const crypto::Ed25519PublicKey& key)
    : name_(name), key_(key), id_(KeyId(name, KeyType::kCosignature, key)) {}

absl::StatusOr<CosignerKey> CosignerKey::Create(absl::string_view name, const crypto::Ed25519PublicKey& key) {
  RETURN_IF_ERROR(CheckKeyName(name));
  return CosignerKey(name, key);
}

absl::StatusOr<CosignerKey> CosignerKey::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(const NamedKey key, ParseKey(text, KeyType::kCosignature));
  return CosignerKey(key.name, key.key);
}

absl::StatusOr<absl::Time> CosignerKey::Verify(absl::string_view text, ByteView signature) const {
  const absl::Status refused = absl::UnauthenticatedError(absl::StrCat("the cosignature of ", name_, " does not verify"));
  if (signature.size() != kCosignatureSize) return refused;
  Reader in(signature);
  ASSIGN_OR_RETURN(const uint64_t timestamp, in.U64());
  if (timestamp > uint64_t{INT64_MAX}) return refused;
  const std::string signed_text = Message(timestamp, text);
  const ByteView message = AsBytes(signed_text);
  if (crypto_sign_verify_detached(in.rest().data(), message.data(), message.size(), key_.view().data()) != 0) return refused;
  return absl::FromUnixSeconds(static_cast<int64_t>(timestamp));
}

absl::StatusOr<absl::Time> CosignerKey::Find(const Note& note) const {
  std::optional<absl::Time> latest;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != name_ || signature.key_id != id_) continue;
    ASSIGN_OR_RETURN(const absl::Time time, Verify(note.text, signature.signature));
    latest = latest ? std::max(*latest, time) : time;
  }
  if (!latest) return absl::NotFoundError(absl::StrCat(name_, " has not cosigned"));
  return *latest;
}

absl::StatusOr<Cosigner> Cosigner::Create(absl::string_view name, const crypto::Ed25519KeyPair& key) {
  ASSIGN_OR_RETURN(CosignerKey verifier, CosignerKey::Create(name, key.public_key()));
  Secret expanded(crypto_sign_SECRETKEYBYTES);
  uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
  CHECK(crypto_sign_seed_keypair(public_key, expanded.span().data(), key.seed().data()) == 0);
  return Cosigner(std::move(verifier), std::move(expanded));
}

NoteSignature Cosigner::Cosign(absl::string_view text, absl::Time now) const {
  const uint64_t timestamp = static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(now)));
  const std::string message = Message(timestamp, text);
  uint8_t signature[crypto_sign_BYTES];
  CHECK(crypto_sign_detached(signature, nullptr, AsBytes(message).data(), message.size(), expanded_.view().data()) == 0);
  Writer out;
  out.U64(timestamp).Fixed(signature);
  return {verifier_.name(), verifier_.id(), out.TakeBytes()};
}

}  // namespace plumbline::tlog
