// Intents: what an administrator signs and the key server carries out (docs/protocols/intents.md).
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::identity {

enum class Action : uint16_t {
  kCreateAccount = 1,
  kIssueEnrolmentCode = 2,
  kSuspendAccount = 3,
  kReactivateAccount = 4,
  kListAccounts = 5,
  kListAuditEvents = 6,
  kGetAccount = 7,
  kRemoveAccount = 8,  // for ever: the name is not given again
  kRevokeDevice = 9,
  kActivateDevice = 10,  // that waits for a registrar (attended enrolment)
  kEndTokenEpoch = 11,   // every anonymous token that was drawn so far is void (docs/protocols/tokens.md)
  kWipeDevice = 12,      // its unlock key is destroyed: what is on it never opens again
};
absl::string_view ActionName(Action action);  // "create_account"
bool NeedsTarget(Action action);              // all but the two lists and 11
bool NeedsJustification(Action action);       // 1 to 4, 8 to 12: what changes something
bool NeedsStateHash(Action action);           // 2 to 4, 8 to 10, 12

inline constexpr absl::Duration kMaxIntentLife = absl::Minutes(15);
inline constexpr absl::Duration kIntentClockSkew = absl::Minutes(2);
inline constexpr size_t kMaxIntent = 8192;  // bytes

// struct { uint8 version = 2; uint16 action; opaque target<V>; opaque parameters<V>; opaque state_hash[32];
//          opaque justification<V>; opaque nonce[16]; uint64 issued_unix; uint64 expires_unix; } Intent;
// under kIntentLabel by each administrator
struct Intent {
  Action action = Action::kListAccounts;
  std::string target;         // user URI; empty where the action has none
  Bytes parameters;           // Encode() of the action's parameters, or empty
  Hash state_hash{};          // AccountView.state_hash; zeros where there is none
  std::string justification;  // CheckText, at most kMaxJustification
  Fixed<16> nonce{};
  uint64_t issued_unix = 0;  // seconds
  uint64_t expires_unix = 0;
  bool operator==(const Intent&) const = default;
};
Bytes Encode(const Intent& intent);
// INVALID_ARGUMENT unless `wire` is the encoding of a known action with its target, parameters and justification
// present exactly where the action needs them, and a life of at most kMaxIntentLife. Time
// itself is not checked.
absl::StatusOr<Intent> ParseIntent(ByteView wire);

// struct { opaque display_name<V>; opaque proofing_level<V>; opaque proofing_reference<V>; }
struct CreateAccountParameters {
  std::string display_name;
  std::string proofing_level;      // "checked in person"
  std::string proofing_reference;  // where the record of the check is kept
  bool operator==(const CreateAccountParameters&) const = default;
};
Bytes Encode(const CreateAccountParameters& parameters);
absl::StatusOr<CreateAccountParameters> ParseCreateAccountParameters(ByteView wire);

// struct { opaque code_key[32]; uint32 life_seconds; }   60 to 604800
struct IssueEnrolmentCodeParameters {
  PublicKey code_key{};  // of EnrolmentCodeKey: the administrator's tool makes the code
  uint32_t life_seconds = 86400;
  bool operator==(const IssueEnrolmentCodeParameters&) const = default;
};
Bytes Encode(const IssueEnrolmentCodeParameters& parameters);
absl::StatusOr<IssueEnrolmentCodeParameters> ParseIssueEnrolmentCodeParameters(ByteView wire);

// struct { opaque device_id[16]; }
struct RevokeDeviceParameters {
  DeviceId device_id{};
  bool operator==(const RevokeDeviceParameters&) const = default;
};
Bytes Encode(const RevokeDeviceParameters& parameters);
absl::StatusOr<RevokeDeviceParameters> ParseRevokeDeviceParameters(ByteView wire);

// struct { opaque device_id[16]; }
struct WipeDeviceParameters {
  DeviceId device_id{};
  bool operator==(const WipeDeviceParameters&) const = default;
};
Bytes Encode(const WipeDeviceParameters& parameters);
absl::StatusOr<WipeDeviceParameters> ParseWipeDeviceParameters(ByteView wire);

// struct { opaque request_hash[32]; }   HashOf the waiting device's JoinRequest (common/identity/device_decision.h)
struct ActivateDeviceParameters {
  Hash request_hash{};
  bool operator==(const ActivateDeviceParameters&) const = default;
};
Bytes Encode(const ActivateDeviceParameters& parameters);
absl::StatusOr<ActivateDeviceParameters> ParseActivateDeviceParameters(ByteView wire);

// struct { uint64 after_sequence; uint32 limit; }   limit 1 to 1000
struct ListAuditEventsParameters {
  uint64_t after_sequence = 0;
  uint32_t limit = 100;
  bool operator==(const ListAuditEventsParameters&) const = default;
};
Bytes Encode(const ListAuditEventsParameters& parameters);
absl::StatusOr<ListAuditEventsParameters> ParseListAuditEventsParameters(ByteView wire);

// HMAC-SHA256 key for RegisterFirstAdministrator: HKDF-SHA256(code in normal form, info
// kFirstAdministratorLabel), 32 bytes.
Secret FirstAdministratorMacKey(absl::string_view code);

}  // namespace plumbline::identity
