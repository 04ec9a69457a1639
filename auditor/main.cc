// plumbline-auditor: replays a directory's log and says what in it does not follow.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "auditor/authority.h"
#include "auditor/replay.h"
#include "common/process.h"
#include "common/tlog/evidence.h"

namespace {

constexpr int kFailed = 1, kLogIsWrong = 2;

int Failed(const absl::Status& status) {
  std::fprintf(stderr, "plumbline-auditor: %s\n", std::string(status.message()).c_str());
  return kFailed;
}

int CheckEvidence(const std::string& file, const std::vector<std::string>& log_keys) {
  const absl::StatusOr<std::string> proved = plumbline::tlog::CheckEvidenceFile(file, log_keys);
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
  std::string file;
  std::vector<std::string> evidence_keys;
  CLI::App* const replay = app.add_subcommand("replay", "Replay what is new in a log; exit code 2 if it broke a rule");
  CLI::Option* const log = replay->add_option("--log", options.log_keys, "The log's verifier key; repeatable where it is replaced");
  replay
      ->add_option("--policy", options.policy_file,
                   "In its place: file with a policy, of logs and of the witnesses that must have cosigned")
      ->excludes(log);
  replay->add_option("--source", options.source, "Folder or http:// address with the log's files")->required();
  replay->add_option("--state", options.state, "Folder of this log's own, in which the audit is kept")->required();
  replay->add_flag("--json", options.json, "Print one JSON object");
  plumbline::auditor::AuthorityOptions authority;
  CLI::App* const check = app.add_subcommand(
      "check-authority", "Check that every entry had the authority it needed, with what opens them; exit code 2 if one had none");
  check->add_option("--log", authority.log_keys, "The log's verifier key; repeatable where it is replaced")->required();
  check->add_option("--source", authority.source, "Folder or http:// address with the log's files")->required();
  check->add_option("--openings", authority.openings, "File from plumbline-keyserver export-openings; it names everybody")->required();
  check->add_option("--trust", authority.trust, "File with the organisation's root and issuing certificates (PEM)")->required();
  check->add_option("--administrator", authority.administrators, "An administrator's public key, 64 hex digits, from the administrator; repeatable")
      ->required();
  check->add_option("--approvals", authority.approvals, "Administrators who have to sign an action (default 1)")->check(CLI::Range(1, 8));
  check->add_flag("--json", authority.json, "Print one JSON object");
  CLI::App* const evidence = app.add_subcommand("check-evidence", "Check a file that says a log showed two histories");
  evidence->add_option("file", file, "The file")->required();
  evidence->add_option("--log", evidence_keys, "The log's verifier key; repeatable where it was replaced")->required();
  CLI11_PARSE(app, argc, argv);
  if (evidence->parsed()) return CheckEvidence(file, evidence_keys);
  const absl::StatusOr<bool> followed =
      check->parsed() ? plumbline::auditor::CheckAuthority(authority) : plumbline::auditor::Replay(options);
  if (!followed.ok()) return Failed(followed.status());
  return *followed ? 0 : kLogIsWrong;
}
