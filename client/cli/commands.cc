#include "client/cli/commands.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/notice.h"
#include "client/cli/qr.h"
#include "client/cli/session.h"
#include "client/cli/uploads.h"
#include "client/enrolment.h"
#include "client/net/grpc_devices.h"
#include "client/store/notice_store.h"
#include "common/file.h"
#include "common/identity/codes.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/reason.h"
#include "common/manifest/notice.h"
#include "common/retry.h"
#include "common/identity/uri.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::client {
namespace {

using identity::Refuse;
using nlohmann::json;

constexpr size_t kMaxInvitation = 16 * 1024;  // bytes

std::string StandardInput() {
  return std::string((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
}

// The text itself, the content of the file of that name, or standard input for "-".
absl::StatusOr<std::string> InvitationText(const std::string& argument) {
  if (argument == "-") return StandardInput().substr(0, kMaxInvitation);
  if (absl::StartsWith(argument, "plumbline-invitation:") || absl::StartsWith(argument, "plumbline-device-invitation:")) return argument;
  const absl::StatusOr<std::string> content = ReadTextFile(argument, kMaxInvitation);
  if (content.ok()) return content;
  return Refuse(absl::StatusCode::kInvalidArgument, "invitation_malformed",
                "this is neither an invitation (plumbline-invitation:1:...) nor a file with one");
}

std::string DefaultLabel() {
  char name[64] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0) return "device";
  return name;
}

EnrolmentPaths RealPaths(const Options& options, const Clock& clock, Output& output, metadata::v1::Notice& notice) {
  EnrolmentPaths paths;
  paths.agree = [&options, &clock, &output, &notice](const identity::Invitation& invitation, const crypto::Certificate& root) {
    return AgreeBefore(options, invitation, root, clock, output, notice);
  };
  paths.fetch_root = [&clock](const identity::Invitation& invitation) -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const crypto::Fingerprint root, crypto::Fingerprint::FromBytes(invitation.root_fingerprint));
    return rpc::FetchPinnedRoot(invitation.keyserver_address, root, clock.Now());
  };
  paths.connect = [&clock](const identity::Invitation& invitation, const std::string& root_pem) {
    NetworkOptions addresses;
    addresses.root_pem = root_pem;
    addresses.keyserver_address = invitation.keyserver_address;
    return NewGrpcNetwork(std::move(addresses), clock);
  };
  paths.connect_joining = [&clock](const identity::Invitation& invitation, const std::string& root_pem) {
    return absl::StatusOr<std::unique_ptr<JoinNetwork>>(NewGrpcJoinNetwork(root_pem, invitation.keyserver_address, clock));
  };
  paths.show_code = [&output](const std::string& code, absl::Time expires) {
    const std::string shown = identity::FormatCode(code);
    output.Value({{"approval_code", shown}, {"expires", absl::FormatTime(absl::RFC3339_sec, expires, absl::UTCTimeZone())}});
    output.Line(absl::StrCat("On the device that invited this one, give: plumbline devices approve ", shown));
    output.Line("If an administrator invited you, read them the code instead: they compare it before this device is activated.");
    output.Line(absl::StrCat("Waiting for that until ", absl::FormatTime("%H:%M", expires, absl::LocalTimeZone()), " ..."));
    std::fflush(stdout);
  };
  paths.patience = absl::Seconds(options.join_seconds);
  return paths;
}

absl::Status MarkShown(Stores& stores, const std::vector<Entry>& entries) {
  ASSIGN_OR_RETURN(Change change, stores.store.Begin());
  for (const Entry& entry : entries) {
    RETURN_IF_ERROR(stores.history.SetState(change, entry.id, EntryState::kShown));
  }
  return change.Commit();
}

absl::StatusOr<std::string> TextToSend(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text = StandardInput();
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

json OutcomeJson(const SendOutcome& outcome, const std::string& user) {
  const char* state = "waiting";
  if (outcome.state == EntryState::kQueued) state = "queued";
  if (outcome.state == EntryState::kSent) state = "sent";
  if (outcome.state == EntryState::kFailed) state = "failed";
  return {{"id", outcome.id}, {"conversation", user}, {"state", state}};
}

// A message that is written down but not away: what happens to it.
absl::Status NotYetSent(const SendOutcome& outcome) {
  if (outcome.state == EntryState::kFailed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "not_deliverable",
                  "no device of this person takes messages; see `plumbline history`, and tell them");
  }
  const std::string cause = outcome.trouble.ok() ? "the message waits" : identity::TextOf(outcome.trouble);
  std::string reason = identity::ReasonOf(outcome.trouble);
  if (reason.empty()) reason = "not_yet_sent";
  absl::Status refused =
      Refuse(outcome.trouble.ok() ? absl::StatusCode::kUnavailable : outcome.trouble.code(), reason,
             absl::StrCat(cause, ". The message is kept and goes out once with the next `send`, `read`, `sync` or `listen`: do "
                          "not type it again"));
  const std::optional<absl::Duration> wait = RetryAfter(outcome.trouble);
  return wait.has_value() ? WithRetryAfter(std::move(refused), *wait) : refused;
}

