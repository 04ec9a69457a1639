// What the directory told everybody, and whether it had the authority: an auditor's look at the real log.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json Parsed(const CommandResult& result) {
  json out = json::parse(result.out, nullptr, false);
  return out.is_object() ? out : json::object();
}

// Whether any of `names` is in a file or a file's name below `path`.
bool Names(const std::string& path, const std::vector<std::string>& names) {
  const auto in = [&](const std::string& text) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return absl::StrContains(text, name); });
  };
  if (fs::is_regular_file(path)) return in(ReadFile(path).value_or(""));
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (in(entry.path().string()) || (entry.is_regular_file() && in(ReadFile(entry.path().string()).value_or("")))) return true;
  }
  return false;
}

}  // namespace

void Demonstration::AuditDirectory() {
  recorder_.narrator().Step("k", "The directory's log: the same for everybody, and nobody's name in it");
  const std::string log = folder_ + "/directory-log", openings = folder_ + "/openings";
  const absl::Status written = organisation_.KeyserverTool({"export-log", "--out", log}).status();
  absl::StatusOr<CommandResult> exported = organisation_.KeyserverTool({"export-openings", "--out", openings, "--json"});
  if (!written.ok() || !exported.ok()) {
    recorder_.JudgeStatus({.id = "demo.k.replay", .title = "The directory's log can be had", .bears_on = {}},
                          written.ok() ? exported.status() : written);
    return;
  }
  const auto auditor = [&](const std::vector<std::string>& arguments) {
    return RunCommand({.program = organisation_.Program("plumbline-auditor"), .arguments = arguments});
  };
  const std::string& key = organisation_.directory_log_key();
  const absl::StatusOr<CommandResult> replay =
      auditor({"replay", "--log", key, "--source", log, "--state", folder_ + "/audit", "--json"});
  recorder_.Judge({.id = "demo.k.replay",
                   .title = "An auditor replays the directory's log from its first entry, and every rule was kept",
                   .bears_on = {{"P1.Q2.S3", Weight::kPart}},
                   .evidence = {recorder_.Keep("directory-replay.json", replay.ok() ? replay->out : "")}},
                  replay.ok() && replay->exit_code == 0,
                  replay.ok() ? absl::StrCat(Parsed(*replay).value("size", 0), " entries and map roots of ",
                                             Parsed(*replay).value("people", 0), " people.", replay->err)
                              : std::string(replay.status().message()));

  std::vector<std::string> arguments = {"check-authority", "--log", key, "--source", log, "--openings", openings, "--trust",
                                        openings + ".trust.pem", "--json"};
  const json said = Parsed(*exported);
  for (const auto& administrator : said.value("administrators", json::array())) {
    arguments.push_back("--administrator");
    arguments.push_back(administrator.get<std::string>());
  }
  const absl::StatusOr<CommandResult> authority = auditor(arguments);
  arguments.back() = std::string(64, '1');  // an administrator whom nobody knows
  const absl::StatusOr<CommandResult> stranger = auditor(arguments);
  recorder_.Judge({.id = "demo.k.authority",
                   .title = "Each change of the directory was signed for by who may make it; held against a stranger's key, none was",
                   .bears_on = {{"P1.Q2.S3", Weight::kPart}, {"P4.Q1.S3", Weight::kPart}},
                   .evidence = {recorder_.Keep("directory-authority.json", authority.ok() ? authority->out : "")}},
                  authority.ok() && authority->exit_code == 0 && stranger.ok() && stranger->exit_code != 0,
                  authority.ok() ? absl::StrCat(Parsed(*authority).value("checked", 0), " changes judged.", authority->err)
                                 : std::string(authority.status().message()));

  const std::vector<std::string> names = {alice_.account, bob_.account, alice_.name, bob_.name};
  recorder_.Judge({.id = "demo.k.names",
                   .title = "The log's files name nobody; the file that opens them, which the auditor was given, names everybody",
                   .bears_on = {{"P6.Q1.S1", Weight::kPart}}},
                  !Names(log, names) && Names(openings, names), "Accounts and names of two people were looked for in both.");
  RollDirectoryBack();
}

// An old copy of the key server's database, put back: what an operator who wants to undo a revocation would do.
void Demonstration::RollDirectoryBack() {
  const std::string data = organisation_.FolderOf(Service::kKeyserver) + "/data", old = folder_ + "/old", whole = folder_ + "/whole";
  std::error_code error;
  const auto copy = [&](const std::string& from, const std::string& to) {
    organisation_.Stop(Service::kKeyserver);
    fs::remove_all(to, error);
    fs::copy(from, to, fs::copy_options::recursive, error);
    return error ? absl::UnavailableError(error.message()) : organisation_.Start(Service::kKeyserver);
  };
  const auto alice = [&](const std::vector<std::string>& arguments) { return organisation_.Client(alice_, arguments); };
  absl::Status status = copy(data, old);
  const absl::StatusOr<Person> dora = organisation_.NewPerson("dora.doe", "Dora Doe");
  status.Update(dora.status());
  if (status.ok()) status = organisation_.CreateAccount(*dora);
  if (status.ok()) status = alice({"--json", "sync"}).status();
  if (status.ok()) status = copy(data, whole);
  if (status.ok()) status = copy(old, data);
  const absl::StatusOr<CommandResult> told = alice({"--json", "sync"});
  status.Update(copy(whole, data));
  const absl::StatusOr<CommandResult> after = alice({"--json", "sync"});
  const bool found = told.ok() && told->exit_code != 0 && absl::StrContains(told->out, "directory_behind");
  recorder_.Judge({.id = "demo.k.rollback",
                   .title = "A key server that goes back to an old copy of its directory is found out by the next command of whoever saw more",
                   .bears_on = {{"P1.Q2.S3", Weight::kPart}},
                   .evidence = {recorder_.Keep("directory-rollback.json", told.ok() ? told->out : "")}},
                  status.ok() && found && after.ok() && after->exit_code == 0,
                  status.ok() ? "Alice's client refuses it and says why; with the whole database back she goes on." : std::string(status.message()));
}

}  // namespace plumbline::assess
