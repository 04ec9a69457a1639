// Time is passed in, never read from a global, so that tests decide what time it is.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace plumbline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;  // thread-safe
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace plumbline
