#include "client/upkeep.h"

#include <algorithm>

#include "common/identity/reason.h"

namespace plumbline::client {

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || identity::ReasonOf(status) == "busy";
}

void Upkeep::Done(const absl::Status& result) {
  if (result.ok()) {
    repeat_ = absl::ZeroDuration();
    return Wait(kUpkeep);
  }
  repeat_ = std::clamp(repeat_ * 2, kFirstRepeat, IsTransient(result) ? kLongestRepeat : kUpkeep);
  Wait(repeat_);
}

void Upkeep::Soon() {
  if (repeat_ == absl::ZeroDuration()) Now();
}

void Upkeep::Wait(absl::Duration pause) {
  at_ = Uptime() + pause;
  clock_at_ = clock_.Now() + pause;
}

}  // namespace plumbline::client
