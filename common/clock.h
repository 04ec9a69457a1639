// Time is passed in, never read from a global, so that tests decide what time it is.
#pragma once

#include <time.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace plumbline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;  // thread-safe
};

// Time since some moment before the process began, whatever happens to the time of day: what pauses are measured by. It goes on
// while the machine is suspended. Thread-safe.
inline absl::Duration Uptime() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::DurationFromTimespec(now);
}

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace plumbline
