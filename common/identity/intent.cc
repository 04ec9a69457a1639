#include "common/identity/intent.h"

#include "common/crypto/ed25519.h"
#include "common/crypto/hkdf.h"
#include "common/identity/display_name.h"
#include "common/identity/labels.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kMaxParameters = 2048;

absl::Status CheckParameters(const Intent& intent) {
  switch (intent.action) {
    case Action::kCreateAccount:
      return ParseCreateAccountParameters(intent.parameters).status();
    case Action::kIssueEnrolmentCode:
      return ParseIssueEnrolmentCodeParameters(intent.parameters).status();
    case Action::kRevokeDevice:
      return ParseRevokeDeviceParameters(intent.parameters).status();
    case Action::kActivateDevice:
      return ParseActivateDeviceParameters(intent.parameters).status();
    case Action::kWipeDevice:
      return ParseWipeDeviceParameters(intent.parameters).status();
    case Action::kListAuditEvents:
      return ParseListAuditEventsParameters(intent.parameters).status();
    default:
      if (!intent.parameters.empty()) return absl::InvalidArgumentError("the action has no parameters");
      return absl::OkStatus();
  }
}

absl::Status CheckFields(const Intent& intent) {
  if (intent.target.empty() == NeedsTarget(intent.action)) {
    return absl::InvalidArgumentError("an intent names a person exactly where its action needs one");
  }
  if (!intent.target.empty()) RETURN_IF_ERROR(ParseUserUri(intent.target).status());
  if (intent.justification.empty() && NeedsJustification(intent.action)) {
    return absl::InvalidArgumentError("the action needs a justification");
  }
  if ((intent.state_hash == Hash{}) == NeedsStateHash(intent.action)) {
    return absl::InvalidArgumentError(
        "an intent states the account's hash exactly where its action needs it");
  }
  if (intent.expires_unix <= intent.issued_unix ||
      intent.expires_unix - intent.issued_unix >
          static_cast<uint64_t>(absl::ToInt64Seconds(kMaxIntentLife))) {
    return absl::InvalidArgumentError("an intent lives at most 15 minutes");
  }
  return CheckParameters(intent);
}

}  // namespace

absl::string_view ActionName(Action action) {
  switch (action) {
    case Action::kCreateAccount:
      return "create_account";
    case Action::kIssueEnrolmentCode:
      return "issue_enrolment_code";
    case Action::kSuspendAccount:
      return "suspend_account";
    case Action::kReactivateAccount:
      return "reactivate_account";
    case Action::kListAccounts:
      return "list_accounts";
    case Action::kListAuditEvents:
      return "list_audit_events";
    case Action::kGetAccount:
      return "get_account";
    case Action::kRemoveAccount:
      return "remove_account";
    case Action::kRevokeDevice:
      return "revoke_device";
    case Action::kActivateDevice:
      return "activate_device";
    case Action::kEndTokenEpoch:
      return "end_token_epoch";
    case Action::kWipeDevice:
      return "wipe_device";
  }
  return "unknown";
}

bool NeedsTarget(Action action) {
  return action != Action::kListAccounts && action != Action::kListAuditEvents && action != Action::kEndTokenEpoch;
}
bool NeedsJustification(Action action) {
  return action <= Action::kReactivateAccount || action >= Action::kRemoveAccount;
}
bool NeedsStateHash(Action action) {
  return NeedsJustification(action) && action != Action::kCreateAccount && action != Action::kEndTokenEpoch;
}

Bytes Encode(const Intent& intent) {
  Writer out;
  out.U8(kVersion)
      .U16(static_cast<uint16_t>(intent.action))
      .Vector(AsBytes(intent.target))
      .Vector(intent.parameters)
      .Fixed(intent.state_hash)
      .Vector(AsBytes(intent.justification))
      .Fixed(intent.nonce)
      .U64(intent.issued_unix)
      .U64(intent.expires_unix);
  return out.TakeBytes();
}

