// Which tokens were spent.
#pragma once

#include "common/status.h"
#include "common/tokens/redeemer.h"

namespace plumbline::server {

enum class Spent {
  kNow,     // and never again
  kBefore,
  kVoid,    // all tokens under its key count no more
};

// Thread-safe.
class NullifierStore {
 public:
  virtual ~NullifierStore() = default;

  // kNow exactly once for each nullifier, on disk before it returns; kBefore ever after, until an hour past its key's end, rounded
  // up to a whole hour. RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS: not spent.
  virtual absl::StatusOr<Spent> Spend(const tokens::Redeemed& token) = 0;
};

}  // namespace plumbline::server
