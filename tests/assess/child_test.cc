#include "assess/tools/child.h"

#include <gtest/gtest.h>
#include <signal.h>

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

TEST(FreePort, TakesAnotherWhereThePreferredOneIsBusy) {
  ASSERT_OK_AND_ASSIGN(const int port, FreePort());
  EXPECT_GT(port, 0);
  EXPECT_FALSE(PortAnswers(port));
}

}  // namespace
}  // namespace plumbline::assess
