#include "common/crypto/fingerprint.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kDigits = 64;
constexpr size_t kMaxTyped = 512;  // digits and every separator anybody would put between them

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsSeparator(char c) { return c == ' ' || c == '-' || c == ':'; }

}  // namespace

absl::StatusOr<Fingerprint> Fingerprint::FromBytes(ByteView bytes) {
  std::array<uint8_t, 32> out;
  if (bytes.size() != out.size()) {
    return absl::InvalidArgumentError("a fingerprint is 32 bytes long");
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return Fingerprint(out);
}

absl::StatusOr<Fingerprint> Fingerprint::FromText(absl::string_view text) {
  std::array<uint8_t, 32> out{};
  size_t digits = 0;
  if (text.size() > kMaxTyped) return absl::InvalidArgumentError("far too long for a fingerprint");
  for (const char c : text) {
    if (IsSeparator(c)) continue;
    const int value = DigitValue(c);
    if (value < 0) {
      return absl::InvalidArgumentError("a fingerprint has only the digits 0-9 and a-f");
    }
    if (digits < kDigits) out[digits / 2] = static_cast<uint8_t>(out[digits / 2] << 4 | value);
    ++digits;
  }
  if (digits != kDigits) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fingerprint has 64 digits; this has ", digits));
  }
  return Fingerprint(out);
}

std::string Fingerprint::ToText() const {
  const std::string hex = ToHex(bytes_);
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 4) {
    absl::StrAppend(&out, i == 0 ? "" : " ", absl::string_view(hex).substr(i, 4));
  }
  return out;
}

}  // namespace plumbline::crypto
