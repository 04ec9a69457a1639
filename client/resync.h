// A device that fell behind a group it is in, and the members who take it in again (docs/protocols/groups.md, "Falling behind").
#pragma once

#include "client/conversations.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/identity/resync.h"
#include "common/status.h"
#include "mls/group.h"

namespace plumbline::client {

// Whether a member of `group` should follow the request: it is signed by the device whose leaf is in the group, for a key package
// of that same device, and not older than a week. INVALID_ARGUMENT resync_refused otherwise. `request` of the result is empty.
absl::StatusOr<HeldResyncRequest> JudgeResync(const mls::Group& group, const identity::ResyncRequest& request, absl::Time now);

// If the group is lost and nobody was asked lately, puts a request to one other member in the outbox: to a device of the same
// person first, to another one each time. `intake` is where the Welcome will come. True if a request was made.
absl::StatusOr<bool> AskToReturn(Stores& stores, const Self& self, const Clock& clock, const StoredGroup& group,
                                 const Mailbox& intake);

}  // namespace plumbline::client
