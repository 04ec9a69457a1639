#include "common/retry.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace plumbline {
namespace {

constexpr char kPayload[] = "plumbline/retry-after-ms";

}  // namespace

absl::Status WithRetryAfter(absl::Status status, absl::Duration wait) {
  const int64_t milliseconds = absl::ToInt64Milliseconds(std::clamp(wait, absl::Milliseconds(1), kLongestRetry));
  status.SetPayload(kPayload, absl::Cord(absl::StrCat(milliseconds)));  // does nothing to OK
  return status;
}

std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  int64_t milliseconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &milliseconds)) return std::nullopt;
  return std::clamp(absl::Milliseconds(milliseconds), absl::Milliseconds(1), kLongestRetry);
}

}  // namespace plumbline
