// A client that is killed as it writes; for tests.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/client/people.h"

namespace plumbline::client {

// Runs `work` in a child that is killed at write point `n`: commit n/2, before it if n is even, after it if odd.
// True if the child came to its end before that.
inline bool RunKilledAt(Device& device, int n, const std::function<void()>& work) {
  device.Close();
  const pid_t child = fork();
  if (child == 0) {
    device.Reopen();
    int seen = 0;
    device.store().ObserveCommits([&](bool) {
      if (seen++ == n) kill(getpid(), SIGKILL);
    });
    work();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
  return WIFEXITED(status);
}

}  // namespace plumbline::client
