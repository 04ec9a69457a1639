// The numbers two people compare to know that nobody stands between them (docs/protocols/identity.md).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/identity/fixed.h"

namespace plumbline::identity {

// One of the two people: the user URI and the MLS signature key of each of their devices, in any order.
struct VerificationParty {
  std::string user;
  std::vector<PublicKey> mls_signature_keys;
};

// Sixty digits, the same for both whoever asks: twelve groups of five, separated by spaces. Takes about 10
// ms.
std::string VerificationCode(const VerificationParty& a, const VerificationParty& b);

}  // namespace plumbline::identity
