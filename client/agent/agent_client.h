// How a command reaches the agent of a device's folder, or starts one (client/agent/agent.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/agent/agent_state.h"

namespace plumbline::client {

// None if there is no agent: the device is locked. A socket that nobody answers on counts as none.
std::optional<AgentState> AskAgent(const std::string& folder);
// That the store's newest check-in is another one now. Nothing happens without an agent.
void TellAgent(const std::string& folder, const identity::Fixed<16>& checked_in);
// False if there was none. On return it has overwritten the key.
bool LockAgent(const std::string& folder);

// Starts this program again, with `arguments` (without its name), as the agent of `folder`; it outlives the command. An agent that is
// there is locked first. UNAVAILABLE agent_not_started.
absl::Status StartAgent(const std::string& folder, const std::vector<std::string>& arguments, const AgentState& state);

// The descriptor that a program started by StartAgent gives to RunAgent.
inline constexpr int kAgentStart = 3;

}  // namespace plumbline::client
