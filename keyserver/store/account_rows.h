// What several of the key server's stores do to an account's rows, inside a transaction of theirs.
#pragma once

#include "common/db/database.h"
#include "common/status.h"
#include "common/directory/cause.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

// Takes the account from `revision` to the next one. ABORTED state_changed if somebody was faster.
absl::Status Advance(db::Database& database, absl::string_view user, uint64_t revision);
// ALREADY_EXISTS key_in_use if a device has one of its keys, or had one before it was removed.
absl::Status InsertDevice(db::Database& database, const Device& device);
// PERMISSION_DENIED device_revoked, account_suspended; OK for a device that may act.
absl::Status CheckActive(db::Database& database, const identity::DeviceId& device);

// As the directory's log commits to it.
directory::Cause CauseOf(const IntentTrace& trace);
directory::Cause CauseOf(const DecisionTrace& trace);

}  // namespace plumbline::keyserver
