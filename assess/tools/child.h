// Programs as child processes: services that run until they are stopped, and commands that run to their end with their
// output captured. Waiting is on the process itself or on a condition, with a cap; never a blind sleep.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline::assess {

struct Command {
  std::string program;                             // path
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // added to a minimal one (PATH, HOME, LANG)
  std::string stdin_text;                          // given to the program, then end of file
};

struct CommandResult {
  int exit_code = 0;  // 128 + signal where a signal ended it
  std::string out;
  std::string err;
  absl::Duration took;
};

// Runs a command to its end. DEADLINE_EXCEEDED after `timeout` (the child is killed); NOT_FOUND where the program is
// not there. A non-zero exit code is a result, not an error.
absl::StatusOr<CommandResult> RunCommand(const Command& command, absl::Duration timeout = absl::Seconds(20));

// A child that runs in the background. The destructor kills and reaps it unless it was detached. Not thread-safe.
class Child {
 public:
  // Standard output and error go to the file `log_path` (appended). There is no terminal. Where `detached`, the child
  // outlives this process; otherwise it dies with it. `stdin_text` is not used unless `keep_stdin`.
  struct Options {
    std::string log_path;
    std::string err_path;     // empty: standard error goes to log_path too
    bool detached = false;
    bool keep_stdin = false;  // WriteLine() feeds the child
  };
  static absl::StatusOr<Child> Start(const Command& command, const Options& options);

  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  bool Running();
  // INTERNAL if the child does not read it.
  absl::Status WriteLine(const std::string& line);
  void CloseStdin();
  void Signal(int number);
  // The exit code; DEADLINE_EXCEEDED if it still runs after `timeout`.
  absl::StatusOr<int> Wait(absl::Duration timeout);
  // SIGTERM, then SIGKILL after `grace`; reaped afterwards. The exit code.
  int Stop(absl::Duration grace = absl::Seconds(5));

 private:
  pid_t pid_ = -1;
  int stdin_ = -1;
  bool detached_ = false;
  bool ended_ = false;
  int exit_code_ = 0;
};

// Asks `condition` every 20 ms until it holds; false after `cap`.
bool PollUntil(const std::function<bool()>& condition, absl::Duration cap);

absl::StatusOr<std::string> ReadFile(const std::string& path);
// Creates or replaces a file that only its owner reads (0600).
absl::Status WriteFile(const std::string& path, const std::string& content);
// True if something accepts TCP connections on 127.0.0.1:port.
bool PortAnswers(int port);
// A TCP port on 127.0.0.1 that was free a moment ago; `preferred` if that one was. Else no other process gets it from this function
// while this one lives, and this one not before 99 others.
absl::StatusOr<int> FreePort(int preferred = 0);

}  // namespace plumbline::assess
