// plumbline-auditor: replays a directory's log and says what in it does not follow.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "auditor/replay.h"
#include "common/process.h"
#include "common/tlog/evidence.h"

namespace {

constexpr int kFailed = 1, kLogIsWrong = 2;

int Failed(const absl::Status& status) {
  std::fprintf(stderr, "plumbline-auditor: %s\n", std::string(status.message()).c_str());
  return kFailed;
}

int CheckEvidence(const std::string& file, const std::string& log) {
  const absl::StatusOr<std::string> proved = plumbline::tlog::CheckEvidenceFile(file, log);
  if (!proved.ok()) return Failed(proved.status());
  std::fputs(proved->c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return Failed(status);
  CLI::App app("An auditor of a directory's log: replays it and says what in it does not follow.");
  app.require_subcommand(1);
  plumbline::auditor::ReplayOptions options;
  std::string file, evidence_log;
  CLI::App* const replay = app.add_subcommand("replay", "Replay what is new in a log; exit code 2 if it broke a rule");
  CLI::Option* const log = replay->add_option("--log", options.log, "The log's verifier key");
  replay
      ->add_option("--policy", options.policy_file,
                   "In its place: file with a policy, of logs and of the witnesses that must have cosigned")
      ->excludes(log);
  replay->add_option("--source", options.source, "Folder or http:// address with the log's files")->required();
  replay->add_option("--state", options.state, "Folder of this log's own, in which the audit is kept")->required();
  replay->add_flag("--json", options.json, "Print one JSON object");
  CLI::App* const evidence = app.add_subcommand("check-evidence", "Check a file that says a log showed two histories");
  evidence->add_option("file", file, "The file")->required();
  evidence->add_option("--log", evidence_log, "The log's verifier key")->required();
  CLI11_PARSE(app, argc, argv);
  if (evidence->parsed()) return CheckEvidence(file, evidence_log);
  const absl::StatusOr<bool> followed = plumbline::auditor::Replay(options);
  if (!followed.ok()) return Failed(followed.status());
  return *followed ? 0 : kLogIsWrong;
}
