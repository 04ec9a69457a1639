#include "assess/tools/child.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

TEST(RunCommand, CapturesBothOutputsAndTheExitCode) {
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       RunCommand({.program = "/bin/sh", .arguments = {"-c", "cat; echo no >&2; exit 3"}, .stdin_text = "yes"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "yes");
  EXPECT_EQ(result.err, "no\n");
}

TEST(RunCommand, TakesMoreOutputThanAPipeHolds) {
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       RunCommand({.program = "/bin/sh", .arguments = {"-c", "head -c 300000 /dev/zero"}}));
  EXPECT_EQ(result.out.size(), 300000u);
}

TEST(RunCommand, EndsACommandThatTakesTooLong) {
  EXPECT_THAT(RunCommand({.program = "/bin/sleep", .arguments = {"60"}}, absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(RunCommand, SaysThatTheProgramIsNotThere) {
  EXPECT_THAT(RunCommand({.program = "/nonexistent/program"}), StatusIs(absl::StatusCode::kNotFound));
}

TEST(RunCommand, DoesNotPassOnTheCallersEnvironment) {
  setenv("ASSESS_TEST_SECRET", "x", 1);
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       RunCommand({.program = "/usr/bin/env", .environment = {{"GIVEN", "1"}}}));
  EXPECT_EQ(result.out.find("ASSESS_TEST_SECRET"), std::string::npos);
  EXPECT_NE(result.out.find("GIVEN=1"), std::string::npos);
}

TEST(Child, IsKilledAtOnceBySigkill) {
  const std::string log = ::testing::TempDir() + "/child_test.log";
  ASSERT_OK_AND_ASSIGN(Child child, Child::Start({.program = "/bin/sleep", .arguments = {"60"}}, {.log_path = log}));
  EXPECT_TRUE(child.Running());
  child.Signal(SIGKILL);
  ASSERT_OK_AND_ASSIGN(const int code, child.Wait(absl::Seconds(10)));
  EXPECT_EQ(code, 128 + SIGKILL);
  EXPECT_FALSE(child.Running());
}

TEST(Child, ReadsTheLinesItIsGiven) {
  const std::string log = ::testing::TempDir() + "/child_lines.log";
  ASSERT_OK(WriteFile(log, ""));
  ASSERT_OK_AND_ASSIGN(Child child,
                       Child::Start({.program = "/bin/cat"}, {.log_path = log, .keep_stdin = true}));
  ASSERT_OK(child.WriteLine("hello"));
  EXPECT_TRUE(PollUntil([&] { return ReadFile(log).value_or("") == "hello\n"; }, absl::Seconds(10)));
  child.CloseStdin();
  ASSERT_OK_AND_ASSIGN(const int code, child.Wait(absl::Seconds(10)));
  EXPECT_EQ(code, 0);
}

TEST(FreePort, GivesNonePortTwice) {
  std::set<int> given;
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK_AND_ASSIGN(const int port, FreePort());
    EXPECT_FALSE(PortAnswers(port));
    EXPECT_TRUE(given.insert(port).second) << port;
    EXPECT_LT(port, 32768);
  }
}

// Whoever asks for the same block, in whatever process, is told that it is taken.
TEST(FreePort, TakesFromABlockThatNobodyElseHas) {
  ASSERT_OK_AND_ASSIGN(const int port, FreePort());
  const std::string name = absl::StrCat("plumbline-ports-", (port - 10'000) / 100);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_NE(bind(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size())), 0);
  EXPECT_EQ(errno, EADDRINUSE);
  close(fd);
}

TEST(FreePort, TakesThePreferredOneUnlessItIsBusy) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_OK_AND_ASSIGN(const int port, FreePort());
  EXPECT_EQ(*FreePort(port), port);
  address.sin_port = htons(static_cast<uint16_t>(port));
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  EXPECT_NE(*FreePort(port), port);
  close(listener);
}

}  // namespace
}  // namespace plumbline::assess
