// One Receive stream: a thread reads it, the engine's thread acknowledges.
#pragma once

#include <memory>

#include "client/network.h"
#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace plumbline::client {

// `events` and `clock` outlive the stream. INVALID_ARGUMENT for an endpoint that cannot be used.
absl::StatusOr<std::unique_ptr<MailboxStream>> NewMailboxStream(rpc::Endpoint endpoint, const Mailbox& mailbox,
                                                                uint64_t number, EventQueue& events, const Clock& clock);

}  // namespace plumbline::client
