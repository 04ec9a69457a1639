// Whether the time of day can be believed enough to delete by it. A clock that is set forward must not make a server throw away
// what nobody has fetched: its operator gets a day to set it back. Plain class; one thread.
#pragma once

#include <optional>

#include "absl/time/time.h"

namespace plumbline::server {

class ClockWatch final {
 public:
  static constexpr absl::Duration kNotice = absl::Minutes(1);  // what a corrected clock may move between two looks
  static constexpr absl::Duration kHarmless = absl::Hours(1);  // ahead of where it would be
  static constexpr absl::Duration kHold = absl::Hours(24);     // of running time, from the jump on

  // By how much the time of day jumped since the last look, if by more than kNotice. `uptime`: Uptime().
  std::optional<absl::Duration> Look(absl::Time now, absl::Duration uptime);
  // No jump of more than kHarmless forward stands that is younger than kHold. A jump back takes one forward away.
  bool MayDelete(absl::Duration uptime) const { return ahead_ <= kHarmless || uptime >= hold_until_; }

 private:
  std::optional<absl::Duration> offset_;  // time of day less running time
  absl::Duration ahead_;
  absl::Duration hold_until_;
};

}  // namespace plumbline::server
