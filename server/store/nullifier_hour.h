// How long a spent token is remembered.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace plumbline::server {

// The last hour since 1970 in which it is: one hour past its expiry, rounded up to a whole one.
inline int64_t NullifierHour(absl::Time expires) {
  return absl::ToInt64Seconds(
             absl::Ceil(expires - absl::UnixEpoch() + absl::Hours(1), absl::Hours(1))) /
         3600;
}

}  // namespace plumbline::server
