// When a refused request is worth sending again: a status of RESOURCE_EXHAUSTED or UNAVAILABLE may carry it. On the wire it is
// google.rpc.RetryInfo in the status details (common/rpc/status.h).
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline {

// The longest wait that is said or believed.
inline constexpr absl::Duration kLongestRetry = absl::Hours(1);

// `status` with the wait, cut to 1 ms .. kLongestRetry. An OK status stays as it is.
absl::Status WithRetryAfter(absl::Status status, absl::Duration wait);
// The wait of `status`, within the same bounds; nothing if it has none or holds something else.
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

}  // namespace plumbline
