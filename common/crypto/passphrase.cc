#include "common/crypto/passphrase.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbline::crypto {

absl::Status CheckPassphrase(ByteView passphrase) {
  if (passphrase.size() < kMinPassphraseSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase_too_weak: shorter than ", kMinPassphraseSize,
                     " characters; use four or more random words"));
  }
  if (passphrase.size() > kMaxPassphraseSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase_too_long: longer than ", kMaxPassphraseSize, " bytes"));
  }
  if (std::all_of(passphrase.begin(), passphrase.end(),
                  [&](uint8_t byte) { return byte == passphrase[0]; })) {
    return absl::InvalidArgumentError(
        "passphrase_too_weak: one character repeated; use four or more random words");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::crypto
