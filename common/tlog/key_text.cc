#include "common/tlog/key_text.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/tlog/base64.h"
#include "common/tlog/utf8.h"

namespace plumbline::tlog {
namespace {

// The characters with the property White_Space.
bool IsSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

absl::Status NotAKey(KeyType type) {
  return absl::InvalidArgumentError(absl::StrCat("a verifier key is a name, a key id and an Ed25519 key of type ",
                                                 static_cast<int>(type), ", joined by '+'"));
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

uint32_t KeyId(absl::string_view name, KeyType type, const crypto::Ed25519PublicKey& key) {
  const uint8_t between[] = {'\n', static_cast<uint8_t>(type)};
  const auto hash = Sha256(Concat({AsBytes(name), between, key.view()}));
  return uint32_t{hash[0]} << 24 | uint32_t{hash[1]} << 16 | uint32_t{hash[2]} << 8 | hash[3];
}

std::string FormatKey(absl::string_view name, KeyType type, const crypto::Ed25519PublicKey& key) {
  const uint8_t first[] = {static_cast<uint8_t>(type)};
  return absl::StrCat(name, "+", absl::StrFormat("%08x", KeyId(name, type, key)), "+",
                      ToBase64(Concat({first, key.view()})));
}

absl::StatusOr<NamedKey> ParseKey(absl::string_view text, KeyType type) {
  const size_t first = text.find('+');  // base 64 has '+' too; a name has none
  if (first == absl::string_view::npos || text.size() < first + 10 || text[first + 9] != '+') return NotAKey(type);
  const absl::StatusOr<Bytes> key = FromBase64(text.substr(first + 10));
  if (!key.ok() || key->size() != 1 + crypto::kEd25519KeySize || key->front() != static_cast<uint8_t>(type))
    return NotAKey(type);
  const absl::string_view name = text.substr(0, first);
  RETURN_IF_ERROR(CheckKeyName(name));
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey parsed, crypto::Ed25519PublicKey::Parse(ByteView(*key).subspan(1)));
  if (FormatKey(name, type, parsed) != text)
    return absl::InvalidArgumentError("the verifier key's id is not that of its name and key");
  return NamedKey{std::string(name), parsed};
}

}  // namespace plumbline::tlog
