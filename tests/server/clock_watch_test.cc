#include "server/clock_watch.h"

#include <gtest/gtest.h>

namespace plumbline::server {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// Looks at `wall` after `ran` of running time.
std::optional<absl::Duration> LookAt(ClockWatch& watch, absl::Duration wall, absl::Duration ran) {
  return watch.Look(kStart + wall, absl::Hours(5) + ran);
}
bool MayDelete(const ClockWatch& watch, absl::Duration ran) { return watch.MayDelete(absl::Hours(5) + ran); }

TEST(ClockWatch, AnEvenClockAndSmallCorrectionsAreNoJumps) {
  ClockWatch watch;
  EXPECT_TRUE(MayDelete(watch, absl::ZeroDuration()));
  EXPECT_FALSE(LookAt(watch, absl::ZeroDuration(), absl::ZeroDuration()).has_value());
  EXPECT_FALSE(LookAt(watch, absl::Seconds(65), absl::Seconds(5)).has_value());
  EXPECT_FALSE(LookAt(watch, absl::Hours(40), absl::Hours(40) - absl::Seconds(60)).has_value());
  EXPECT_TRUE(MayDelete(watch, absl::Hours(40)));
}

TEST(ClockWatch, ADayForwardHoldsDeletionForADayOfRunning) {
  ClockWatch watch;
  LookAt(watch, absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_EQ(LookAt(watch, absl::Hours(24) + absl::Seconds(5), absl::Seconds(5)), absl::Hours(24));
  EXPECT_FALSE(MayDelete(watch, absl::Seconds(5)));
  EXPECT_FALSE(LookAt(watch, absl::Hours(47), absl::Hours(23)).has_value());
  EXPECT_FALSE(MayDelete(watch, absl::Hours(23)));
  EXPECT_TRUE(MayDelete(watch, absl::Hours(24) + absl::Seconds(5)));
}

TEST(ClockWatch, SetBackAgainItDeletesAtOnce) {
  ClockWatch watch;
  LookAt(watch, absl::ZeroDuration(), absl::ZeroDuration());
  LookAt(watch, absl::Hours(24 * 400), absl::Seconds(5));
  EXPECT_FALSE(MayDelete(watch, absl::Seconds(5)));
  EXPECT_TRUE(LookAt(watch, absl::Seconds(10), absl::Seconds(10)).has_value());
  EXPECT_TRUE(MayDelete(watch, absl::Seconds(10)));
}

TEST(ClockWatch, AnHourForwardOrAnyJumpBackDoesNotHold) {
  ClockWatch watch;
  LookAt(watch, absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_TRUE(LookAt(watch, absl::Minutes(60), absl::ZeroDuration()).has_value());
  EXPECT_TRUE(MayDelete(watch, absl::ZeroDuration()));
  EXPECT_TRUE(LookAt(watch, -absl::Hours(24), absl::ZeroDuration()).has_value());
  EXPECT_TRUE(MayDelete(watch, absl::ZeroDuration()));
  EXPECT_TRUE(LookAt(watch, absl::Hours(24), absl::ZeroDuration()).has_value());  // two days forward from there
  EXPECT_FALSE(MayDelete(watch, absl::ZeroDuration()));
}

}  // namespace
}  // namespace plumbline::server
