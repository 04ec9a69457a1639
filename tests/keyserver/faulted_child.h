// A step of a test in a process of its own, on storage that fails at its n-th change of a file.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"

namespace plumbline::keyserver {

// `to` is as `from` is, and nothing else.
inline void CopyFolder(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// Runs this program's test `filter` with `environment`; it is failed (`kind`: kill, torn, power) at change `at`, or not if that is 0,
// and writes how many there were to `count`. The status as waitpid has it.
inline int RunFaulted(const std::string& filter, const std::map<std::string, std::string>& environment, const std::string& kind, int at,
                      const std::string& count) {
  const pid_t child = fork();
  if (child == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    setenv("LD_PRELOAD", PLUMBLINE_FAULTS, 1);
    setenv("ASSESS_FAULT_COUNT", count.c_str(), 1);
    setenv("ASSESS_FAULT_KIND", kind.c_str(), 1);
    setenv("ASSESS_FAULT_AT", absl::StrCat(at).c_str(), 1);
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execl("/proc/self/exe", "faulted_child", absl::StrCat("--gtest_filter=", filter).c_str(), nullptr);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

inline int ReadCount(const std::string& path) {
  int count = 0;
  std::ifstream(path) >> count;
  return count;
}

}  // namespace plumbline::keyserver
