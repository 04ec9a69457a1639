// Step p: the group protocol by itself, over the interface by which implementations of it are tested against each other.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

// The rest of the line "port N" once it is written.
absl::StatusOr<int> PortIn(const std::string& log, Child& child) {
  int port = 0;
  PollUntil(
      [&] {
        const std::string text = ReadFile(log).value_or("");
        const size_t at = text.find("port "), end = at == std::string::npos ? at : text.find('\n', at);
        return (end != std::string::npos && absl::SimpleAtoi(text.substr(at + 5, end - at - 5), &port)) || !child.Running();
      },
      absl::Seconds(20));
  if (port == 0) return absl::UnavailableError("plumbline-mls-interop does not listen");
  return port;
}

}  // namespace

absl::StatusOr<std::string> Demonstration::WalkWithPeers() {
  Child peers[2];
  Command runner{.program = options_.bin + "/plumbline-mls-runner", .arguments = {"--walk", "12", "--walk-members", "6"}, .environment = {}, .stdin_text = ""};
  for (Child& peer : peers) {
    const std::string log = absl::StrCat(folder_, "/peer-", &peer - peers, ".log");
    const Command command{.program = options_.bin + "/plumbline-mls-interop", .arguments = {"--listen", "127.0.0.1:0"}, .environment = {}, .stdin_text = ""};
    ASSIGN_OR_RETURN(peer, Child::Start(command, {.log_path = log, .err_path = ""}));
    ASSIGN_OR_RETURN(const int port, PortIn(log, peer));
    runner.arguments.insert(runner.arguments.end(), {"--client", absl::StrCat("127.0.0.1:", port)});
  }
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(runner, absl::Minutes(1)));
  if (result.exit_code != 0) return absl::InternalError(absl::StrCat(result.out, result.err));
  return result.out;
}

void Demonstration::Peers() {
  recorder_.narrator().Step("p", "The group protocol by itself: two processes that know each other only by its messages");
  Check check = {.id = "demo.p.peers",
                 .title = "In every cipher suite, a group spread over two processes agrees after each change and reads every message; "
                          "the interface is the one that implementations of the standard are tested over",
                 .bears_on = {{"P1.Q1.S4", Weight::kPart}, {"P7.Q3.S2", Weight::kPart}}};
  const absl::StatusOr<std::string> walked = WalkWithPeers();
  if (walked.ok()) check.evidence.push_back(recorder_.Keep("peers.txt", *walked));
  recorder_.JudgeStatus(check, walked.status(),
                        walked.ok() ? walked->substr(walked->rfind("runs "), walked->find(", seed") - walked->rfind("runs ")) : "");
}

}  // namespace plumbline::assess
