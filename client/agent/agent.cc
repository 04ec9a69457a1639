#include "client/agent/agent.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/agent/agent_state.h"
#include "client/agent/socket.h"
#include "common/codec.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"

namespace plumbline::client {
namespace {

// Also the time for which the machine slept: a lid that was shut for a night ends an agent.
absl::Time Now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::TimeFromTimespec(now);
}

// No wait is longer: after a sleep, whose time a wait does not count, it sees within this that its own is over.
constexpr absl::Duration kLookAgain = absl::Seconds(2);

class Agent final {
 public:
  Agent(const std::string& folder, AgentState state)
      : path_(absl::StrCat(folder, "/", kAgentSocket)), state_(std::move(state)), end_(Now() + state_.longest) {
    mlock(state_.data_key.view().data(), state_.data_key.size());  // where there is no room to lock all memory
  }

  absl::Status Listen(const std::string& folder) {
    ASSIGN_OR_RETURN(Descriptor listener, ListenIn(folder, kAgentSocket));
    listener_.emplace(std::move(listener));
    struct stat made {};
    if (stat(path_.c_str(), &made) != 0) return absl::UnavailableError(absl::StrCat(path_, " is gone"));
    inode_ = made.st_ino;
    asked_ = Now();
    return absl::OkStatus();
  }

  void Serve() {
    while (!locked_) {
      const absl::Time now = Now(), end = End();
      if (now >= end || !IsOwnSocket()) break;
      pollfd readable = {listener_->get(), POLLIN, 0};
      const int ready = poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(std::min(end - now, kLookAgain))) + 1);
      if (ready < 0 && errno != EINTR) break;
      if (ready == 1) Accept();
    }
    state_.data_key = Secret();
    if (IsOwnSocket()) unlink(path_.c_str());
  }

 private:
  absl::Time End() const { return std::min(end_, asked_ + state_.idle); }

  // Somebody may have taken the folder away, or another agent its place.
  bool IsOwnSocket() const {
    struct stat there {};
    return stat(path_.c_str(), &there) == 0 && there.st_ino == inode_;
  }

  Secret Answer(absl::Time now) const {
    const AgentState left{Secret::CopyOf(state_.data_key.view()), state_.checked_in, state_.idle, end_ - now};
    return Writer().U8(1).Fixed(Encode(left).view()).TakeSecret();
  }

  void Accept() {
    const Descriptor connection(accept4(listener_->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0 || !IsOwnUser(connection.get())) return;
    const Secret request = ReceiveMessage(connection.get(), kRequestPatience);
    // What was asked before the time was over and comes after it is too late.
    const absl::Time now = Now();
    if (request.empty() || now >= End()) return;
    const ByteView body = request.view().subspan(1);
    const Bytes ok = {1};
    switch (static_cast<AgentRequest>(request.view()[0])) {
      case AgentRequest::kAsk:
        if (!body.empty()) return;
        asked_ = now;
        SendMessage(connection.get(), Answer(now).view());
        return;
      case AgentRequest::kCheckedIn: {
        const auto id = identity::ToFixed<16>(body);
        if (!id.ok()) return;
        state_.checked_in = *id;
        SendMessage(connection.get(), ok);
        return;
      }
      case AgentRequest::kLock:
        if (!body.empty()) return;
        locked_ = true;
        state_.data_key = Secret();
        unlink(path_.c_str());
        SendMessage(connection.get(), ok);
        return;
    }
  }

  const std::string path_;
  AgentState state_;
  const absl::Time end_;
  absl::Time asked_;
  std::optional<Descriptor> listener_;
  ino_t inode_ = 0;
  bool locked_ = false;
};

}  // namespace

absl::Status RunAgent(const std::string& folder, int start) {
  const Descriptor starter(start);
  ASSIGN_OR_RETURN(AgentState state, ParseAgentState(ReceiveMessage(start, kStartPatience).view()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Logger> nowhere, Logger::Create({"agent", "/dev/null", LogLevel::kError}));
  RETURN_IF_ERROR(EnterSandbox({folder}, *nowhere, Sockets::kLocal));
  Agent agent(folder, std::move(state));
  RETURN_IF_ERROR(agent.Listen(folder));
  SendMessage(start, Bytes{1});
  agent.Serve();
  return absl::OkStatus();
}

}  // namespace plumbline::client
