// Which check-in of this store the key server took last, and which one is being asked for (docs/protocols/unlock.md, "Copies and
// older states").
#pragma once

#include <cstdint>

#include "client/store/store.h"
#include "common/identity/fixed.h"

namespace plumbline::client {

struct CheckIn {
  uint64_t generation = 0;  // of `next`
  identity::Fixed<16> previous{}, next{};
};

class CheckInStore final {
 public:
  explicit CheckInStore(Store& store) : store_(store) {}

  // The one that is being asked for, as it was written down before, or a new one. On disk on return.
  absl::StatusOr<CheckIn> Prepare();
  // The key server took it.
  absl::Status Taken(const CheckIn& check_in);
  // The id of the last one that was taken; zeros before the first.
  absl::StatusOr<identity::Fixed<16>> Last();

 private:
  Store& store_;
};

}  // namespace plumbline::client
