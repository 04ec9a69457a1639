#include "common/tlog/note_key.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/tlog/base64.h"
#include "common/tlog/utf8.h"

namespace plumbline::tlog {
namespace {

constexpr uint8_t kEd25519Type = 0x01;

// The characters with the property White_Space.
bool IsSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

uint32_t KeyId(absl::string_view name, ByteView key) {
  static constexpr uint8_t kBetween[] = {'\n', kEd25519Type};
  const auto hash = Sha256(Concat({AsBytes(name), kBetween, key}));
  return uint32_t{hash[0]} << 24 | uint32_t{hash[1]} << 16 | uint32_t{hash[2]} << 8 | hash[3];
}

absl::Status NotAKey() {
  return absl::InvalidArgumentError("a verifier key is a name, a key id and an Ed25519 key, joined by '+'");
}

}  // namespace

absl::Status CheckKeyName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxKeyName) return absl::InvalidArgumentError("a key's name has 1 to 512 bytes");
  while (!name.empty()) {
    const std::optional<char32_t> c = TakeCharacter(name);
    if (!c || *c < 0x20 || *c == '+' || IsSpace(*c)) {
      return absl::InvalidArgumentError("a key's name is UTF-8 without spaces, control characters and '+'");
    }
  }
  return absl::OkStatus();
}

VerifierKey::VerifierKey(absl::string_view name, const crypto::Ed25519PublicKey& key)
    : name_(name), key_(key), id_(KeyId(name, key.view())) {}

absl::StatusOr<VerifierKey> VerifierKey::Create(absl::string_view name, const crypto::Ed25519PublicKey& key) {
  RETURN_IF_ERROR(CheckKeyName(name));
  return VerifierKey(name, key);
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(absl::string_view text) {
  const size_t first = text.find('+');  // base 64 has '+' too; a name has none
  if (first == absl::string_view::npos || text.size() < first + 10 || text[first + 9] != '+') return NotAKey();
  const absl::StatusOr<Bytes> key = FromBase64(text.substr(first + 10));
  if (!key.ok() || key->size() != 1 + crypto::kEd25519KeySize || key->front() != kEd25519Type) return NotAKey();
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey parsed, crypto::Ed25519PublicKey::Parse(ByteView(*key).subspan(1)));
  ASSIGN_OR_RETURN(VerifierKey out, Create(text.substr(0, first), parsed));
  if (out.ToText() != text) return absl::InvalidArgumentError("the verifier key's id is not that of its name and key");
  return out;
}

std::string VerifierKey::ToText() const {
  static constexpr uint8_t kType[] = {kEd25519Type};
  return absl::StrCat(name_, "+", absl::StrFormat("%08x", id_), "+", ToBase64(Concat({kType, key_.view()})));
}

absl::Status VerifierKey::Verify(absl::string_view text, ByteView signature) const {
  const ByteView message = AsBytes(text);
  if (signature.size() != crypto::kEd25519SignatureSize ||
      crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key_.view().data()) != 0) {
    return absl::UnauthenticatedError("the signature does not verify");
  }
  return absl::OkStatus();
}

absl::StatusOr<NoteSigner> NoteSigner::Create(absl::string_view name, const crypto::Ed25519KeyPair& key) {
  ASSIGN_OR_RETURN(VerifierKey verifier, VerifierKey::Create(name, key.public_key()));
  Secret expanded(crypto_sign_SECRETKEYBYTES);
  uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
  CHECK(crypto_sign_seed_keypair(public_key, expanded.span().data(), key.seed().data()) == 0);
  return NoteSigner(std::move(verifier), std::move(expanded));
}

Bytes NoteSigner::Sign(absl::string_view text) const {
  Bytes signature(crypto::kEd25519SignatureSize);
  const ByteView message = AsBytes(text);
  CHECK(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), expanded_.view().data()) == 0);
  return signature;
}

}  // namespace plumbline::tlog
