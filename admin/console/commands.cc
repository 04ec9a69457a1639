#include "admin/console/commands.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/console/describe.h"
#include "admin/console/output.h"
#include "admin/console/seen_log.h"
#include "admin/console/terminal.h"
#include "admin/console/waiting.h"
#include "common/audit/export.h"
#include "common/file.h"
#include "common/identity/codes.h"
#include "common/identity/display_name.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::admin {
namespace {

using identity::Action;
using identity::Refuse;

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void PrintFields(const ConsoleOptions& options, absl::string_view sentence,
                 const std::vector<DescribedField>& fields) {
  Print(options.json ? ObjectJson(fields) : absl::StrCat(sentence, "\n", ToText(fields)));
}

// Said here in plain words; the encoding would refuse it too.
absl::Status CheckWritten(absl::string_view what, absl::string_view text, size_t max_size) {
  if (!text.empty() && identity::CheckText(text, max_size).ok()) return absl::OkStatus();
  return Refuse(
      absl::StatusCode::kInvalidArgument, "text_unusable",
      absl::StrCat("the ", what, " must have 1 to ", max_size, " bytes of text without control characters"));
}

// A refusal about time is most often a clock: say what this one shows.
absl::Status WithClock(const absl::Status& status, const Clock& clock) {
  const std::string reason = identity::ReasonOf(status);
  if (reason != "intent_expired" && reason != "intent_not_yet_valid") return status;
  return Refuse(status.code(), reason,
                absl::StrCat(identity::TextOf(status), ". This machine's clock shows ",
                             ShowTime(static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now()))),
                             "; if that is wrong, correct it and run the command again"));
}

}  // namespace

absl::Status Setup(const ConsoleOptions& options, const SetupRequest& request, const Clock& clock) {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const crypto::Fingerprint fingerprint, crypto::Fingerprint::FromText(request.fingerprint));
  ASSIGN_OR_RETURN(std::string root_pem, rpc::FetchPinnedRoot(request.server, fingerprint, clock.Now()));
  const Profile profile{.server = request.server,
                        .server_name = request.server_name,
                        .domain = request.domain,
                        .organisation = fingerprint,
                        .root_pem = std::move(root_pem)};
  RETURN_IF_ERROR(SaveProfile(options.home, profile));
  PrintFields(options, "This folder now belongs to the organisation:",
              {{"domain", profile.domain},
               {"server", profile.server},
               {"organisation", fingerprint.ToText()},
               {"folder", options.home}});
  return absl::OkStatus();
}

absl::Status KeyCreate(const ConsoleOptions& options) {
  ASSIGN_OR_RETURN(
      const Secret passphrase,
      GetPassphrase(options.passphrase_file, "Choose a passphrase for your administrator's key", true));
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey key, CreateAdministratorKey(options.home, passphrase));
  PrintFields(
      options,
      "Your administrator's key was made. Its id appears in the audit record with everything you sign:",
      {{"key_id", KeyId(key)}, {"public_key", ToHex(key.view())}, {"folder", options.home}});
  return absl::OkStatus();
}

absl::Status KeyShow(const ConsoleOptions& options) {
  ASSIGN_OR_RETURN(const Secret passphrase, GetPassphrase(options.passphrase_file, "Passphrase", false));
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair key, OpenAdministratorKey(options.home, passphrase));
  PrintFields(options, "Your administrator's key:",
              {{"key_id", KeyId(key.public_key())},
               {"public_key", ToHex(key.public_key().view())},
               {"folder", options.home}});
  return absl::OkStatus();
}

Console::Console(const ConsoleOptions& options, Profile profile, crypto::Ed25519KeyPair key,
                 std::unique_ptr<AdminApi> api, const Clock& clock)
    : options_(options),
      profile_(std::move(profile)),
      key_(std::move(key)),
      api_(std::move(api)),
      clock_(clock),
      session_(profile_, key_, *api_, clock_) {}

absl::StatusOr<std::unique_ptr<Console>> Console::Open(const ConsoleOptions& options, const Clock& clock) {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(Profile profile, LoadProfile(options.home));
  ASSIGN_OR_RETURN(const Secret passphrase,
                   GetPassphrase(options.passphrase_file, "Passphrase of your administrator's key", false));
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, OpenAdministratorKey(options.home, passphrase));
  ASSIGN_OR_RETURN(std::unique_ptr<AdminApi> api, Connect(profile, clock));
  return std::make_unique<Console>(options, std::move(profile), std::move(key), std::move(api), clock);
}

