// What each action does, once AdminDesk::Verify has let it in. Nonce, audit event and effect are one
// transaction.
#include "common/identity/reason.h"
#include "keyserver/admin_desk.h"
#include "keyserver/application.h"
#include "keyserver/views.h"
#include "plumbline/audit/v1/audit.pb.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::Status StateChanged() {
  return Refuse(absl::StatusCode::kAborted, "state_changed",
                "the account has changed meanwhile; look again and repeat");
}

absl::Status CheckNotRemoved(const Account& account) {
  if (!account.removed) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "account_removed",
                "the account was removed, and that is for ever; create one under another name");
}

}  // namespace

absl::Status AdminDesk::SetView(const Account& account, keys::v1::IntentResult& result) {
  keys::v1::AccountView view;
  Fill(account, view);
  keys::v1::RevocationView revocation;
  RETURN_IF_ERROR(departures_.Describe(account.user, revocation));
  if (revocation.confirmed() + revocation.pending() > 0) *view.mutable_revocation() = revocation;
  ASSIGN_OR_RETURN(const std::vector<Join> waiting, stores_.joins.Waiting(account.user, clock_.Now()));
  for (const Join& join : waiting) {
    if (join.invited_by != kByRegistrar) continue;
    keys::v1::WaitingActivation& out = *view.add_waiting();
    if (!out.mutable_request()->ParseFromString(ToString(join.request))) return absl::DataLossError("a stored request does not parse");
    out.set_asked_unix(join.asked_unix);
    out.set_expires_unix(join.expires_unix);
  }
  result.set_result(view.SerializeAsString());
  return absl::OkStatus();
}

absl::Status AdminDesk::Act(const Verified& verified, keys::v1::IntentResult& result) {
  switch (verified.intent.action) {
    case identity::Action::kCreateAccount:
      return CreateAccount(verified, result);
    case identity::Action::kIssueEnrolmentCode:
      return IssueCode(verified, result);
    case identity::Action::kSuspendAccount:
      return Suspend(verified, result);
    case identity::Action::kReactivateAccount:
      return Reactivate(verified, result);
    case identity::Action::kListAccounts:
      return ListAccounts(verified, result);
    case identity::Action::kListAuditEvents:
      return ListAuditEvents(verified, result);
    case identity::Action::kGetAccount:
      return GetAccount(verified, result);
    case identity::Action::kRemoveAccount:
      return Remove(verified, result);
    case identity::Action::kRevokeDevice:
      return RevokeDevice(verified, result);
    case identity::Action::kActivateDevice:
      return ActivateDevice(verified, result);
    case identity::Action::kEndTokenEpoch:
      return EndTokenEpoch(verified, result);
    case identity::Action::kWipeDevice:
      return WipeDevice(verified, result);
  }
  return absl::InternalError("an action that ParseIntent lets through is not carried out");
}

absl::StatusOr<Account> AdminDesk::Target(const identity::Intent& intent) {
  absl::StatusOr<Account> account = stores_.accounts.Find(intent.target);
  if (absl::IsNotFound(account.status())) {
    return Refuse(absl::StatusCode::kNotFound, "unknown_user", "there is no account of that name");
  }
  RETURN_IF_ERROR(account.status());
  if (identity::NeedsStateHash(intent.action) && StateHash(*account) != intent.state_hash)
    return StateChanged();
  return account;
}

absl::Status AdminDesk::CreateAccount(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const identity::CreateAccountParameters parameters,
                   identity::ParseCreateAccountParameters(verified.intent.parameters));
  Account account;
  account.user = verified.intent.target;
  account.display_name = parameters.display_name;
  account.proofing_level = parameters.proofing_level;
  account.proofing_reference = parameters.proofing_reference;
  ASSIGN_OR_RETURN(account.record, FirstRecord(account, verified.hash, organisation_.keys().directory.key));
  RETURN_IF_ERROR(stores_.accounts.Create(account, TraceOf(verified, audit::Event::kAccountCreated)));
  publisher_.PublishAndWait();
  return SetView(account, result);
}