absl::Status ShowPeople(Engine& engine, const Target& target, const std::vector<PersonView>& people, bool accept_changes,
                        Output& output, json& result) {
  json shown = json::array();
  for (const PersonView& person : people) {
    output.Person(person);
    shown.push_back(output.PersonJson(person));
    if (person.verification != Verification::kChanged || !person.devices_changed || accept_changes) continue;
    const std::string name = output.Name(person.contact.user);
    return Refuse(absl::StatusCode::kFailedPrecondition, "devices_changed",
                  absl::StrCat("you had verified ", name, ", and the devices have changed since: nothing was sent. Compare codes "
                               "again with `plumbline verify ", name, "`, or send with --accept-changes"));
  }
  if (target.group) {
    result["people"] = std::move(shown);
  } else {
    result["person"] = std::move(shown.front());
  }
  return engine.MarkShown(people);
}

absl::Status EnrolCommand(const Options& options, Output& output) {
  RETURN_IF_ERROR(rpc::PinTls13());
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::string invitation, InvitationText(options.invitation));
  ASSIGN_OR_RETURN(const Home home, HomeOf(options));
  if (home.locked()) {
    return Refuse(absl::StatusCode::kAlreadyExists, "already_enrolled",
                  absl::StrCat(home.folder(), " is already an enrolled device; give another folder with --home to enrol another"));
  }
  const bool is_new = !home.exists();
  ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(options, is_new));
  metadata::v1::Notice notice;  // as it was agreed to
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, is_new ? home.Create(passphrase, CostFor(options)) : home.OpenSealed(passphrase));
    Stores stores(*store);
    RETURN_IF_ERROR(Enrol(home, stores, invitation, options.label.empty() ? DefaultLabel() : options.label,
                          RealPaths(options, clock, output, notice), clock));
    RETURN_IF_ERROR(NoticeStore(*store).Accept(notice, clock.Now()));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::OpenWith(options, passphrase, output));
  // From here on the device exists. What is missing is made up for by any later command.
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  const absl::Status prepared = engine->supplies().Prepare();
  const Account& account = session->self().account();
  output.Value({{"user", account.user},
                {"device", ToHex(account.device_id)},
                {"organisation", {{"domain", session->self().domain()},
                                  {"display_name", Output::Safe(account.organisation)},
                                  {"fingerprint", session->self().root().fingerprint().ToText()}}},
                {"notice", manifest::VersionOf(notice)},
                {"reachable", prepared.ok()}});
  output.Line(absl::StrCat("You are ", account.user, " at ", Output::Safe(account.organisation), "."));
  output.Line(absl::StrCat("Organisation: ", session->self().root().fingerprint().ToText()));
  if (!prepared.ok()) {
    output.Aside(absl::StrCat("Others cannot reach this device yet (", identity::TextOf(prepared),
                              "); the next `plumbline read` completes that."));
  }
  return absl::OkStatus();
}

absl::Status SendCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(const std::string text, TextToSend(options.text));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  RETURN_IF_ERROR(RequireNotice(*session, output));
  ASSIGN_OR_RETURN(const Target target, engine->Resolve(options.person));
  absl::StatusOr<std::vector<PersonView>> people = engine->CheckPeople(target);
  SendOutcome outcome;
  json result;
  if (people.ok()) {
    RETURN_IF_ERROR(ShowPeople(*engine, target, *people, options.accept_changes, output, result));
    ASSIGN_OR_RETURN(outcome, engine->Send(target, text, absl::Seconds(options.wait_seconds)));
  } else if (absl::IsUnavailable(people.status())) {
    absl::StatusOr<SendOutcome> kept = engine->Keep(target, text, people.status());
    if (absl::IsNotFound(kept.status())) return people.status();
    ASSIGN_OR_RETURN(outcome, std::move(kept));
  } else {
    return people.status();
  }
  result.update(OutcomeJson(outcome, target.conversation));
  output.Value(result);
  if (outcome.state != EntryState::kSent) return NotYetSent(outcome);
  output.Line(absl::StrCat("Sent to ", output.Name(target.conversation), "."));
  return absl::OkStatus();
}

