// When a client that stays online looks again at what is due: regularly, sooner after a failure, at once when the line has
// come back.
#pragma once

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr absl::Duration kUpkeep = absl::Minutes(5);
inline constexpr absl::Duration kFirstRepeat = absl::Milliseconds(500);  // after a failure; then twice as long, up to:
inline constexpr absl::Duration kLongestRepeat = absl::Seconds(30);      // where the network failed; otherwise kUpkeep

// UNAVAILABLE, DEADLINE_EXCEEDED or `busy`: the same may succeed later without anybody doing anything.
bool IsTransient(const absl::Status& status);

// Used from one thread. Pauses are measured by Uptime() and by `clock`, whichever is over first: a clock that was set forward
// brings things due, one that was set back keeps nothing from happening.
class Upkeep final {
 public:
  explicit Upkeep(const Clock& clock) : clock_(clock) {}

  bool Due() const { return Uptime() >= at_ || clock_.Now() >= clock_at_; }
  // It was looked at, with this result.
  void Done(const absl::Status& result);
  // Something new is due. After a failure the pause goes on.
  void Soon();
  // What made the last attempt fail may be over.
  void Now() { Wait(absl::ZeroDuration()); }

 private:
  void Wait(absl::Duration pause);

  const Clock& clock_;
  absl::Duration at_;
  absl::Time clock_at_ = absl::InfinitePast();
  absl::Duration repeat_;  // zero: the last attempt did not fail
};

}  // namespace plumbline::client
