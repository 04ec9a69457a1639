#include "admin/console/describe.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/identity/codes.h"
#include "common/identity/intent.h"
#include "common/identity/text.h"

namespace plumbline::admin {
namespace {

using identity::Action;
using identity::Intent;
using Fields = std::vector<DescribedField>;

std::string ActionInWords(Action action) {
  switch (action) {
    case Action::kCreateAccount:
      return "create an account";
    case Action::kIssueEnrolmentCode:
      return "issue a one-time enrolment code (a former one becomes void)";
    case Action::kSuspendAccount:
      return "suspend the account";
    case Action::kReactivateAccount:
      return "reactivate the account";
    case Action::kListAccounts:
      return "list all accounts";
    case Action::kListAuditEvents:
      return "read the key server's audit record";
    case Action::kGetAccount:
      return "read the account";
    case Action::kRemoveAccount:
      return "remove the account for ever, with all devices; the name is not given again";
    case Action::kRevokeDevice:
      return "remove one device of the account for ever";
    case Action::kWipeDevice:
      return "make what is stored on one device of the account unreadable for ever";
    case Action::kActivateDevice:
      return "activate the device whose own screen shows this code: it will read what is written to this person";
    case Action::kEndTokenEpoch:
      return "make every anonymous token void that anybody has drawn so far; all devices draw new ones";
  }
  return "";  // a parsed intent has one of the above
}

std::string ShowLife(uint32_t seconds) { return absl::FormatDuration(absl::Seconds(seconds)); }

absl::Status DescribeParameters(const Intent& intent, Fields& out) {
  switch (intent.action) {
    case Action::kCreateAccount: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseCreateAccountParameters(intent.parameters));
      out.push_back({"display name", parameters.display_name});
      out.push_back({"identity checked", parameters.proofing_level});
      out.push_back({"check recorded at", parameters.proofing_reference});
      return absl::OkStatus();
    }
    case Action::kIssueEnrolmentCode: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseIssueEnrolmentCodeParameters(intent.parameters));
      out.push_back({"key of the code", ToHex(parameters.code_key)});
      out.push_back({"code valid for", ShowLife(parameters.life_seconds)});
      return absl::OkStatus();
    }
    case Action::kListAuditEvents: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseListAuditEventsParameters(intent.parameters));
      out.push_back({"records", absl::StrCat("at most ", parameters.limit, " after number ",
                                             parameters.after_sequence)});
      return absl::OkStatus();
    }
    case Action::kRevokeDevice: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseRevokeDeviceParameters(intent.parameters));
      out.push_back({"device", ToHex(parameters.device_id)});
      return absl::OkStatus();
    }
    case Action::kWipeDevice: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseWipeDeviceParameters(intent.parameters));
      out.push_back({"device", ToHex(parameters.device_id)});
      return absl::OkStatus();
    }
    case Action::kActivateDevice: {
      ASSIGN_OR_RETURN(const auto parameters, identity::ParseActivateDeviceParameters(intent.parameters));
      // The code is the beginning of the hash that is signed (common/identity/device_decision.h).
      out.push_back({"code", identity::FormatCode(identity::CodeOf(ByteView(parameters.request_hash).first(identity::kCodeBytes)))});
      out.push_back({"keys of that device", ToHex(parameters.request_hash)});
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

bool IsZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

absl::StatusOr<Fields> DescribeIntent(ByteView wire) {
  ASSIGN_OR_RETURN(const Intent intent, identity::ParseIntent(wire));
  Fields out;
  out.push_back({"action", ActionInWords(intent.action)});
  if (!intent.target.empty()) out.push_back({"person", intent.target});
  RETURN_IF_ERROR(DescribeParameters(intent, out));
  if (!intent.justification.empty()) out.push_back({"because", intent.justification});
  if (!IsZero(intent.state_hash)) out.push_back({"only if the state is still", ToHex(intent.state_hash)});
  out.push_back({"valid", absl::StrCat(ShowTime(intent.issued_unix), " to ", ShowTime(intent.expires_unix))});
  out.push_back({"once, under the number", ToHex(intent.nonce)});
  out.push_back({"intent", ToHex(Sha256(wire))});
  return out;
}

std::string ToText(const Fields& description) {
  size_t width = 0;
  for (const DescribedField& field : description) width = std::max(width, field.name.size());
  std::string out;
  for (const DescribedField& field : description) {
    absl::StrAppendFormat(&out, "  %-*s  %s\n", static_cast<int>(width), field.name, Printable(field.value));
  }
  return out;
}

std::string Printable(absl::string_view text) {
  return identity::CheckText(text, 64 << 10).ok() ? std::string(text) : absl::CHexEscape(text);
}

std::string ShowTime(uint64_t unix_seconds) {
  constexpr uint64_t kYear9999 = 253402300799;
  if (unix_seconds > kYear9999) return absl::StrCat(unix_seconds, " s after 1970");
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(static_cast<int64_t>(unix_seconds)),
                          absl::UTCTimeZone());
}

}  // namespace plumbline::admin
