#include "common/process.h"

#include <malloc.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

#include "absl/synchronization/mutex.h"

namespace plumbline {

absl::Status HardenProcess() {
  if (sodium_init() < 0) return absl::InternalError("libsodium did not start");
  const rlimit no_core = {0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0) return absl::InternalError("core dumps cannot be switched off");
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return absl::InternalError("the process cannot be made non-dumpable");
  if (mallopt(M_PERTURB, 0xa5) != 1) return absl::InternalError("freed memory cannot be set to be overwritten");
  // Memory that was given back and taken again costs a page fault for every 4 KiB each time.
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
  // The distribution's library looks for lock cycles on every lock that gRPC takes: a tool for debugging.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::signal(SIGPIPE, SIG_IGN);
  return absl::OkStatus();
}

}  // namespace plumbline