absl::Status ReadCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  const absl::Status synchronised = engine->Synchronise();
  bool any = false;
  const auto show = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Entry> entries, session->stores().history.InState(EntryState::kNew));
    json list = json::array();
    for (const Entry& entry : entries) {
      list.push_back(output.EntryJson(entry));
      if (!output.json()) output.Entry(entry);
    }
    any = any || !entries.empty();
    if (synchronised.ok() || any) output.Value({{"messages", list}, {"complete", synchronised.ok()}});
    return MarkShown(session->stores(), entries);
  };
  if (!output.json()) RETURN_IF_ERROR(show());  // an upload may take minutes
  const absl::Status uploaded = FinishUploads(*session, *engine, output, absl::Seconds(options.wait_seconds));
  RETURN_IF_ERROR(show());
  RETURN_IF_ERROR(synchronised);
  if (!any) output.Line("Nothing new.");
  return uploaded;
}

absl::Status SyncCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  const absl::Status synchronised = engine->Synchronise();
  const absl::Status uploaded = FinishUploads(*session, *engine, output, absl::Seconds(options.wait_seconds));
  RETURN_IF_ERROR(synchronised);
  ASSIGN_OR_RETURN(const int64_t left, session->stores().outbox.Count());
  ASSIGN_OR_RETURN(const std::vector<Entry> fresh, session->stores().history.InState(EntryState::kNew));
  output.Value({{"outbox", left}, {"new", fresh.size()}});
  output.Line(absl::StrCat("In step with the server: ", fresh.size(), " new, ", left, " still to send."));
  return uploaded;
}

absl::Status HistoryCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  std::string user;
  if (!options.person.empty()) {
    ASSIGN_OR_RETURN(user, ConversationTyped(*session, options.person));
  }
  ASSIGN_OR_RETURN(const std::vector<Entry> entries, session->stores().history.InConversation(user, options.limit));
  json list = json::array();
  for (const Entry& entry : entries) {
    list.push_back(output.EntryJson(entry));
    if (!output.json()) output.Entry(entry);
  }
  output.Value({{"messages", list}});
  return absl::OkStatus();
}

absl::Status ConversationsCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(const std::vector<HistoryStore::Summary> summaries, session->stores().history.Summaries());
  json list = json::array();
  for (const HistoryStore::Summary& summary : summaries) {
    ASSIGN_OR_RETURN(const std::optional<Contact> contact, session->stores().contacts.Find(summary.conversation));
    const bool verified = contact.has_value() && Directory::StateOf(*contact) == Verification::kVerified;
    const bool group = IsGroupKey(summary.conversation);
    list.push_back({{"conversation", summary.conversation},
                    {"name", output.Name(summary.conversation)},
                    {"messages", summary.messages},
                    {"new", summary.unread},
                    {"last", absl::FormatTime(absl::RFC3339_sec, summary.last, absl::UTCTimeZone())},
                    {"verified", verified}});
    if (contact.has_value() && !group) {
      list.back()["display_name"] = Output::Safe(contact->parsed.display_name);
      list.back()["organisation"] = output.OrganisationJson(contact->user);
    }
    const std::string who = contact.has_value() && !group ? absl::StrCat("  ", output.Who(contact->parsed)) : "";
    output.Line(absl::StrCat(output.Name(summary.conversation), group ? "" : verified ? "  verified" : "  not verified", "  ",
                             summary.messages, " messages, ", summary.unread, " new", who));
  }
  output.Value({{"conversations", list}});
  return absl::OkStatus();
}

absl::Status VerifyCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  ASSIGN_OR_RETURN(const std::string user, engine->ResolveName(options.person));
  ASSIGN_OR_RETURN(Engine::Comparison comparison, engine->Compare(user));
  if (options.confirm) {
    RETURN_IF_ERROR(engine->SetVerified(comparison));
    comparison.person.verification = Verification::kVerified;
  }
  output.Lookalikes(comparison.person);
  output.Value({{"person", output.PersonJson(comparison.person)}, {"code", comparison.code}});
  const std::string name = output.Name(user);
  if (options.confirm) {
    output.Line(absl::StrCat(name, " is verified until a device of theirs changes."));
    return absl::OkStatus();
  }
  const std::string& code = comparison.code;
  const size_t middle = code.size() / 2;
  output.Line(absl::StrCat(name, " is ", output.Who(comparison.person.contact.parsed), "."));
  output.Line(absl::StrCat("Ask ", name, " to run `plumbline verify` for you, by a way other than this one, and compare:"));
  output.Line(absl::StrCat("\n    ", code.substr(0, middle), "\n    ", code.substr(middle + 1), "\n"));
  if (!options.no_qr) {
    ASSIGN_OR_RETURN(const std::string qr, TerminalQr(absl::StrCat("plumbline-verify:1:", code)));
    output.Line(qr);
  }
  output.Line(absl::StrCat("If both read the same: `plumbline verify ", name, " --confirm`. If not, do not write to each "
                           "other and tell your security officer."));
  return absl::OkStatus();
}

