// How many requests a minute the admin service takes from everybody together: each one costs a durable audit
// record, so without a limit a stranger could fill the disk.
#pragma once

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace plumbline::admin {

// A bucket that holds one minute's worth and refills evenly. Thread-safe.
class RateLimit final {
 public:
  enum class Answer {
    kTake,
    kRefuse,
    kRefuseAndReport,  // the first refusal since a minute: worth one audit record
  };

  // `per_minute` is at least 1.
  RateLimit(const Clock& clock, uint32_t per_minute);
  Answer Ask();

 private:
  const Clock& clock_;
  const double capacity_;
  Mutex mutex_;
  double level_ ABSL_GUARDED_BY(mutex_);
  absl::Time filled_ ABSL_GUARDED_BY(mutex_);
  absl::Time reported_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace plumbline::admin
