// Has another process make a system call, as whoever took it over would. x86-64 only; takes the right to trace it (root).
#pragma once

#include <array>
#include <string>

#include "absl/status/statusor.h"

namespace plumbline::testing {

struct InjectedCall {
  long number = 0;
  std::array<long, 6> arguments{};
  int text_at = -1;  // which argument is the address of `text`, in that process; -1: none
  std::string text;
};
struct InjectedResult {
  long value = 0;      // what the call returned: a negative errno, as the kernel does
  int killed_by = 0;   // the signal that the process died of; 0: it lives
};

// In the thread `tid` of a process, which goes on as before. INTERNAL if it cannot be traced; DEADLINE_EXCEEDED if it comes to wait
// in no system call within ten seconds.
absl::StatusOr<InjectedResult> Inject(int tid, const InjectedCall& call);

// The address of a page that `tid` may write.
absl::StatusOr<long> StackPageOf(int tid);

}  // namespace plumbline::testing
