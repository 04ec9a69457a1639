#include "client/net/patience.h"

#include <gtest/gtest.h>

#include <set>

#include "common/retry.h"

namespace plumbline::client {
namespace {

absl::Status Busy(absl::Duration wait) { return WithRetryAfter(absl::ResourceExhaustedError("busy: later"), wait); }

TEST(Patience, WaitsAsLongAsItIsAskedAndALittleMoreByChance) {
  std::set<absl::Duration> waits;
  for (int i = 0; i < 100; ++i) {
    Patience patience;
    const std::optional<absl::Duration> wait = patience.Next(Busy(absl::Seconds(1)));
    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, absl::Seconds(1));
    EXPECT_LE(*wait, absl::Milliseconds(1250));
    waits.insert(*wait);
  }
  EXPECT_GT(waits.size(), 1u);  // not all at the same moment
}

TEST(Patience, EndsAfterAFewAttemptsAndAfterAFewSeconds) {
  Patience often;
  for (int i = 0; i < kMaxRepeats; ++i) EXPECT_TRUE(often.Next(Busy(absl::Milliseconds(1))).has_value());
  EXPECT_FALSE(often.Next(Busy(absl::Milliseconds(1))).has_value());
  Patience slow;
  EXPECT_TRUE(slow.Next(Busy(absl::Seconds(6))).has_value());
  EXPECT_FALSE(slow.Next(Busy(absl::Seconds(6))).has_value());
  Patience once;
  EXPECT_FALSE(once.Next(Busy(absl::Minutes(1))).has_value());
}

TEST(Patience, OtherFailuresAreNotItsBusiness) {
  Patience patience;
  EXPECT_FALSE(patience.Next(absl::ResourceExhaustedError("budget_spent: open another session")).has_value());
  EXPECT_FALSE(patience.Next(WithRetryAfter(absl::UnavailableError("x"), absl::Seconds(1))).has_value());
  EXPECT_FALSE(patience.Next(absl::OkStatus()).has_value());
}

}  // namespace
}  // namespace plumbline::client
