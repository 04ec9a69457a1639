// Step e: the audit record, read the way an administrator reads it.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/audit_tree.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

struct Expected {
  const char* event;
  const char* reason;   // of a refusal; "" for a success
  size_t at_least;
  const char* because;  // what happened in this run
};

constexpr Expected kExpected[] = {
    {"service.initialised", "", 1, "the ceremony"},
    {"service.started", "", 3, "the key server started three times"},
    {"service.stopped", "", 2, "and was stopped twice"},
    {"administrator.refused", "code_wrong", 1, "a wrong administrator's code"},
    {"administrator.registered", "", 1, "the first administrator"},
    {"account.created", "", 3, "three accounts"},
    {"enrolment.code_issued", "", 4, "four invitations"},
    {"device.enrolled", "", 2, "two devices"},
    {"enrolment.refused", "code_used", 1, "a used code"},
    {"enrolment.refused", "code_wrong", 1, "a wrong code"},
    {"enrolment.refused", "code_expired", 1, "an expired code"},
    {"account.suspended", "", 1, "Carol's account suspended"},
    {"account.resumed", "", 1, "and taken back"},
};

size_t Count(const std::vector<AuditEvent>& events, const Expected& expected) {
  return static_cast<size_t>(std::count_if(events.begin(), events.end(), [&](const AuditEvent& event) {
    return event.name == expected.event && event.reason == expected.reason &&
           event.outcome == (*expected.reason == 0 ? "success" : "refused");
  }));
}

// Every way to touch one record must be found: changed, removed, moved; and the end cut off.
bool TamperingIsFound(const AuditRecord& record) {
  if (record.events.size() < 3) return false;
  for (size_t i = 0; i + 1 < record.events.size(); ++i) {
    AuditRecord changed = record, removed = record, moved = record, cut = record;
    changed.events[i].subject += "x";
    removed.events.erase(removed.events.begin() + static_cast<ptrdiff_t>(i));
    std::swap(moved.events[i], moved.events[i + 1]);
    cut.events.resize(i + 1);
    for (const AuditRecord& each : {changed, removed, moved, cut}) {
      if (VerifyTree(each).ok()) return false;
    }
  }
  return true;
}

}  // namespace

void Demonstration::SuspendAndResume() {
  absl::Status status;
  for (const char* verb : {"suspend", "reactivate"}) {
    if (!status.ok()) break;
    const auto result = organisation_.Administer({"account", verb, carol_.account, "--reason", "away on leave"});
    status = result.ok() ? StatusOf(*result) : result.status();
  }
  recorder_.JudgeStatus({.id = "demo.e.suspend", .title = "An account is suspended and taken back by signed decisions",
                         .bears_on = {{"P5.Q1.S2", Weight::kPart}, {"P5.Q2.S1", Weight::kPart}}},
                        status, "Carol Cole: away on leave.");
}

void Demonstration::ReadRecord() {
  recorder_.narrator().Step("e", "The record: everything privileged or security-relevant that happened here");
  SuspendAndResume();
  const absl::StatusOr<CommandResult> listed = organisation_.Administer({"audit", "list", "--limit", "1000"});
  absl::Status status = listed.ok() ? StatusOf(*listed) : listed.status();
  AuditRecord record;
  if (status.ok()) {
    absl::StatusOr<AuditRecord> parsed = ParseAudit(listed->out);
    status = parsed.status();
    if (parsed.ok()) record = *std::move(parsed);
  }
  const std::vector<AuditEvent>& events = record.events;
  if (!status.ok()) {
    recorder_.JudgeStatus({.id = "demo.e.record", .title = "An administrator reads the audit record", .bears_on = {{"P4.Q1.S1"}}},
                          status);
    return;
  }
  const Evidence evidence = recorder_.Keep("audit-keyserver.txt", AuditText(events));
  recorder_.Keep("audit-keyserver.json", listed->out);
  std::vector<std::string> missing;
  for (const Expected& expected : kExpected) {
    const size_t count = Count(events, expected);
    if (count < expected.at_least) {
      missing.push_back(absl::StrCat(expected.event, *expected.reason == 0 ? "" : " ", expected.reason, " (", expected.because,
                                     "): ", count, " of ", expected.at_least));
    }
  }
  recorder_.Judge({.id = "demo.e.record",
                   .title = "Each privileged or security-relevant step of this run is in the audit record, refusals with their reason",
                   .bears_on = {{"P4.Q1.S1"}, {"P4.Q1.S2"}, {"P5.Q2.S2"}},
                   .evidence = {evidence}},
                  missing.empty(), missing.empty() ? absl::StrCat(events.size(), " records, among them all that this run caused.")
                                                   : absl::StrCat("Missing: ", absl::StrJoin(missing, "; ")));
  const absl::Status tree = VerifyTree(record);
  recorder_.Judge({.id = "demo.e.chain",
                   .title = "The record's tree and signatures verify when they are recomputed, and any changed, removed or moved record "
                            "and any cut end breaks them",
                   .bears_on = {{"P4.Q1.S3"}},
                   .evidence = {evidence}},
                  tree.ok() && record.intact && TamperingIsFound(record),
                  tree.ok() ? "Verified by the service and again here." : std::string(tree.message()));
  ReadOwnRecords();
}

// The records that the two other services keep of themselves, read from copies of their databases.
void Demonstration::ReadOwnRecords() {
  std::string text;
  absl::Status status;
  std::map<std::string, size_t> counts;
  for (const Service service : {Service::kDelivery, Service::kAdmin}) {
    const absl::StatusOr<std::vector<audit::Record>> records = RecordOf(service);
    if (!records.ok()) {
      status = records.status();
      break;
    }
    absl::StrAppend(&text, Title(service), "\n");
    for (const audit::Record& record : *records) {
      ++counts[absl::StrCat(Title(service), " ", record.name)];
      absl::StrAppend(&text, "  ", record.sequence, "  ", record.name, record.reason.empty() ? "" : " refused: ", record.reason, "\n");
    }
  }
  const size_t started = counts["delivery server service.started"], relayed = counts["admin service console.intent_relayed"];
  Check check = {.id = "demo.e.own-records",
                 .title = "The delivery server and the admin service keep signed records of their own: each start, each intent relayed",
                 .bears_on = {{"P4.Q1.S1", Weight::kPart}, {"P4.Q1.S3", Weight::kPart}},
                 .evidence = {recorder_.Keep("audit-others.txt", text)}};
  if (!status.ok()) {
    recorder_.JudgeStatus(std::move(check), status);
    return;
  }
  recorder_.Judge(std::move(check), started >= 4 && relayed >= 10,
                  absl::StrCat("Both verify. Delivery server started ", started, " times (once, and after three kills); ", relayed,
                               " intents relayed."));
}

absl::StatusOr<std::vector<audit::Record>> Demonstration::RecordOf(Service service) {
  ASSIGN_OR_RETURN(const SearchedService searched, organisation_.Searched(service));
  ASSIGN_OR_RETURN(const std::string copy, CopyOf(searched));
  ASSIGN_OR_RETURN(const db::Key key, db::Key::FromSecret(Secret::CopyOf(searched.database_key.view())));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(copy, key, {.create = false}));
  ASSIGN_OR_RETURN(const tlog::VerifierKey log, AuditKeyOf(service));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*database, log));
  RETURN_IF_ERROR(reader.Verify().status());
  return reader.ReadAfter(0, audit::kMaxPage);
}

}  // namespace plumbline::assess
