// A long random life of one group whose members are spread over the servers: after each step all
// members must agree on the epoch authenticator, and each message must be read by all the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"
#include "interop/runner/client_pool.h"

namespace plumbline::interop {

struct WalkOptions {
  uint32_t suite = 1;
  bool encrypt_handshake = false;
  size_t steps = 100;
  size_t max_members = 12;  // at least 4
  uint64_t seed = 1;        // the same seed takes the same steps (keys differ)
};

struct WalkReport {
  size_t commits = 0, joins = 0, removals = 0, messages = 0;
};

// `clients`: at least one, each with the suite. The first failure, with the number of the step.
absl::StatusOr<WalkReport> RandomWalk(const std::vector<Client*>& clients,
                                      const WalkOptions& options, Transcript& transcript);

}  // namespace plumbline::interop
