#include "client/net/patience.h"

#include <sodium.h>

#include <algorithm>

#include "common/retry.h"

namespace plumbline::client {

std::optional<absl::Duration> Patience::Next(const absl::Status& refused) {
  if (!absl::IsResourceExhausted(refused) || repeats_ >= kMaxRepeats) return std::nullopt;
  const std::optional<absl::Duration> asked = RetryAfter(refused);
  if (!asked.has_value()) return std::nullopt;
  const absl::Duration wait = *asked + *asked * (randombytes_uniform(256) / 1024.0);  // up to a quarter more
  if (spent_ + wait > kMaxPatience) return std::nullopt;
  spent_ += wait;
  ++repeats_;
  return wait;
}

}  // namespace plumbline::client
