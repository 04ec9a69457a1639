#include "server/clock_watch.h"

#include <algorithm>

namespace plumbline::server {

std::optional<absl::Duration> ClockWatch::Look(absl::Time now, absl::Duration uptime) {
  const absl::Duration offset = now - absl::UnixEpoch() - uptime;
  const absl::Duration jump = offset_.has_value() ? offset - *offset_ : absl::ZeroDuration();
  offset_ = offset;
  if (absl::AbsDuration(jump) <= kNotice) return std::nullopt;
  if (uptime >= hold_until_) ahead_ = absl::ZeroDuration();  // what stood for a day is the time now
  ahead_ = std::max(absl::ZeroDuration(), ahead_ + jump);
  if (jump > absl::ZeroDuration()) hold_until_ = uptime + kHold;
  return jump;
}

}  // namespace plumbline::server
