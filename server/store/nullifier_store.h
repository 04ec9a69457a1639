// Which passes were spent.
#pragma once

#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::server {

// Thread-safe.
class NullifierStore {
 public:
  virtual ~NullifierStore() = default;

  // True exactly once for each nonce, on disk before it returns; false ever after, until an hour past `expires`, rounded up
  // to a whole hour. RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS: not spent.
  virtual absl::StatusOr<bool> Spend(const identity::Nonce& nonce, absl::Time expires) = 0;
};

}  // namespace plumbline::server
