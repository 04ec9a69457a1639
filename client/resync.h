// A device that fell behind a group it is in, and the members who take it in again (docs/protocols/groups.md, "Falling behind").
#pragma once

#include <functional>
#include <optional>

#include "client/conversations.h"
#include "client/roster.h"
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
// person first, to another one each time. `intake` is where the Welcome will come. The first round goes to the mailboxes that the
// group's leaves name; who was away for longer than those last reaches nobody by them, so later ones go where `intake_of` says that
// a device takes Welcomes, if it says so. True if a request was made; codes of `intake_of`.
using IntakeOf = std::function<absl::StatusOr<std::optional<identity::MailboxAddress>>(const RosterDevice&)>;
absl::StatusOr<bool> AskToReturn(Stores& stores, const Self& self, const Clock& clock, const StoredGroup& group,
                                 const Mailbox& intake, const IntakeOf& intake_of = nullptr);

}  // namespace plumbline::client
