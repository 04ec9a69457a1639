#include "admin/rate_limit.h"

#include <algorithm>

namespace plumbline::admin {

RateLimit::RateLimit(const Clock& clock, uint32_t per_minute)
    : clock_(clock), capacity_(std::max<uint32_t>(per_minute, 1)), level_(capacity_), filled_(clock.Now()) {}

RateLimit::Answer RateLimit::Ask() {
  const MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  if (now > filled_) {
    level_ = std::min(capacity_, level_ + capacity_ * absl::FDivDuration(now - filled_, absl::Minutes(1)));
  }
  filled_ = now;  // also when the clock went back: the bucket then waits for the new time, it does not stop
  if (level_ >= 1) {
    level_ -= 1;
    return Answer::kTake;
  }
  if (now >= reported_ && now - reported_ < absl::Minutes(1)) return Answer::kRefuse;
  reported_ = now;
  return Answer::kRefuseAndReport;
}

}  // namespace plumbline::admin
