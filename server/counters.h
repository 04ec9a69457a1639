// What the server counts for its operator. Totals only: no ids, no times, no peers.
#pragma once

#include <atomic>
#include <cstdint>

namespace plumbline::server {

struct Counters {
  std::atomic<int64_t> envelopes_stored{0};
  std::atomic<int64_t> envelopes_acknowledged{0};
  std::atomic<int64_t> tokens_refused{0};
  std::atomic<int64_t> grants_refused{0};
  std::atomic<int64_t> revocations_refused{0};  // of callers that are not the key server, or not signed
  std::atomic<int64_t> storage_faults{0};  // each was answered with RESOURCE_EXHAUSTED or UNAVAILABLE
};

}  // namespace plumbline::server
