// One-time codes: 80 random bits as 16 characters of Crockford's base32 (0-9 A-Z without I L O U).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kCodeCharacters = 16;
inline constexpr size_t kCodeBytes = 10;

// A new code in normal form: 16 characters, upper case, no dashes.
std::string GenerateCode();

// The normal form of exactly kCodeBytes bytes, five bits a character, the first bit first.
std::string CodeOf(ByteView bits);

// ABCD-EFGH-JKMN-PQRS from the normal form.
std::string FormatCode(absl::string_view code);

// The normal form of what a person typed: any case, dashes and spaces anywhere, O for 0, I and L for 1.
// INVALID_ARGUMENT if that does not leave 16 characters of the alphabet.
absl::StatusOr<std::string> NormaliseCode(absl::string_view typed);

// The key that an enrolment code is: Ed25519 from the seed HKDF-SHA256(code in normal form, no salt, label || user). Who has the
// code signs with it; the key server and whoever audits it know the public key alone, so they cannot enrol anybody.
crypto::Ed25519KeyPair EnrolmentCodeKey(absl::string_view user, absl::string_view code);

}  // namespace plumbline::identity
