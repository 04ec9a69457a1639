// The privacy notice at this device: shown before it is enrolled, and again when the services say something else.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "client/store/notice_store.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr absl::Duration kAskAgain = absl::Hours(24);  // how old what is known of the services may be

// Whether it is time to ask the services again.
bool IsNoticeDue(const std::optional<KnownNotice>& known, absl::Time now);

// OK if what the services were last heard to say is what was accepted. FAILED_PRECONDITION notice_not_accepted otherwise: nothing new
// leaves this device then. What is there can be read, and what is queued goes out.
absl::Status CheckNotice(const std::optional<KnownNotice>& known);

}  // namespace plumbline::client
