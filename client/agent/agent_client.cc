#include "client/agent/agent_client.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/agent/socket.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

absl::Status NotStarted(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kUnavailable, "agent_not_started",
                          absl::StrCat("this device cannot be kept unlocked (", why, "); give the command again, or go on and give the "
                                       "passphrase with each command"));
}

// The answer without its first byte; empty if there is none.
Secret Request(const std::string& folder, AgentRequest request, ByteView body = {}) {
  const Descriptor agent = ConnectIn(folder, kAgentSocket);
  // Somebody else may have put a socket there.
  if (agent.get() < 0 || !IsOwnUser(agent.get())) return Secret();
  Bytes message = {static_cast<uint8_t>(request)};
  message.insert(message.end(), body.begin(), body.end());
  if (!SendMessage(agent.get(), message)) return Secret();
  return ReceiveMessage(agent.get(), kRequestPatience);
}

// A process of its own session that holds none of our descriptors but the end of the socket.
int Spawn(std::vector<std::string> arguments, int start) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (const int standard : {0, 1, 2}) posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&files, start, kAgentStart);
  posix_spawn_file_actions_addclosefrom_np(&files, kAgentStart + 1);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  arguments.insert(arguments.begin(), "plumbline");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &files, &attributes, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

std::optional<AgentState> AskAgent(const std::string& folder) {
  const Secret answer = Request(folder, AgentRequest::kAsk);
  if (answer.empty() || answer.view()[0] != 1) return std::nullopt;
  absl::StatusOr<AgentState> state = ParseAgentState(answer.view().subspan(1));
  if (!state.ok()) return std::nullopt;
  return *std::move(state);
}

void TellAgent(const std::string& folder, const identity::Fixed<16>& checked_in) {
  (void)Request(folder, AgentRequest::kCheckedIn, checked_in);
}

bool LockAgent(const std::string& folder) { return !Request(folder, AgentRequest::kLock).empty(); }

absl::Status StartAgent(const std::string& folder, const std::vector<std::string>& arguments, const AgentState& state) {
  (void)LockAgent(folder);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return NotStarted(std::strerror(errno));
  const Descriptor ours(ends[0]);
  {
    const Descriptor theirs(ends[1]);
    if (const int error = Spawn(arguments, theirs.get()); error != 0) return NotStarted(std::strerror(error));
  }
  if (!SendMessage(ours.get(), Encode(state).view()) || ReceiveMessage(ours.get(), kStartPatience).empty()) {
    return NotStarted("it does not answer");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::client
