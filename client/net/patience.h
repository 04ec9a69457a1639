// How long a call that was refused for lack of room is tried again: as the service asks (google.rpc.RetryInfo), a little later
// by chance so that not all come back at once, and never for long: a person is waiting.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr int kMaxRepeats = 4;
inline constexpr absl::Duration kMaxPatience = absl::Seconds(10);  // waits of one call together

class Patience final {
 public:
  // The wait before the next attempt after `refused`; nothing if it is not worth one: another failure than
  // RESOURCE_EXHAUSTED, no wait named, one longer than what is left of kMaxPatience, or too many attempts.
  std::optional<absl::Duration> Next(const absl::Status& refused);

 private:
  int repeats_ = 0;
  absl::Duration spent_;
};

}  // namespace plumbline::client
