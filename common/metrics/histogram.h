// How often something took how long: counts in buckets, and nothing of the single case.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace plumbline::metrics {

// Thread-safe.
class Histogram final {
 public:
  // Upper ends, in seconds; what is longer is in the last bucket.
  static constexpr std::array<double, 9> kBounds = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1};

  void Observe(absl::Duration duration) {
    const double seconds = absl::ToDoubleSeconds(duration);
    const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
    counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    nanoseconds_.fetch_add(absl::ToInt64Nanoseconds(duration), std::memory_order_relaxed);
  }

  struct Snapshot {
    std::array<int64_t, kBounds.size() + 1> counts{};  // not cumulative
    double sum_seconds = 0;
  };
  Snapshot Read() const {
    Snapshot out;
    for (size_t i = 0; i < counts_.size(); ++i) out.counts[i] = counts_[i].load(std::memory_order_relaxed);
    out.sum_seconds = static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9;
    return out;
  }

 private:
  std::array<std::atomic<int64_t>, kBounds.size() + 1> counts_{};
  std::atomic<int64_t> nanoseconds_{0};
};

}  // namespace plumbline::metrics