absl::Status StatusCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  Stores& stores = session->stores();
  const Account& account = session->self().account();
  ASSIGN_OR_RETURN(const int64_t outbox, stores.outbox.Count());
  ASSIGN_OR_RETURN(const std::vector<Entry> waiting, stores.history.InState(EntryState::kWaiting));
  ASSIGN_OR_RETURN(const std::vector<Mailbox> mailboxes, stores.mailboxes.All());
  ASSIGN_OR_RETURN(const std::vector<StoredKeyPackage> key_packages, stores.supply.KeyPackages(/*published=*/true));
  ASSIGN_OR_RETURN(int64_t evidence, stores.contacts.EvidenceCount());
  ASSIGN_OR_RETURN(const std::vector<LogEvidence> histories, stores.log.Evidence());
  evidence += static_cast<int64_t>(histories.size());
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores.log.Get());
  std::string certificate_end = "unreadable";
  if (const absl::StatusOr<std::string> pem = ReadTextFile(session->home().tls_certificate_path(), 64 * 1024); pem.ok()) {
    if (const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::ParsePem(*pem); leaf.ok()) {
      certificate_end = absl::FormatTime(absl::RFC3339_sec, leaf->not_after(), absl::UTCTimeZone());
    }
  }
  const absl::StatusOr<crypto::Certificate> credential = crypto::Certificate::Parse(account.mls_certificate);
  if (!credential.ok()) return absl::DataLossError("the credential in the client's store is malformed");
  const std::string credential_end = absl::FormatTime(absl::RFC3339_sec, credential->not_after(), absl::UTCTimeZone());
  const auto open = std::count_if(mailboxes.begin(), mailboxes.end(), [](const Mailbox& m) { return m.open; });
  output.Value({{"user", account.user},
                {"device", ToHex(account.device_id)},
                {"organisation", {{"domain", session->self().domain()},
                                  {"display_name", Output::Safe(account.organisation)},
                                  {"fingerprint", session->self().root().fingerprint().ToText()}}},
                {"home", session->home().folder()},
                {"mailboxes", open},
                {"key_packages", key_packages.size()},
                {"outbox", outbox + static_cast<int64_t>(waiting.size())},
                {"directory_evidence", evidence},
                {"directory_log_size", log ? log->seen.size : 0},
                {"certificate_ends", certificate_end},
                {"credential_ends", credential_end},
                {"unlocked", session->agent().has_value()}});
  output.Line(absl::StrCat(account.user, ", device ", ToHex(account.device_id)));
  output.Line(absl::StrCat(Output::Safe(account.organisation), "  ", session->self().root().fingerprint().ToText()));
  output.Line(absl::StrCat(open, " mailboxes, ", key_packages.size(), " key packages, ", outbox + waiting.size(),
                           " to send, certificate until ", certificate_end, ", credential until ", credential_end));
  ASSIGN_OR_RETURN(const absl::Time issuer_ends, session->self().IssuerEnds());
  if (identity::CredentialIsOverdue(*credential, session->clock().Now(), issuer_ends)) {
    output.CredentialEnds(identity::CredentialEnd(*credential, issuer_ends), session->clock().Now());
  }
  output.Line(session->agent() ? absl::StrCat("Unlocked for the commands to come: at most ",
                                              absl::FormatDuration(absl::Trunc(session->agent()->longest, absl::Minutes(1))), " more")
                               : "Locked: each command asks for the passphrase (`plumbline unlock` changes that)");
  if (evidence > 0) {
    output.Line(absl::StrCat("The directory contradicted itself ", evidence, " times: the proof is kept in this store, see "
                             "`plumbline evidence`. Tell your security officer."));
  }
  return absl::OkStatus();
}

absl::Status EvidenceCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(const std::vector<LogEvidence> all, session->stores().log.Evidence());
  for (const LogEvidence& each : all) {
    const std::string when = absl::FormatTime(absl::RFC3339_sec, each.time, absl::UTCTimeZone());
    json value = {{"id", each.id}, {"time", when}, {"reason", each.reason}};
    std::string line = absl::StrCat(each.id, "  ", when, "  the directory's log showed two histories");
    if (!options.path.empty()) {
      const std::string file = absl::StrCat(options.path, "/directory-evidence-", each.id, ".txt");
      RETURN_IF_ERROR(WriteFileAtomically(file, AsBytes(each.file), 0600));
      value["file"] = file;
      absl::StrAppend(&line, ": ", file);
    }
    output.Value(value);
    output.Line(line);
  }
  if (all.empty()) output.Line("The directory's log has always been the same one.");
  if (!all.empty() && !options.path.empty()) {
    output.Line("Check a file anywhere with: plumbline-auditor check-evidence FILE --log KEY, where KEY is the log's verifier key.");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::client