absl::Status AdminDesk::IssueCode(const Verified& verified, keys::v1::IntentResult& result) {
  const identity::Intent& intent = verified.intent;
  ASSIGN_OR_RETURN(const auto parameters, identity::ParseIssueEnrolmentCodeParameters(intent.parameters));
  ASSIGN_OR_RETURN(const Account account, Target(intent));
  RETURN_IF_ERROR(CheckNotRemoved(account));
  if (account.suspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended", "reactivate the account first");
  }
  EnrolmentCode code;
  code.key = parameters.code_key;
  code.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())) + parameters.life_seconds;
  code.attempts = organisation_.limits().code_attempts;
  code.attended = organisation_.attended_enrolment();
  RETURN_IF_ERROR(stores_.accounts.IssueCode(account.user, account.revision, code,
                                             TraceOf(verified, audit::Event::kCodeIssued, account.revision)));
  keys::v1::IssuedCode answer;
  answer.set_keyserver_address(organisation_.keyserver_address());
  answer.set_attended(code.attended);  // it lets a device ask, as a device's does
  answer.set_expires_unix(static_cast<int64_t>(code.expires_unix));
  result.set_result(answer.SerializeAsString());
  return absl::OkStatus();
}

absl::Status AdminDesk::Suspend(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(Account account, Target(verified.intent));
  RETURN_IF_ERROR(CheckNotRemoved(account));
  if (account.suspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_change", "the account is suspended already");
  }
  RETURN_IF_ERROR(departures_.Carry(Leaving::kSuspension, std::nullopt, verified.hash,
                                    TraceOf(verified, audit::Event::kAccountSuspended, account.revision), account));
  return SetView(account, result);
}

absl::Status AdminDesk::Reactivate(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(Account account, Target(verified.intent));
  RETURN_IF_ERROR(CheckNotRemoved(account));
  if (!account.suspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_change", "the account is not suspended");
  }
  const uint64_t revision = account.revision;
  account.suspended = false;
  ASSIGN_OR_RETURN(account.record, NextRecord(account, verified.hash, organisation_.keys().directory.key));
  RETURN_IF_ERROR(stores_.accounts.Reactivate(account.user, revision, account.record,
                                              TraceOf(verified, audit::Event::kAccountResumed, revision)));
  publisher_.PublishAndWait();
  ++account.revision;
  return SetView(account, result);
}

absl::Status AdminDesk::Remove(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(Account account, Target(verified.intent));
  if (account.removed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_change", "the account is removed already");
  }
  RETURN_IF_ERROR(departures_.Carry(Leaving::kRemoval, std::nullopt, verified.hash,
                                    TraceOf(verified, audit::Event::kAccountRemoved, account.revision), account));
  return SetView(account, result);
}

absl::Status AdminDesk::RevokeDevice(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const auto parameters, identity::ParseRevokeDeviceParameters(verified.intent.parameters));
  ASSIGN_OR_RETURN(Account account, Target(verified.intent));
  IntentTrace trace = TraceOf(verified, audit::Event::kDeviceRevoked, account.revision);
  trace.entry.details["person"] = account.user;
  trace.entry.subject = identity::DeviceUri{organisation_.domain(), parameters.device_id}.ToString();
  RETURN_IF_ERROR(departures_.Carry(Leaving::kDevice, parameters.device_id, verified.hash, trace, account));
  return SetView(account, result);
}

absl::Status AdminDesk::WipeDevice(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const auto parameters, identity::ParseWipeDeviceParameters(verified.intent.parameters));
  ASSIGN_OR_RETURN(const Account account, Target(verified.intent));
  IntentTrace trace = TraceOf(verified, audit::Event::kIntentExecuted, account.revision);
  trace.entry.details["person"] = account.user;
  trace.entry.subject = identity::DeviceUri{organisation_.domain(), parameters.device_id}.ToString();
  RETURN_IF_ERROR(stores_.unlock.Wipe(account.user, parameters.device_id, trace));
  return SetView(account, result);
}

