// Step e: copies of the services' databases are operated on with their own keys, and each service's own tool must name the record.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Seconds(30);  // opening sealed keys takes most of a second

std::vector<std::string> AuditCommand(Service service, const std::string& verb) {
  if (service == Service::kKeyserver) return {"verify-audit"};
  if (service == Service::kDelivery) return {"audit", verb};
  return {"record", verb};
}

const char* ProgramOf(Service service) {
  return service == Service::kKeyserver ? "plumbline-keyserver" : service == Service::kDelivery ? "plumbline-server" : "plumbline-admin";
}

absl::StatusOr<CommandResult> RunAudit(const Organisation& organisation, Service service, const std::string& verb,
                                       const std::string& config) {
  Command command = {.program = organisation.Program(ProgramOf(service)), .arguments = AuditCommand(service, verb)};
  for (const std::string& argument : {std::string("--json"), std::string("--config"), config}) command.arguments.push_back(argument);
  return RunCommand(command, kPatience);
}

// What is done to which record, and what must be said about it.
struct Surgery {
  Service service;
  const char* did;
  std::vector<const char*> statements;
  const char* found;
};

const Surgery kSurgeries[] = {
    {Service::kKeyserver, "the last byte of record 3 changed",
     {"UPDATE audit_record SET encoded = CAST(substr(encoded, 1, length(encoded) - 1) || 'x' AS BLOB) WHERE sequence = 3"},
     "record 3 was changed"},
    {Service::kDelivery, "record 2 deleted", {"DELETE FROM audit_record WHERE sequence = 2"}, "record 2 is missing"},
    {Service::kAdmin, "records 2 and 3 exchanged",
     {"UPDATE audit_record SET sequence = -1 WHERE sequence = 2", "UPDATE audit_record SET sequence = 2 WHERE sequence = 3",
      "UPDATE audit_record SET sequence = 3 WHERE sequence = -1"},
     "record 2 is missing or out of order"},
    {Service::kDelivery, "everything after record 3 cut off, together with its part of the tree",
     {"DELETE FROM audit_record WHERE sequence > 3", "DELETE FROM audit_node WHERE (position + 1) << level > 3"},
     "record 4 is missing: the end was cut off"},
};

// A folder with a copy of the service's data folder and a configuration that names it. Returns the configuration.
absl::StatusOr<std::string> CopyService(const Organisation& organisation, Service service, const std::string& database,
                                        const std::string& to) {
  std::error_code error;
  const std::string data = organisation.FolderOf(service) + "/data";
  fs::remove_all(to, error);
  fs::create_directories(to + "/data", error);
  for (const auto& entry : fs::directory_iterator(data, error)) {
    const std::string name = entry.path().filename();
    if (entry.is_regular_file() && !absl::StrContains(name, ".db")) fs::copy_file(entry.path(), to + "/data/" + name, error);
  }
  fs::copy_file(database, to + "/data/" + std::string(fs::path(database).filename()), error);
  if (fs::exists(database + "-wal", error)) {
    fs::copy_file(database + "-wal", to + "/data/" + std::string(fs::path(database).filename()) + "-wal", error);
  }
  if (error) return absl::UnavailableError(absl::StrCat("cannot copy ", data, ": ", error.message()));
  ASSIGN_OR_RETURN(const std::string config, ReadFile(organisation.ConfigOf(service)));
  const std::string path = to + "/config.yaml";
  RETURN_IF_ERROR(WriteFile(path, absl::StrReplaceAll(config, {{data, to + "/data"}})));
  return path;
}

absl::Status Operate(const std::string& database, const Secret& key, const std::vector<const char*>& statements) {
  ASSIGN_OR_RETURN(const db::Key opened, db::Key::FromSecret(Secret::CopyOf(key.view())));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> target, db::Database::Open(database, opened, {.create = false}));
  for (const char* statement : statements) RETURN_IF_ERROR(target->Execute(statement));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<tlog::VerifierKey> Demonstration::AuditKeyOf(Service service) {
  ASSIGN_OR_RETURN(const CommandResult shown, RunAudit(organisation_, service, "key", organisation_.ConfigOf(service)));
  const auto document = nlohmann::json::parse(shown.out, nullptr, false);
  if (!document.is_object() || !document.contains("audit_key") || !document["audit_key"].is_string()) {
    return absl::InternalError(absl::StrCat("the ", Title(service), " shows no verifier key: ", shown.out, shown.err));
  }
  return tlog::VerifierKey::Parse(document["audit_key"].get<std::string>());
}

void Demonstration::VerifyAsAdministrator() {
  absl::Status status;
  for (int i = 0; i < 2 && status.ok(); ++i) {  // the second is held against what the first one kept
    const auto result = organisation_.Administer({"audit", "verify"});
    status = result.ok() ? StatusOf(*result) : result.status();
  }
  recorder_.JudgeStatus({.id = "demo.e.verify",
                         .title = "An administrator's tool recomputes the key server's whole record, under a key that the pinned root vouches "
                                  "for, and holds it against what it saw before",
                         .bears_on = {{"P4.Q1.S3", Weight::kPart}}},
                        status, "Twice; each reading is itself a record.");
}

void Demonstration::Tamper() {
  VerifyAsAdministrator();
  std::vector<std::string> lines, unnamed;
  absl::Status status;
  for (const Surgery& surgery : kSurgeries) {
    const auto searched = organisation_.Searched(surgery.service);
    const auto copy = searched.ok() ? CopyOf(*searched) : searched.status();
    const std::string folder = folder_ + "/tampered";
    const auto config = copy.ok() ? CopyService(organisation_, surgery.service, *copy, folder) : copy.status();
    if (!config.ok()) {
      status = config.status();
      break;
    }
    const auto untouched = RunAudit(organisation_, surgery.service, "verify", *config);
    const std::string database = folder + "/data/" + std::string(fs::path(*copy).filename());
    status = Operate(database, searched->database_key, surgery.statements);
    const auto touched = status.ok() ? RunAudit(organisation_, surgery.service, "verify", *config) : status;
    if (!untouched.ok() || !touched.ok()) {
      status = untouched.ok() ? touched.status() : untouched.status();
      break;
    }
    const std::string about = absl::StrCat(Title(surgery.service), ", ", surgery.did);
    lines.push_back(absl::StrCat(about, "\n  before: exit ", untouched->exit_code, " ", untouched->out, "  after:  exit ",
                                 touched->exit_code, " ", touched->out));
    const bool named = untouched->exit_code == 0 && touched->exit_code == 1 && absl::StrContains(touched->out, surgery.found);
    if (!named) unnamed.push_back(about);
  }
  Check check = {.id = "demo.e.tamper",
                 .title = "After surgery on a copy of a service's database with its own key, verifying names the first record concerned",
                 .bears_on = {{"P4.Q1.S3"}},
                 .evidence = {recorder_.Keep("audit-tampered.txt", absl::StrJoin(lines, "\n"))}};
  if (!status.ok()) {
    recorder_.JudgeStatus(std::move(check), status);
    return;
  }
  recorder_.Judge(std::move(check), unnamed.empty(),
                  unnamed.empty() ? "A changed, a deleted and two exchanged records and a cut end, in the records of all three services."
                                  : absl::StrCat("Not named: ", absl::StrJoin(unnamed, "; ")));
}

}  // namespace plumbline::assess
