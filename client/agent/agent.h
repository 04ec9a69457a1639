// The agent: a process that holds an open store's data key in memory, so that the passphrase is asked for once and not with each
// command. It knows nothing else, opens nothing, has no network, and ends by itself. It is reached through a socket in the device's
// folder (0600) by processes of the same user: whoever runs as that user while it lives can read what that user can read
// (docs/threat-model.md).
//
// SOCK_SEQPACKET; one request and one answer on each connection:
//   struct { uint8 request = 1; } Ask;                               ->  struct { uint8 ok = 1; AgentState state; }   // longest: what is left
//   struct { uint8 request = 2; opaque checked_in[16]; } CheckedIn;  ->  struct { uint8 ok = 1; }
//   struct { uint8 request = 3; } Lock;                              ->  struct { uint8 ok = 1; }, and the key is gone
// Anything else is answered by closing.
#pragma once

#include <string>

#include "common/status.h"

namespace plumbline::client {

// Ends with OK when its time is over, when it is told to, and when its socket is taken away. `start`: a connected socket, from
// which it takes an AgentState, and which it answers with one byte once it can be asked. To be called in a process of its own, which
// is confined from then on. INVALID_ARGUMENT; UNAVAILABLE.
absl::Status RunAgent(const std::string& folder, int start);

}  // namespace plumbline::client