absl::Status AdminDesk::ActivateDevice(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const auto parameters, identity::ParseActivateDeviceParameters(verified.intent.parameters));
  ASSIGN_OR_RETURN(Account account, Target(verified.intent));
  RETURN_IF_ERROR(CheckNotRemoved(account));
  if (account.suspended) return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended", "reactivate the account first");
  ASSIGN_OR_RETURN(const std::optional<Join> join, stores_.joins.Find(parameters.request_hash));
  if (!join || join->user != account.user || join->invited_by != kByRegistrar) {
    return Refuse(absl::StatusCode::kNotFound, "join_unknown",
                  "no device of this person waits for a registrar with these keys, or it asked too long ago");
  }
  if (account.devices.size() >= identity::kMaxDevices) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_devices", "an account has at most 32 devices");
  }
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const VerifiedApplication application, ReadKeptApplication(join->request));
  ASSIGN_OR_RETURN(const NewDevice made, Certify(organisation_, application, join->device_id, now));
  const uint64_t revision = account.revision;
  AddTo(account, made.device);
  ASSIGN_OR_RETURN(account.record, NextRecord(account, verified.hash, organisation_.keys().directory.key));
  IntentTrace trace = TraceOf(verified, audit::Event::kDeviceEnrolled, revision);
  trace.joined = {JoinRequestOf(application), made.device.credential};
  trace.entry.details["person"] = account.user;
  trace.entry.details["request"] = ToHex(join->hash);
  trace.entry.subject = identity::DeviceUri{organisation_.domain(), join->device_id}.ToString();
  RETURN_IF_ERROR(stores_.joins.Activate(join->hash, made.device, made.tls.der(), revision, account.record, now, trace));
  publisher_.PublishAndWait();
  ++account.revision;
  return SetView(account, result);
}

absl::Status AdminDesk::ListAccounts(const Verified& verified, keys::v1::IntentResult& result) {
  RETURN_IF_ERROR(stores_.administrators.RecordIntent(TraceOf(verified, audit::Event::kIntentExecuted)));
  ASSIGN_OR_RETURN(const std::vector<Account> accounts, stores_.accounts.List());
  keys::v1::AccountList list;
  for (const Account& account : accounts) Fill(account, *list.add_accounts());
  result.set_result(list.SerializeAsString());
  return absl::OkStatus();
}

absl::Status AdminDesk::ListAuditEvents(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const auto parameters,
                   identity::ParseListAuditEventsParameters(verified.intent.parameters));
  RETURN_IF_ERROR(stores_.administrators.RecordIntent(TraceOf(verified, audit::Event::kAuditRead)));
  ASSIGN_OR_RETURN(const audit::Page read,
                   stores_.trail.ReadPage(parameters.after_sequence, parameters.limit));
  audit::v1::AuditPage page;
  for (const audit::Record& record : read.records) audit::ToProto(record, *page.add_events());
  // A broken record is shown, with the flag down: hiding the rest would only help whoever broke it.
  page.set_intact(read.intact);
  page.set_checkpoint(read.checkpoint);
  if (const auto& audit = organisation_.keys().audit) page.set_log_certificate(ToString(audit->certificate.der()));
  page.set_organisation_keys(ToString(organisation_.keys().organisation_keys));
  result.set_result(page.SerializeAsString());
  return absl::OkStatus();
}

absl::Status AdminDesk::EndTokenEpoch(const Verified& verified, keys::v1::IntentResult& result) {
  RETURN_IF_ERROR(tokens_.EndEpoch(TraceOf(verified, audit::Event::kTokenEpochEnded)));
  departures_.PushAndWait();
  keys::v1::TokenEpochEnded out;
  RETURN_IF_ERROR(departures_.Describe("", *out.mutable_revocation()));
  result.set_result(out.SerializeAsString());
  return absl::OkStatus();
}

absl::Status AdminDesk::GetAccount(const Verified& verified, keys::v1::IntentResult& result) {
  ASSIGN_OR_RETURN(const Account account, Target(verified.intent));
  RETURN_IF_ERROR(stores_.administrators.RecordIntent(TraceOf(verified, audit::Event::kIntentExecuted)));
  return SetView(account, result);
}

}  // namespace plumbline::keyserver
