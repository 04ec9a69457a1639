// RunProgram of machine.h.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "doctor/machine.h"

namespace plumbline::doctor {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr size_t kMaxOutput = 256 << 10;

// Until the end of the output; false if that takes too long or is too much.
bool Drain(int fd, std::string& out) {
  const absl::Duration end = Uptime() + kPatience;
  char buffer[4096];
  while (Uptime() < end && out.size() < kMaxOutput) {
    pollfd waiting = {fd, POLLIN, 0};
    const int left = static_cast<int>(absl::ToInt64Milliseconds(end - Uptime()));
    if (poll(&waiting, 1, left) <= 0) continue;
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) return true;
    if (got > 0) out.append(buffer, static_cast<size_t>(got));
  }
  return false;
}

}  // namespace

absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& line) {
  if (access(line.front().c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no ", line.front()));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError("no pipe can be made");
  std::vector<char*> arguments;
  for (const std::string& each : line) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int spawned =
      posix_spawn(&child, line.front().c_str(), &actions, nullptr, arguments.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  ProgramResult out;
  const bool ended = spawned == 0 && Drain(ends[0], out.out);
  close(ends[0]);
  if (spawned != 0) {
    return absl::UnavailableError(absl::StrCat(line.front(), ": ", std::strerror(spawned)));
  }
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!ended) return absl::UnavailableError(absl::StrCat(line.front(), " does not come to an end"));
  out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

}  // namespace plumbline::doctor
