// When a client that stays online looks again at what is due.
#include "client/upkeep.h"

#include <gmock/gmock.h>

namespace plumbline::client {
namespace {

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

const absl::Status kAway = absl::UnavailableError("server_unreachable: nothing answers");
const absl::Status kRefused = absl::FailedPreconditionError("devices_changed: compare codes");

TEST(Upkeep, IsDueAtFirstAndThenRegularly) {
  SetClock clock;
  Upkeep upkeep(clock);
  EXPECT_TRUE(upkeep.Due());
  upkeep.Done(absl::OkStatus());
  EXPECT_FALSE(upkeep.Due());
  clock.now += kUpkeep - absl::Seconds(1);
  EXPECT_FALSE(upkeep.Due());
  clock.now += absl::Seconds(1);
  EXPECT_TRUE(upkeep.Due());
}

// How far the clock has to go until it is due.
absl::Duration PauseOf(const Upkeep& upkeep, SetClock& clock) {
  const absl::Time before = clock.now;
  while (!upkeep.Due()) clock.now += absl::Milliseconds(500);
  return clock.now - before;
}

TEST(Upkeep, ComesSoonerAfterAFailureAndThenLessOften) {
  SetClock clock;
  Upkeep upkeep(clock);
  std::vector<absl::Duration> pauses;
  for (int i = 0; i < 8; ++i) {
    upkeep.Done(kAway);
    pauses.push_back(PauseOf(upkeep, clock));
  }
  EXPECT_EQ(pauses.front(), kFirstRepeat);
  EXPECT_EQ(pauses[1], 2 * kFirstRepeat);
  EXPECT_EQ(pauses.back(), kLongestRepeat);
  for (int i = 0; i < 8; ++i) {  // what time alone does not mend is tried less often
    upkeep.Done(kRefused);
    pauses.push_back(PauseOf(upkeep, clock));
  }
  EXPECT_EQ(pauses.back(), kUpkeep);
}

TEST(Upkeep, NewsDoNotCutAPauseShortAndALineThatIsBackDoes) {
  SetClock clock;
  Upkeep upkeep(clock);
  upkeep.Done(absl::OkStatus());
  upkeep.Soon();
  EXPECT_TRUE(upkeep.Due());
  upkeep.Done(kAway);
  upkeep.Soon();
  EXPECT_FALSE(upkeep.Due());
  upkeep.Now();
  EXPECT_TRUE(upkeep.Due());
}

TEST(Upkeep, AClockSetBackKeepsNothingFromHappening) {
  SetClock clock;
  Upkeep upkeep(clock);
  upkeep.Done(kAway);
  clock.now -= absl::Hours(24);
  const absl::Duration end = Uptime() + 2 * kFirstRepeat;
  while (!upkeep.Due() && Uptime() < end) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_TRUE(upkeep.Due());
}

}  // namespace
}  // namespace plumbline::client
