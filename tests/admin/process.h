// Real processes for tests: run one to its end, or keep one running.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace plumbline::testing {

inline std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Standard output and error go to files, standard input is empty and there is no terminal. -1 if it does not
// start.
inline pid_t Spawn(const std::vector<std::string>& args, const std::string& out, const std::string& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // no controlling terminal to ask at
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (posix_spawn(&pid, args[0].c_str(), &files, &attributes, argv.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

struct Finished {
  int exit_code = -1;
  std::string out, err;
};

inline Finished RunToEnd(const std::vector<std::string>& args, const std::string& scratch) {
  const std::string out = scratch + "/run.out", err = scratch + "/run.err";
  const pid_t pid = Spawn(args, out, err);
  int status = 0;
  Finished finished;
  if (pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status))
    finished.exit_code = WEXITSTATUS(status);
  finished.out = ReadAll(out);
  finished.err = ReadAll(err);
  return finished;
}

// A service. Killed when it goes out of scope.
class Child final {
 public:
  Child(const std::vector<std::string>& args, std::string output) : output_(std::move(output)) {
    pid_ = Spawn(args, output_, output_ + ".err");
  }
  ~Child() { Kill(SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The rest of the line after `prefix`, as soon as it is printed; empty if the process ends or a minute
  // passes first.
  std::string WaitForLine(const std::string& prefix) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string text = ReadAll(output_) + ReadAll(output_ + ".err");
      const size_t at = text.find(prefix);
      const size_t end = at == std::string::npos ? at : text.find('\n', at);
      if (end != std::string::npos) return text.substr(at + prefix.size(), end - at - prefix.size());
      if (!Running()) return "";
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return "";
  }

  bool Running() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }

  // The exit status, or 128 + signal.
  int Kill(int signal) {
    if (Running()) {
      ::kill(pid_, signal);
      ::waitpid(pid_, &status_, 0);
      pid_ = -1;
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }

  std::string Output() const { return ReadAll(output_) + ReadAll(output_ + ".err"); }
  pid_t pid() const { return pid_; }

 private:
  const std::string output_;
  pid_t pid_ = -1;
  int status_ = 0;
};

}  // namespace plumbline::testing
