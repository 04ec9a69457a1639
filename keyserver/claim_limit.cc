#include "keyserver/claim_limit.h"

namespace plumbline::keyserver {

bool ClaimLimit::Take(const std::string& user, absl::Time now) {
  MutexLock lock(mutex_);
  const int64_t hour = absl::ToUnixSeconds(now) / 3600;
  if (hour != hour_) claims_.clear();
  hour_ = hour;
  uint32_t& claims = claims_[user];
  if (claims == per_hour_) return false;
  ++claims;
  return true;
}

}  // namespace plumbline::keyserver
