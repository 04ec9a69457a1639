// Which state of each device's store was used last. Durable on return. Thread-safe. Codes of the engine as account_store.h.
#pragma once

#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

struct CheckIn {
  uint64_t generation = 0;           // of `next`; 1 and up
  identity::Fixed<16> previous{}, next{};  // random ids of the last check-in and of this one
};

class CheckInStore {
 public:
  virtual ~CheckInStore() = default;

  // Takes it if `previous` is the last one known, or if it was taken before. A generation that this database has not come to yet
  // shows that the database is the older one: taken, and recorded as device.store_ahead with `entry`'s actor.
  // FAILED_PRECONDITION store_copied (another store went on from the same state), store_rolled_back (this one is older).
  virtual absl::Status Take(const identity::DeviceId& device, const CheckIn& check_in, const audit::Entry& entry) = 0;
  // Forgets devices that are no longer enrolled.
  virtual absl::Status ForgetRemoved() = 0;
};

}  // namespace plumbline::keyserver
