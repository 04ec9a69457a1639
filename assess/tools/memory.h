// Reads the memory of a running process, for a search. Needs the right to trace it (root, or CAP_SYS_PTRACE): the
// services are not dumpable, so their own user may not.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "assess/tools/canary.h"
#include "common/status.h"

namespace plumbline::assess {

// The process stands still for the life of this object (SIGSTOP, SIGCONT): its memory and its files belong together.
class Pause final {
 public:
  explicit Pause(pid_t pid);  // returns when every thread has stopped
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  const pid_t pid_;
};

struct MemorySearch {
  uint64_t bytes_read = 0;
  size_t mappings = 0;
  std::vector<Hit> hits;  // place: "[heap]", "[stack]", "anonymous", or the mapped file
};

// Pauses the process for the time of reading and searches every mapping that can hold something the
// process wrote; unwritable mappings of files hold what the file holds and are left out.
// PERMISSION_DENIED where the privilege is missing, NOT_FOUND where the process is gone.
absl::StatusOr<MemorySearch> SearchMemory(pid_t pid, const PatternSet& patterns);

}  // namespace plumbline::assess
