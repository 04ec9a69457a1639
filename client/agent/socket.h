// The agent's socket: what both sides need.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/file.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr char kAgentSocket[] = "agent.sock";
inline constexpr size_t kMaxAgentMessage = 128;  // bytes

enum class AgentRequest : uint8_t { kAsk = 1, kCheckedIn = 2, kLock = 3 };

// Listens at folder/name, whatever the length of `folder`; 0600 from the beginning.
absl::StatusOr<Descriptor> ListenIn(const std::string& folder, const std::string& name);
// A negative descriptor if nobody listens there.
Descriptor ConnectIn(const std::string& folder, const std::string& name);
// That the other side runs as the same user.
bool IsOwnUser(int socket);

bool SendMessage(int socket, ByteView message);
// Empty if the other side has closed, says too much, or says nothing for so long.
Secret ReceiveMessage(int socket, absl::Duration patience);
inline constexpr absl::Duration kRequestPatience = absl::Seconds(1);
inline constexpr absl::Duration kStartPatience = absl::Seconds(20);  // for a program to start

}  // namespace plumbline::client