absl::Status Console::Register(const std::string& name, const std::string& code) {
  std::string typed = code;
  if (typed.empty()) {
    ASSIGN_OR_RETURN(typed, AskLine("One-time code from the ceremony: "));
  }
  RETURN_IF_ERROR(session_.RegisterFirst(name, typed));
  PrintFields(options_,
              "You are the first administrator. The key server accepts what you sign with this key:",
              {{"name", name}, {"key_id", KeyId(key_.public_key())}});
  return absl::OkStatus();
}

absl::StatusOr<std::string> Console::FullName(const std::string& typed) const {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserName(typed, profile_.domain);
  if (user.ok()) return user->ToString();
  return Refuse(
      absl::StatusCode::kInvalidArgument, "user_malformed",
      absl::StrCat("a person's name is 1 to 64 of a-z 0-9 . - _, such as alice, or the whole mimi://",
                   profile_.domain, "/u/alice"));
}

absl::Status Console::Confirm(const PreparedIntent& intent) const {
  ASSIGN_OR_RETURN(const std::vector<DescribedField> words, DescribeIntent(intent.bytes));
  if (!options_.json) Print(absl::StrCat("You sign:\n", ToText(words)));
  if (options_.yes) return absl::OkStatus();
  if (options_.json) std::fputs(absl::StrCat("You sign:\n", ToText(words)).c_str(), stderr);
  ASSIGN_OR_RETURN(const bool agreed, AskYes("Sign and send this?"));
  if (agreed) return absl::OkStatus();
  return Refuse(absl::StatusCode::kCancelled, "not_confirmed", "nothing was signed or sent");
}

absl::StatusOr<std::string> Console::ConfirmAndSubmit(const PreparedIntent& intent) {
  RETURN_IF_ERROR(Confirm(intent));
  absl::StatusOr<std::string> result = session_.Submit(intent);
  if (!result.ok()) return WithClock(result.status(), clock_);
  return result;
}

absl::StatusOr<std::string> Console::ActOnAccount(Action action, const std::string& user, Bytes parameters,
                                             const std::string& reason) {
  RETURN_IF_ERROR(CheckWritten("reason", reason, identity::kMaxJustification));
  const absl::StatusOr<keys::v1::AccountView> before = session_.GetAccount(user);
  if (!before.ok()) return WithClock(before.status(), clock_);
  if (!options_.json) Print(absl::StrCat("The account as it is now:\n", AccountText(*before)));
  ASSIGN_OR_RETURN(const PreparedIntent intent,
                   session_.Prepare(action, user, std::move(parameters), reason, before->state_hash()));
  absl::StatusOr<std::string> result = ConfirmAndSubmit(intent);
  if (identity::ReasonOf(result.status()) != "state_changed") return result;
  const absl::StatusOr<keys::v1::AccountView> after = session_.GetAccount(user);
  if (!after.ok()) return result;
  const std::vector<std::string> changes = Changes(*before, *after);
  return Refuse(absl::StatusCode::kAborted, "state_changed",
                absl::StrCat("the account changed while you looked at it, so nothing was done: ",
                             changes.empty() ? "something changed that is not shown here"
                                             : absl::StrJoin(changes, "; "),
                             ". Run the command again if you still want it"));
}

