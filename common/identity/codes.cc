#include "common/identity/codes.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/hkdf.h"
#include "common/identity/labels.h"

namespace plumbline::identity {
namespace {

constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The character of the alphabet that `c` stands for, 0 if none.
char Canonical(char c) {
  c = absl::ascii_toupper(static_cast<unsigned char>(c));
  if (c == 'O') return '0';
  if (c == 'I' || c == 'L') return '1';
  for (size_t i = 0; i < 32; ++i) {
    if (kAlphabet[i] == c) return c;
  }
  return 0;
}

}  // namespace

std::string GenerateCode() {
  std::string code;
  for (const uint8_t byte : RandomBytes(kCodeCharacters)) code.push_back(kAlphabet[byte & 31]);
  return code;
}

std::string CodeOf(ByteView bits) {
  CHECK(bits.size() == kCodeBytes);
  std::string code;
  for (size_t bit = 0; bit < kCodeBytes * 8; bit += 5) {
    const size_t byte = bit / 8;
    const uint32_t window = (uint32_t{bits[byte]} << 8) | (byte + 1 < bits.size() ? bits[byte + 1] : 0u);
    code.push_back(kAlphabet[(window >> (11 - bit % 8)) & 31]);
  }
  return code;
}

std::string FormatCode(absl::string_view code) {
  CHECK(code.size() == kCodeCharacters);
  std::string out;
  for (size_t i = 0; i < code.size(); ++i) {
    if (i != 0 && i % 4 == 0) out.push_back('-');
    out.push_back(code[i]);
  }
  return out;
}

absl::StatusOr<std::string> NormaliseCode(absl::string_view typed) {
  const auto refuse = [] {
    return absl::InvalidArgumentError("a code has 16 letters and digits, like ABCD-EFGH-JKMN-PQRS");
  };
  if (typed.size() > 64) return refuse();
  std::string code;
  for (const char c : typed) {
    if (c == '-' || c == ' ') continue;
    const char canonical = Canonical(c);
    if (canonical == 0) return refuse();
    code.push_back(canonical);
  }
  if (code.size() != kCodeCharacters) return refuse();
  return code;
}

crypto::Ed25519KeyPair EnrolmentCodeKey(absl::string_view user, absl::string_view code) {
  absl::StatusOr<crypto::Ed25519KeyPair> key = crypto::Ed25519KeyPair::FromSeed(crypto::HkdfSha256(
      AsBytes(code), {}, AsBytes(absl::StrCat(kEnrolmentCodeLabel, user)), crypto::kEd25519SeedSize));
  CHECK(key.ok());
  return *std::move(key);
}

}  // namespace plumbline::identity
