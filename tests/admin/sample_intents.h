// Random valid intents, for properties that must hold for all of them.
#pragma once

#include <sodium.h>

#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/identity/intent.h"
#include "tests/common/codes.h"

namespace plumbline::admin {

inline uint32_t RandomBelow(uint32_t bound) { return randombytes_uniform(bound); }

// Printable, with letters of one, two, three and four bytes.
inline std::string RandomText(size_t max_characters) {
  static const std::vector<std::string> kLetters{"a", "Z", "0",  " ", "\"", "\\",
                                                 "é", "ß", "漢", "🜚", "=",  "-"};
  std::string text = "t";
  for (size_t n = RandomBelow(static_cast<uint32_t>(max_characters)); n > 0; --n) {
    text += kLetters[RandomBelow(static_cast<uint32_t>(kLetters.size()))];
  }
  return text + ".";
}

// The same as a display name: words with single spaces.
inline std::string RandomName(size_t max_characters) {
  std::string name = RandomText(max_characters);
  for (size_t at = name.find("  "); at != std::string::npos; at = name.find("  ")) name.erase(at, 1);
  return name;
}

inline Bytes RandomParameters(identity::Action action) {
  switch (action) {
    case identity::Action::kCreateAccount:
      return Encode(identity::CreateAccountParameters{RandomName(20), RandomText(20), RandomText(20)});
    case identity::Action::kIssueEnrolmentCode:
      return testing::CodeParameters(60 + RandomBelow(600000));
    case identity::Action::kListAuditEvents:
      return Encode(identity::ListAuditEventsParameters{RandomBelow(1000000), 1 + RandomBelow(1000)});
    case identity::Action::kRevokeDevice:
      return Encode(identity::RevokeDeviceParameters{identity::RandomFixed<16>()});
    case identity::Action::kWipeDevice:
      return Encode(identity::WipeDeviceParameters{identity::RandomFixed<16>()});
    case identity::Action::kActivateDevice:
      return Encode(identity::ActivateDeviceParameters{identity::RandomFixed<32>()});
    default:
      return {};
  }
}

inline identity::Intent RandomIntent() {
  identity::Intent intent;
  intent.action = static_cast<identity::Action>(1 + RandomBelow(static_cast<uint32_t>(identity::Action::kWipeDevice)));
  if (identity::NeedsTarget(intent.action)) {
    intent.target = "mimi://example.org/u/p" + std::to_string(RandomBelow(1000000));
  }
  intent.parameters = RandomParameters(intent.action);
  if (identity::NeedsStateHash(intent.action)) intent.state_hash = identity::RandomFixed<32>();
  if (identity::NeedsJustification(intent.action)) intent.justification = RandomText(40);
  intent.nonce = identity::RandomFixed<16>();
  intent.issued_unix = 1'790'000'000 + RandomBelow(10'000'000);
  intent.expires_unix = intent.issued_unix + 1 + RandomBelow(899);
  return intent;
}

}  // namespace plumbline::admin
