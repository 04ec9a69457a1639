// How often key packages of one person are claimed in an hour, whoever claims them: nobody knows who does. Beyond the limit a claim
// gets the last-resort packages, and the single-use ones stay for later (docs/protocols/tokens.md, "Draining").
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/mutex.h"

namespace plumbline::keyserver {

// In memory alone: counts of who is claimed would be a record of whom people write to. A restart begins anew. Thread-safe.
class ClaimLimit final {
 public:
  explicit ClaimLimit(uint32_t per_hour) : per_hour_(per_hour) {}
  // Counts a claim of `user`, who has enrolled: there are no more counts than people. False beyond the limit.
  bool Take(const std::string& user, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const uint32_t per_hour_;
  Mutex mutex_;
  int64_t hour_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint32_t> claims_ ABSL_GUARDED_BY(mutex_);  // of this hour
};

}  // namespace plumbline::keyserver
