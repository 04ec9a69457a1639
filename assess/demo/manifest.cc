// What the services say of themselves, held against what runs; and terms that change under somebody's eyes.
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "assess/demo/demonstration.h"
#include "assess/demo/installation.h"

namespace plumbline::assess {
namespace {

using nlohmann::json;

std::vector<json> Values(const std::string& out) {
  std::vector<json> values;
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) values.push_back(json::parse(std::string(line), nullptr, false));
  return values;
}

// What of the running services is not as `manifest` says.
absl::StatusOr<std::vector<std::string>> Mismatches(const json& manifest, Organisation& organisation) {
  std::vector<std::string> lines;
  size_t seen = 0;
  for (const auto& [service, name] : {std::pair(Service::kKeyserver, "plumbline-keyserver"), std::pair(Service::kDelivery, "plumbline-server"),
                                      std::pair(Service::kAdmin, "plumbline-admin"), std::pair(Service::kWitness, "plumbline-witness")}) {
    ASSIGN_OR_RETURN(const std::string config, ReadFile(organisation.ConfigOf(service)));
    const std::string data = organisation.FolderOf(service) + "/data";
    for (const json& process : manifest.value("process", json::array())) {
      if (process.value("name", "") != name) continue;
      ++seen;
      ASSIGN_OR_RETURN(const std::vector<std::string> listeners, CompareListeners(process, config, organisation.pid(service)));
      ASSIGN_OR_RETURN(const std::vector<std::string> open, CompareOpenFiles(process, data, organisation.LogOf(service), organisation.pid(service)));
      const std::vector<std::string> files = CompareFiles(process, data);
      for (const auto* part : {&listeners, &open, &files}) lines.insert(lines.end(), part->begin(), part->end());
    }
  }
  if (seen != 4) lines.push_back("the manifest does not have all four services");
  return lines;
}

}  // namespace

void Demonstration::TellTerms() {
  recorder_.narrator().Step("l", "What the services say of themselves, and whether it is so");
  const absl::StatusOr<CommandResult> told = organisation_.Client(alice_, {"--json", "notice", "--manifest"});
  const std::vector<json> values = told.ok() ? Values(told->out) : std::vector<json>();
  bool same = values.size() == 2;
  for (const json& each : values) same = same && each.is_object() && each.value("differences", json::array({"unreadable"})).empty();
  const Evidence evidence = recorder_.Keep("manifest.json", told.ok() ? told->out : "");
  recorder_.Judge({.id = "demo.l.manifest",
                   .title = "Both servers sign a manifest of every field, column and file with purpose, readers and retention: the one that the client was built with",
                   .bears_on = {{"P6.Q1.S4", Weight::kPart}},
                   .evidence = {evidence}},
                  same,
                  same ? absl::StrCat(values[0]["manifest"]["field"].size(), " fields of messages, ", values[0]["manifest"]["datum"].size(),
                                      " kinds of data. That an undeclared one fails the build is shown by manifest_test.")
                       : "The client could not have both, or they differ from what it knows.");
  const Check installation = {.id = "demo.l.installation",
                              .title = "The four services listen where the manifest says and nowhere else, and keep the files it names and no other",
                              .bears_on = {{"P2.Q1.S1", Weight::kPart}},
                              .evidence = {evidence}};
  const absl::StatusOr<std::vector<std::string>> wrong = Mismatches(values.empty() ? json::object() : values[0].value("manifest", json::object()), organisation_);
  if (absl::IsPermissionDenied(wrong.status())) {
    recorder_.NotDemonstrated(installation, std::string(wrong.status().message()));
  } else {
    recorder_.Judge(installation, wrong.ok() && wrong->empty(),
                    !wrong.ok() ? std::string(wrong.status().message()) : wrong->empty() ? "Listening sockets and files were read from the system." : absl::StrJoin(*wrong, "; "));
  }
  ChangeTerms();
}

// The delivery server's operator keeps messages for twice as long; then no longer.
void Demonstration::ChangeTerms() {
  const std::string path = organisation_.ConfigOf(Service::kDelivery);
  const std::string config = ReadFile(path).value_or("");
  const auto restart_with = [&](const std::string& text) {
    organisation_.Stop(Service::kDelivery);
    const absl::Status written = WriteFile(path, text);
    return written.ok() ? organisation_.Start(Service::kDelivery) : written;
  };
  const auto alice = [&](const std::vector<std::string>& arguments) { return organisation_.Client(alice_, arguments); };
  absl::Status status = restart_with(config + "\nretention:\n  envelope_days: 60\n");
  const absl::StatusOr<CommandResult> shown = alice({"--json", "notice"});
  const absl::StatusOr<CommandResult> refused = alice({"--json", "send", carol_.account, "on terms that nobody agreed to"});
  const absl::StatusOr<CommandResult> agreed = alice({"--json", "notice", "--accept"});
  status.Update(restart_with(config));
  const absl::StatusOr<CommandResult> back = alice({"--json", "notice", "--accept"});
  const auto ran = [](const absl::StatusOr<CommandResult>& result) { return result.ok() && result->exit_code == 0; };
  const bool told = ran(shown) && absl::StrContains(shown->out, "at most 30 days; from now on until your device has it, at most 60 days");
  const bool stopped = refused.ok() && absl::StrContains(refused->out, "notice_not_accepted");
  recorder_.Judge({.id = "demo.l.terms",
                   .title = "Who changes a retention changes the notice: the client says what is different, and sends nothing new before its owner has agreed",
                   .bears_on = {{"P6.Q1.S7", Weight::kPart}},
                   .evidence = {recorder_.Keep("notice-changed.json", shown.ok() ? shown->out : "")}},
                  status.ok() && told && stopped && ran(agreed) && ran(back),
                  status.ok() ? "30 days became 60, and back." : std::string(status.message()));
}

}  // namespace plumbline::assess
