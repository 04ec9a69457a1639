// What an agent holds, as it is given to it and as it answers.
//   struct { opaque data_key[32]; opaque checked_in[16]; uint32 idle; uint32 longest; } AgentState;   // seconds, at least 1
#pragma once

#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr size_t kHeldKeySize = 32;

struct AgentState {
  Secret data_key;                   // of the open store; kHeldKeySize bytes
  identity::Fixed<16> checked_in{};  // the store's newest check-in with the key server; zeros: none
  absl::Duration idle;               // it ends when nobody has asked for so long
  absl::Duration longest;            // and in any case after so long, the machine's sleep included
};
Secret Encode(const AgentState& state);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<AgentState> ParseAgentState(ByteView wire);

}  // namespace plumbline::client