absl::Status Console::CreateAccount(const NewAccount& account) {
  ASSIGN_OR_RETURN(const std::string user, FullName(account.user));
  RETURN_IF_ERROR(CheckWritten("name", account.display_name, identity::kMaxDisplayName));
  const absl::Status name = identity::CheckDisplayName(account.display_name);
  if (!name.ok()) return Refuse(absl::StatusCode::kInvalidArgument, "text_unusable", absl::StrCat(name.message(), "; write it in another way"));
  RETURN_IF_ERROR(CheckWritten("proofing level", account.proofing_level, identity::kMaxProofing));
  RETURN_IF_ERROR(CheckWritten("proofing reference", account.proofing_reference, identity::kMaxProofing));
  RETURN_IF_ERROR(CheckWritten("reason", account.reason, identity::kMaxJustification));
  Bytes parameters =
      identity::Encode(identity::CreateAccountParameters{.display_name = account.display_name,
                                                         .proofing_level = account.proofing_level,
                                                         .proofing_reference = account.proofing_reference});
  ASSIGN_OR_RETURN(const PreparedIntent intent,
                   session_.Prepare(Action::kCreateAccount, user, std::move(parameters), account.reason, ""));
  ASSIGN_OR_RETURN(const std::string result, ConfirmAndSubmit(intent));
  ASSIGN_OR_RETURN(const keys::v1::AccountView view, ParseResult<keys::v1::AccountView>(result));
  Print(options_.json ? AccountJson(view)
                      : absl::StrCat("The account was created. Nobody can use it until you invite them.\n",
                                     AccountText(view)));
  return absl::OkStatus();
}

absl::Status Console::InviteAccount(const Invite& invite) {
  ASSIGN_OR_RETURN(const std::string user, FullName(invite.user));
  const int64_t seconds = absl::ToInt64Seconds(invite.life);
  if (seconds < 60 || seconds > 604800) {
    return Refuse(absl::StatusCode::kInvalidArgument, "life_out_of_range",
                  "a code lives from one minute to seven days");
  }
  // Made here, and signed for by its key: the services never see the code.
  const std::string code = identity::GenerateCode();
  const crypto::Ed25519KeyPair key = identity::EnrolmentCodeKey(user, code);
  Bytes parameters = identity::Encode(identity::IssueEnrolmentCodeParameters{
      .code_key = *identity::ToFixed<32>(key.public_key().view()), .life_seconds = static_cast<uint32_t>(seconds)});
  ASSIGN_OR_RETURN(const std::string result,
                   ActOnAccount(Action::kIssueEnrolmentCode, user, std::move(parameters), invite.reason));
  ASSIGN_OR_RETURN(const MadeInvitation invitation, session_.MakeInvitation(result, user, code));
  if (invite.out_file.empty()) {
    Print(options_.json ? InvitationJson(invitation) : InvitationText(invitation));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteFileAtomically(invite.out_file, AsBytes(invitation.text + "\n"), 0600));
  PrintFields(options_, "The invitation was written to a file that only you can read:",
              {{"user", user},
               {"file", invite.out_file},
               {"valid until", ShowTime(invitation.invitation.expires_unix)}});
  return absl::OkStatus();
}

absl::Status Console::ChangeAccount(Action action, const std::string& typed, Bytes parameters,
                                    const std::string& reason) {
  ASSIGN_OR_RETURN(const std::string user, FullName(typed));
  ASSIGN_OR_RETURN(const std::string result, ActOnAccount(action, user, std::move(parameters), reason));
  ASSIGN_OR_RETURN(const keys::v1::AccountView view, ParseResult<keys::v1::AccountView>(result));
  Print(options_.json ? AccountJson(view) : absl::StrCat("Done. The account now:\n", AccountText(view)));
  return absl::OkStatus();
}

absl::Status Console::SuspendAccount(const std::string& user, const std::string& reason) {
  return ChangeAccount(Action::kSuspendAccount, user, {}, reason);
}

absl::Status Console::ReactivateAccount(const std::string& user, const std::string& reason) {
  return ChangeAccount(Action::kReactivateAccount, user, {}, reason);
}

absl::Status Console::RemoveAccount(const std::string& user, const std::string& reason) {
  return ChangeAccount(Action::kRemoveAccount, user, {}, reason);
}

absl::StatusOr<identity::DeviceId> Console::FindDevice(const std::string& user, const std::string& typed) {
  const absl::StatusOr<keys::v1::AccountView> account = session_.GetAccount(user);
  if (!account.ok()) return WithClock(account.status(), clock_);
  std::vector<identity::DeviceId> found;
  for (const keys::v1::DeviceView& device : account->devices()) {
    const absl::StatusOr<identity::DeviceId> id = identity::ToFixed<16>(AsBytes(device.device_id()));
    if (id.ok() && !typed.empty() && absl::StartsWith(ToHex(*id), typed)) found.push_back(*id);
  }
  if (found.size() == 1) return found.front();
  return Refuse(absl::StatusCode::kNotFound, "device_unknown",
                found.empty() ? "this person has no device of that id; see `account show`, with --json for whole ids"
                              : "several devices of this person have an id that begins so; write more of it");
}

