#include "assess/tools/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

TEST(SearchMemory, FindsWhatTheProcessWasGivenAndNothingElse) {
  const std::string given = NewMarker();
  ASSERT_OK_AND_ASSIGN(Child child, Child::Start({.program = "/bin/sleep", .arguments = {"60"},
                                                  .environment = {{"CONTROL", given}}},
                                                 {.log_path = "/dev/null"}));
  ASSERT_TRUE(PollUntil(  // until exec() has happened, the memory is still ours
      [&] { return ReadFile("/proc/" + std::to_string(child.pid()) + "/comm").value_or("") == "sleep\n"; },
      absl::Seconds(10)));
  PatternSet patterns;
  patterns.AddMarker("given", given);
  patterns.AddMarker("other", NewMarker());
  const auto search = SearchMemory(child.pid(), patterns);
  if (absl::IsPermissionDenied(search.status())) GTEST_SKIP() << "NOT DEMONSTRATED: " << search.status();
  ASSERT_OK(search);
  const auto counts = CountByName(search->hits);
  EXPECT_TRUE(counts.contains("given"));
  EXPECT_FALSE(counts.contains("other"));
  EXPECT_EQ(search->hits[0].place, "[stack]");
  EXPECT_TRUE(child.Running());  // and it goes on afterwards
}

TEST(SearchMemory, SaysThatTheProcessIsGone) {
  ASSERT_OK_AND_ASSIGN(Child child, Child::Start({.program = "/bin/true"}, {.log_path = "/dev/null"}));
  const pid_t pid = child.pid();
  ASSERT_OK(child.Wait(absl::Seconds(10)));
  PatternSet patterns;
  patterns.AddMarker("x", NewMarker());
  EXPECT_THAT(SearchMemory(pid, patterns), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace plumbline::assess
