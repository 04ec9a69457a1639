// Real programs for tests, started as assess/tools/child.h starts them: one that runs to its end,
// or a service that stays.
#pragma once

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "assess/tools/child.h"
#include "common/check.h"

namespace plumbline::testing {

// Empty where there is no such file.
inline std::string ReadAll(const std::string& path) { return assess::ReadFile(path).value_or(""); }

inline assess::Command CommandOf(const std::vector<std::string>& line) {
  return {.program = line.front(),
          .arguments = {line.begin() + 1, line.end()},
          .environment = {},
          .stdin_text = ""};
}

struct Finished {
  int code = -1;                 // 128 + signal where a signal ended it
  std::string out, err, output;  // `output` is both
};

// Standard input is empty and there is no terminal. Must end within `cap`.
inline Finished RunToEnd(const std::vector<std::string>& line, absl::Duration cap = absl::Minutes(1)) {
  absl::StatusOr<assess::CommandResult> result =
      assess::RunCommand(CommandOf(line), cap);
  if (!result.ok()) std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  CHECK(result.ok());
  return {result->exit_code, result->out, result->err, result->out + result->err};
}

// A service. Killed when it goes out of scope.
class ServiceProcess final {
 public:
  // Its output goes to the file `output`; `log`, if given, is the file it is configured to log to.
  // Both begin empty. `environment` is added to this process's.
  ServiceProcess(const std::vector<std::string>& line, std::string output, std::string log = "",
                 const std::map<std::string, std::string>& environment = {})
      : output_(std::move(output)), log_(std::move(log)) {
    std::filesystem::remove(output_);
    if (!log_.empty()) std::filesystem::remove(log_);
    assess::Command command = CommandOf(line);
    command.environment = environment;
    absl::StatusOr<assess::Child> child =
        assess::Child::Start(command, {.log_path = output_, .err_path = ""});
    CHECK(child.ok());
    child_ = *std::move(child);
  }
  ~ServiceProcess() { Kill(SIGKILL); }
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  // The rest of the line after `prefix`, as soon as it is written; empty if the process ends or a
  // minute passes first.
  std::string WaitForLine(const std::string& prefix) {
    std::string rest;
    const auto written = [&] {
      const std::string text = Output();
      const size_t at = text.find(prefix), end = at == std::string::npos ? at : text.find('\n', at);
      if (end != std::string::npos)
        rest = text.substr(at + prefix.size(), end - at - prefix.size());
      return end != std::string::npos;
    };
    assess::PollUntil([&] { return written() || !Running(); }, absl::Minutes(1));
    return rest;
  }
  // The number there. CHECKs that it comes.
  int WaitForNumber(const std::string& prefix) {
    const int number = std::atoi(WaitForLine(prefix).c_str());
    if (number == 0) std::fprintf(stderr, "%s\n", Output().c_str());
    CHECK(number != 0);
    return number;
  }

  bool Running() { return child_.Running(); }
  void Signal(int number) { child_.Signal(number); }
  // The exit code, or 128 + signal.
  int Wait() {
    const absl::StatusOr<int> code = child_.Wait(absl::Minutes(1));
    CHECK(code.ok());
    return *code;
  }
  int Kill(int signal) {
    Signal(signal);
    return Wait();
  }

  // What it has written so far.
  std::string Output() const { return ReadAll(output_) + (log_.empty() ? "" : ReadAll(log_)); }
  pid_t pid() const { return child_.pid(); }

 private:
  const std::string output_, log_;
  assess::Child child_;
};

}  // namespace plumbline::testing