absl::Status Console::RevokeDevice(const std::string& typed, const std::string& device, const std::string& reason) {
  ASSIGN_OR_RETURN(const std::string user, FullName(typed));
  ASSIGN_OR_RETURN(const identity::DeviceId id, FindDevice(user, device));
  return ChangeAccount(Action::kRevokeDevice, user, identity::Encode(identity::RevokeDeviceParameters{id}), reason);
}

absl::Status Console::WipeDevice(const std::string& typed, const std::string& device, const std::string& reason) {
  ASSIGN_OR_RETURN(const std::string user, FullName(typed));
  ASSIGN_OR_RETURN(const identity::DeviceId id, FindDevice(user, device));
  return ChangeAccount(Action::kWipeDevice, user, identity::Encode(identity::WipeDeviceParameters{id}), reason);
}

absl::Status Console::ActivateDevice(const std::string& typed, const std::string& code, const std::string& reason) {
  ASSIGN_OR_RETURN(const std::string user, FullName(typed));
  const absl::StatusOr<keys::v1::AccountView> account = session_.GetAccount(user);
  if (!account.ok()) return WithClock(account.status(), clock_);
  ASSIGN_OR_RETURN(const identity::Hash hash, FindWaiting(*account, code));
  return ChangeAccount(Action::kActivateDevice, user, identity::Encode(identity::ActivateDeviceParameters{hash}), reason);
}

absl::Status Console::EndTokenEpoch(const std::string& reason) {
  RETURN_IF_ERROR(CheckWritten("reason", reason, identity::kMaxJustification));
  ASSIGN_OR_RETURN(const PreparedIntent intent, session_.Prepare(Action::kEndTokenEpoch, "", {}, reason, ""));
  ASSIGN_OR_RETURN(const std::string result, ConfirmAndSubmit(intent));
  ASSIGN_OR_RETURN(const keys::v1::TokenEpochEnded ended, ParseResult<keys::v1::TokenEpochEnded>(result));
  Print(options_.json ? TokenEpochJson(ended) : TokenEpochText(ended));
  return absl::OkStatus();
}

absl::Status Console::ListAccounts() {
  const absl::StatusOr<keys::v1::AccountList> accounts = session_.ListAccounts();
  if (!accounts.ok()) return WithClock(accounts.status(), clock_);
  Print(options_.json ? AccountsJson(*accounts) : AccountsText(*accounts));
  return absl::OkStatus();
}

absl::Status Console::ShowAccount(const std::string& typed) {
  ASSIGN_OR_RETURN(const std::string user, FullName(typed));
  const absl::StatusOr<keys::v1::AccountView> account = session_.GetAccount(user);
  if (!account.ok()) return WithClock(account.status(), clock_);
  Print(options_.json ? AccountJson(*account) : AccountText(*account));
  return absl::OkStatus();
}

absl::Status Console::ListAudit(uint64_t after, std::optional<uint32_t> limit) {
  plumbline::audit::v1::AuditPage all;
  all.set_intact(true);
  while (true) {
    const absl::StatusOr<plumbline::audit::v1::AuditPage> page =
        session_.ListAuditEvents(after, limit.value_or(audit::kMaxPage));
    if (!page.ok()) return WithClock(page.status(), clock_);
    all.set_intact(all.intact() && page->intact());
    all.set_checkpoint(page->checkpoint());
    all.set_log_certificate(page->log_certificate());
    for (const plumbline::audit::v1::Event& event : page->events()) *all.add_events() = event;
    // Each reading is itself recorded, so the end is a page that is not full, not an empty one.
    if (limit.has_value() || static_cast<size_t>(page->events().size()) < audit::kMaxPage) break;
    after = page->events(page->events().size() - 1).sequence();
  }
  const absl::StatusOr<tlog::VerifierKey> log = session_.LogKeyOf(all);
  Print(options_.json ? AuditJson(all, log.ok() ? log->ToText() : "") : AuditText(all));
  return absl::OkStatus();
}

