#include "tests/bench/load/target.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace plumbline::bench {

absl::Duration CpuOf(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  CHECK(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0);
  return absl::DurationFromTimespec(used);
}

absl::Duration CpuOfThread() {
  timespec used{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
  return absl::DurationFromTimespec(used);
}

int64_t MemoryOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  int64_t kibibytes = 0;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "Private_Dirty:")) CHECK(std::sscanf(line.c_str(), "Private_Dirty: %ld", &kibibytes) == 1);
  }
  CHECK(kibibytes > 0);
  return kibibytes * 1024;
}

}  // namespace plumbline::bench
