// A clock that stands still until the test moves it.
#pragma once

#include <atomic>

#include "common/clock.h"

namespace plumbline::server {

// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : seconds_(absl::ToUnixSeconds(start)) {}
  absl::Time Now() const override { return absl::FromUnixSeconds(seconds_); }
  void Advance(absl::Duration by) { seconds_ += absl::ToInt64Seconds(by); }

 private:
  std::atomic<int64_t> seconds_;
};

}  // namespace plumbline::server