absl::Status Console::VerifyAudit() {
  const absl::StatusOr<FetchedRecord> fetched = session_.FetchAudit();
  if (!fetched.ok()) return WithClock(fetched.status(), clock_);
  ASSIGN_OR_RETURN(const std::optional<SeenLog> seen, LoadSeenLog(options_.home));
  // Another key is taken where the root says that it replaced the one that was seen.
  if (seen && seen->log != *fetched->log && fetched->former != seen->log) {
    return Refuse(absl::StatusCode::kPermissionDenied, "audit_key_changed",
                  absl::StrCat("the audit record is signed by another key than when it was last verified (then ",
                               seen->log.ToText(), ", now ", fetched->log->ToText(),
                               "); ask who made the new one and why before you remove ", SeenLogPath(options_.home)));
  }
  std::optional<tlog::Checkpoint> earlier;
  if (seen) {
    ASSIGN_OR_RETURN(earlier, tlog::OpenCheckpoint(seen->checkpoint, seen->log));
  }
  audit::RecordVerifier verifier(*fetched->log, earlier);
  for (const audit::Record& record : fetched->records) {
    RETURN_IF_ERROR(verifier.Add(audit::EncodeRecord(record), record.signature));
  }
  const absl::StatusOr<tlog::Checkpoint> checkpoint = verifier.Finish(fetched->checkpoint);
  if (!checkpoint.ok()) return KeepEvidence(options_.home, checkpoint.status(), seen, fetched->checkpoint, clock_.Now());
  RETURN_IF_ERROR(SaveSeenLog(options_.home, SeenLog{*fetched->log, fetched->checkpoint}));
  RETURN_IF_ERROR(KeepOrganisationKeys(options_.home, fetched->organisation_keys));
  const std::string log = fetched->log->ToText();
  Print(options_.json ? VerifiedJson(*checkpoint, log) : VerifiedText(*checkpoint, log));
  return absl::OkStatus();
}

namespace {

struct ExportedRecord {
  tlog::Checkpoint checkpoint;
  std::vector<audit::Record> records;
};

absl::StatusOr<ExportedRecord> ReadExport(const std::string& file, const tlog::VerifierKey& log) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, audit::kMaxExport));
  ExportedRecord out;
  ASSIGN_OR_RETURN(out.checkpoint, audit::VerifyExport(text, log, [&](const audit::Record& record) { out.records.push_back(record); }));
  return out;
}

// Both are whole and signed: what one has and the other has not was lost, by a restore of an older copy.
absl::Status HoldAgainst(const ExportedRecord& own, const ExportedRecord& other) {
  size_t same = 0;
  while (same < own.records.size() && same < other.records.size() &&
         audit::EncodeRecord(own.records[same]) == audit::EncodeRecord(other.records[same])) {
    ++same;
  }
  if (same == other.records.size()) return absl::OkStatus();
  const audit::Record& lost = other.records[same];
  return Refuse(absl::StatusCode::kDataLoss, same == own.records.size() ? "audit_rolled_back" : "audit_rewritten",
                absl::StrCat("record ", same + 1, " and what follows it in the other file are not in this one: ",
                             other.records.size() - same, " lost, the first of them ", lost.name, " of ",
                             absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", lost.time, absl::UTCTimeZone()),
                             "; an older copy was put back, or a second history was written. Keep both files; what the lost ones tell did "
                             "happen"));
}

}  // namespace

absl::Status VerifyAuditFile(const ConsoleOptions& options, const std::string& file, const std::string& key, const std::string& against) {
  const absl::StatusOr<tlog::VerifierKey> log = tlog::VerifierKey::Parse(key);
  if (!log.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "key_malformed",
                  "--key is a verifier key as the services print it: name+id+key");
  }
  ASSIGN_OR_RETURN(const ExportedRecord own, ReadExport(file, *log));
  if (!against.empty()) {
    ASSIGN_OR_RETURN(const ExportedRecord other, ReadExport(against, *log));
    RETURN_IF_ERROR(HoldAgainst(own, other));
  }
  Print(options.json ? VerifiedJson(own.checkpoint, log->ToText()) : VerifiedText(own.checkpoint, log->ToText()));
  return absl::OkStatus();
}

}  // namespace plumbline::admin
