// One-time codes for tests.
#pragma once

#include "common/identity/codes.h"
#include "common/identity/intent.h"

namespace plumbline::testing {

// What is known of a code.
inline identity::PublicKey CodeKey(absl::string_view user, absl::string_view code) {
  return *identity::ToFixed<32>(identity::EnrolmentCodeKey(user, code).public_key().view());
}
// The parameters of an intent for that code; for one that nobody has, without one.
inline Bytes CodeParameters(uint32_t life_seconds, absl::string_view user = "", absl::string_view code = "") {
  return identity::Encode(identity::IssueEnrolmentCodeParameters{
      CodeKey(user, code.empty() ? identity::GenerateCode() : std::string(code)), life_seconds});
}

}  // namespace plumbline::testing