absl::StatusOr<Intent> ParseIntent(ByteView wire) {
  if (wire.size() > kMaxIntent) return absl::InvalidArgumentError("an intent is too long");
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "an intent"));
  ASSIGN_OR_RETURN(const uint16_t action, in.U16());
  if (action < 1 || action > static_cast<uint16_t>(Action::kWipeDevice)) {
    return absl::InvalidArgumentError("unknown action");
  }
  Intent out;
  out.action = static_cast<Action>(action);
  ASSIGN_OR_RETURN(const ByteView target, in.Vector(kMaxUri));
  out.target = ToString(target);
  ASSIGN_OR_RETURN(const ByteView parameters, in.Vector(kMaxParameters));
  out.parameters = ToBytes(parameters);
  ASSIGN_OR_RETURN(out.state_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.justification, ReadText(in, kMaxJustification));
  ASSIGN_OR_RETURN(out.nonce, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.issued_unix, in.U64());
  ASSIGN_OR_RETURN(out.expires_unix, in.U64());
  RETURN_IF_ERROR(in.Done());
  RETURN_IF_ERROR(CheckFields(out));
  return out;
}

Bytes Encode(const CreateAccountParameters& parameters) {
  Writer out;
  out.Vector(AsBytes(parameters.display_name))
      .Vector(AsBytes(parameters.proofing_level))
      .Vector(AsBytes(parameters.proofing_reference));
  return out.TakeBytes();
}

absl::StatusOr<CreateAccountParameters> ParseCreateAccountParameters(ByteView wire) {
  Reader in(wire);
  CreateAccountParameters out;
  ASSIGN_OR_RETURN(out.display_name, ReadText(in, kMaxDisplayName));
  ASSIGN_OR_RETURN(out.proofing_level, ReadText(in, kMaxProofing));
  ASSIGN_OR_RETURN(out.proofing_reference, ReadText(in, kMaxProofing));
  RETURN_IF_ERROR(in.Done());
  if (out.proofing_level.empty()) return absl::InvalidArgumentError("an account needs a proofing level");
  RETURN_IF_ERROR(CheckDisplayName(out.display_name));
  return out;
}

Bytes Encode(const IssueEnrolmentCodeParameters& parameters) {
  return Writer().Fixed(parameters.code_key).U32(parameters.life_seconds).TakeBytes();
}

absl::StatusOr<IssueEnrolmentCodeParameters> ParseIssueEnrolmentCodeParameters(ByteView wire) {
  Reader in(wire);
  IssueEnrolmentCodeParameters out;
  ASSIGN_OR_RETURN(out.code_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.life_seconds, in.U32());
  RETURN_IF_ERROR(in.Done());
  RETURN_IF_ERROR(crypto::Ed25519PublicKey::Parse(out.code_key).status());
  if (out.life_seconds < 60 || out.life_seconds > 604800) {
    return absl::InvalidArgumentError("an enrolment code lives from one minute to seven days");
  }
  return out;
}

Bytes Encode(const RevokeDeviceParameters& parameters) {
  return Writer().Fixed(parameters.device_id).TakeBytes();
}

absl::StatusOr<RevokeDeviceParameters> ParseRevokeDeviceParameters(ByteView wire) {
  Reader in(wire);
  RevokeDeviceParameters out;
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const WipeDeviceParameters& parameters) { return Writer().Fixed(parameters.device_id).TakeBytes(); }

absl::StatusOr<WipeDeviceParameters> ParseWipeDeviceParameters(ByteView wire) {
  Reader in(wire);
  WipeDeviceParameters out;
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const ActivateDeviceParameters& parameters) { return Writer().Fixed(parameters.request_hash).TakeBytes(); }

absl::StatusOr<ActivateDeviceParameters> ParseActivateDeviceParameters(ByteView wire) {
  Reader in(wire);
  ActivateDeviceParameters out;
  ASSIGN_OR_RETURN(out.request_hash, ReadFixed<32>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const ListAuditEventsParameters& parameters) {
  return Writer().U64(parameters.after_sequence).U32(parameters.limit).TakeBytes();
}

absl::StatusOr<ListAuditEventsParameters> ParseListAuditEventsParameters(ByteView wire) {
  Reader in(wire);
  ListAuditEventsParameters out;
  ASSIGN_OR_RETURN(out.after_sequence, in.U64());
  ASSIGN_OR_RETURN(out.limit, in.U32());
  RETURN_IF_ERROR(in.Done());
  if (out.limit == 0 || out.limit > 1000) return absl::InvalidArgumentError("a page has 1 to 1000 events");
  return out;
}

Secret FirstAdministratorMacKey(absl::string_view code) {
  return crypto::HkdfSha256(AsBytes(code), {}, AsBytes(kFirstAdministratorLabel), 32);
}

}  // namespace plumbline::identity
