// Devices that wait for a registrar (docs/protocols/identity.md, "Attended enrolment").
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/identity/device_decision.h"
#include "common/status.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::admin {

// What would be certified, read from the request itself. INVALID_ARGUMENT if it is malformed.
absl::StatusOr<identity::JoinRequest> JoinRequestOf(const keys::v1::EnrolRequest& request);

// The hash of the request that waits in `account` and whose code is `typed`. The code is computed here, from the keys: what the key
// server says of it counts for nothing. INVALID_ARGUMENT code_malformed; NOT_FOUND join_unknown.
absl::StatusOr<identity::Hash> FindWaiting(const keys::v1::AccountView& account, absl::string_view typed);

}  // namespace plumbline::admin
