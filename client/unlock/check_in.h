// That a store is the newest state of its device and the only one, before anything is sent from it.
#pragma once

#include "client/store/check_in_store.h"
#include "client/unlock_network.h"
#include "common/status.h"

namespace plumbline::client {

// OK: nobody else has gone on from this state, and nobody can any more. FAILED_PRECONDITION store_copied, store_rolled_back;
// the network's. May be repeated.
absl::Status CheckInWith(CheckInStore& store, UnlockKeyNetwork& network);

}  // namespace plumbline::client
