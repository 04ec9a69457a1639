#include "admin/rate_limit.h"

#include <gtest/gtest.h>

namespace plumbline::admin {
namespace {

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

TEST(RateLimit, TakesOneMinutesWorthAtOnceAndThenRefuses) {
  const SetClock clock;
  RateLimit limit(clock, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kRefuseAndReport);
}

TEST(RateLimit, ReportsARunOfRefusalsOnceAMinute) {
  SetClock clock;
  RateLimit limit(clock, 1);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kRefuseAndReport);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kRefuse);
  clock.now += absl::Seconds(61);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kRefuseAndReport);
}

TEST(RateLimit, RefillsEvenly) {
  SetClock clock;
  RateLimit limit(clock, 60);
  for (int i = 0; i < 60; ++i) limit.Ask();
  clock.now += absl::Milliseconds(2100);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  EXPECT_NE(limit.Ask(), RateLimit::Answer::kTake);
}

TEST(RateLimit, AClockSetBackNeitherStopsNorFillsIt) {
  SetClock clock;
  RateLimit limit(clock, 1);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
  clock.now -= absl::Hours(1);
  EXPECT_NE(limit.Ask(), RateLimit::Answer::kTake);
  clock.now += absl::Minutes(1);
  EXPECT_EQ(limit.Ask(), RateLimit::Answer::kTake);
}

}  // namespace
}  // namespace plumbline::admin
