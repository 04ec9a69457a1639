// The agent as a process of its own: what it answers whom, and when it ends.
#include "client/agent/agent.h"

#include <gmock/gmock.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "client/agent/agent_client.h"
#include "client/agent/socket.h"
#include "common/log.h"
#include "common/process.h"
#include "common/sandbox/sandbox.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

// An agent in a child of the test, which is told apart from it by its pid.
class RunningAgent final {
 public:
  RunningAgent(std::string folder, absl::Duration idle, absl::Duration longest) : folder_(std::move(folder)) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    child_ = fork();
    if (child_ == 0) {
      close(ends[0]);
      const bool ended = HardenProcess().ok() && RunAgent(folder_, ends[1]).ok();
      _exit(ended ? 0 : 1);
    }
    close(ends[1]);
    const Descriptor ours(ends[0]);
    CHECK(SendMessage(ours.get(), Encode(AgentState{Secret::CopyOf(key_.view()), {}, idle, longest}).view()));
    CHECK(!ReceiveMessage(ours.get(), kStartPatience).empty());
  }
  ~RunningAgent() {
    if (child_ > 0) kill(child_, SIGKILL);
    if (child_ > 0) waitpid(child_, nullptr, 0);
  }
  // The exit code; waits for its end.
  int Ended() {
    int status = 0;
    CHECK(waitpid(child_, &status, 0) == child_);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool Running() {
    int status = 0;
    if (child_ > 0 && waitpid(child_, &status, WNOHANG) == child_) child_ = 0;
    return child_ > 0;
  }
  const Secret& key() const { return key_; }
  pid_t pid() const { return child_; }

 private:
  const std::string folder_;
  const Secret key_ = Secret::Random(kHeldKeySize);
  pid_t child_ = 0;
};

constexpr absl::Duration kLong = absl::Minutes(10);

TEST(Agent, AnswersWithTheKeyAndTheNewestCheckIn) {
  const testing::ScratchDir dir;
  EXPECT_FALSE(AskAgent(dir.path()).has_value());
  RunningAgent agent(dir.path(), kLong, 2 * kLong);
  const std::optional<AgentState> first = AskAgent(dir.path());
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->data_key == agent.key());
  EXPECT_EQ(first->checked_in, identity::Fixed<16>{});
  EXPECT_EQ(first->idle, kLong);
  EXPECT_LE(first->longest, 2 * kLong);
  EXPECT_GT(first->longest, 2 * kLong - absl::Minutes(1));
  const auto id = identity::RandomFixed<16>();
  TellAgent(dir.path(), id);
  EXPECT_EQ(AskAgent(dir.path())->checked_in, id);
  EXPECT_TRUE(LockAgent(dir.path()));
  EXPECT_EQ(agent.Ended(), 0);
  EXPECT_FALSE(AskAgent(dir.path()).has_value());
  EXPECT_FALSE(LockAgent(dir.path()));
  EXPECT_FALSE(std::filesystem::exists(dir / kAgentSocket));
}

TEST(Agent, LivesInAFolderWithALongName) {
  const testing::ScratchDir dir;
  const std::string folder = dir / std::string(200, 'f');
  std::filesystem::create_directory(folder);
  RunningAgent agent(folder, kLong, kLong);
  EXPECT_TRUE(AskAgent(folder).has_value());
}

TEST(Agent, EndsWhenNobodyAsksAndInAnyCase) {
  const testing::ScratchDir dir, other;
  RunningAgent idle(dir.path(), absl::Seconds(2), kLong);
  RunningAgent longest(other.path(), absl::Seconds(2), absl::Seconds(5));
  const absl::Time begin = absl::Now();
  while (longest.Running() && absl::Now() < begin + absl::Seconds(30)) {
    AskAgent(other.path());  // which keeps it from being idle, and no more than that
    absl::SleepFor(absl::Milliseconds(100));
  }
  const absl::Duration lived = absl::Now() - begin;
  EXPECT_FALSE(longest.Running());
  EXPECT_GE(lived, absl::Seconds(4));
  EXPECT_EQ(idle.Ended(), 0);
  EXPECT_FALSE(AskAgent(dir.path()).has_value());
  EXPECT_FALSE(AskAgent(other.path()).has_value());
}

TEST(Agent, EndsWhenItsFolderIsTakenAwayOrAnotherTakesItsPlace) {
  const testing::ScratchDir dir, other;
  const std::string folder = dir / "home";
  std::filesystem::create_directory(folder);
  RunningAgent first(folder, kLong, kLong);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(first.Ended(), 0);
  RunningAgent second(other.path(), kLong, kLong), third(other.path(), kLong, kLong);
  EXPECT_EQ(second.Ended(), 0);
  EXPECT_TRUE(AskAgent(other.path())->data_key == third.key());
}

TEST(Agent, ClosesOnWhateverElseIsSaid) {
  const testing::ScratchDir dir;
  RunningAgent agent(dir.path(), kLong, kLong);
  for (const Bytes& request : {Bytes{0}, Bytes{4}, Bytes{1, 0}, Bytes{3, 3}, Bytes{2}, Bytes(18, 2), Bytes(200, 1), Bytes(129, 1)}) {
    const Descriptor connection = ConnectIn(dir.path(), kAgentSocket);
    ASSERT_TRUE(SendMessage(connection.get(), request));
    EXPECT_TRUE(ReceiveMessage(connection.get(), absl::Seconds(10)).empty());
  }
  const Descriptor silent = ConnectIn(dir.path(), kAgentSocket);  // costs it a second, and no more
  EXPECT_TRUE(ReceiveMessage(silent.get(), absl::Seconds(10)).empty());
  EXPECT_TRUE(AskAgent(dir.path()).has_value());
}

// As root it can be tried as another user.
TEST(Agent, AnswersNoOtherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const testing::ScratchDir dir;
  RunningAgent agent(dir.path(), kLong, kLong);
  struct stat info {};
  ASSERT_EQ(stat((dir / kAgentSocket).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // Even where the file would let them: the agent looks at who it is.
  ASSERT_EQ(chmod((dir / kAgentSocket).c_str(), 0666), 0);
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  const pid_t child = fork();
  if (child == 0) {
    if (setresuid(65534, 65534, 65534) != 0) _exit(2);
    const Descriptor connection = ConnectIn(dir.path(), kAgentSocket);
    if (connection.get() < 0) _exit(3);
    SendMessage(connection.get(), Bytes{1});
    const bool silent = ReceiveMessage(connection.get(), absl::Seconds(10)).empty();
    // Nor does it take the word of a socket that another user put there.
    _exit(silent && !AskAgent(dir.path()).has_value() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(AskAgent(dir.path()).has_value());
}

TEST(Agent, IsConfined) {
  const testing::ScratchDir dir;
  RunningAgent agent(dir.path(), kLong, kLong);
  std::ifstream status("/proc/" + std::to_string(agent.pid()) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  EXPECT_THAT(text, ::testing::HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(text, ::testing::HasSubstr("NoNewPrivs:\t1"));
}

// What it is confined to, tried in a child that is confined like it.
TEST(Agent, HasNoNetwork) {
  const testing::ScratchDir dir;
  const pid_t child = fork();
  if (child == 0) {
    const auto nowhere = Logger::Create({"agent", "/dev/null", LogLevel::kError});
    if (!EnterSandbox({dir.path()}, **nowhere, Sockets::kLocal).ok()) _exit(2);
    const bool local = socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0;
    const bool network = socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_STREAM, 0) >= 0;
    _exit(local && !network ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace plumbline::client
