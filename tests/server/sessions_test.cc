#include "server/sessions.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/retry.h"
#include "tests/server/fake_clock.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

tokens::Redeemed SomeToken(const Clock& clock) {
  return {identity::RandomFixed<32>(), identity::RandomFixed<32>(), clock.Now(), clock.Now() + absl::Hours(1)};
}

TEST(Sessions, ABudgetIsSpentAndNotExceeded) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 10});
  const SessionId id = sessions.Open(SomeToken(clock))->id;
  EXPECT_OK(sessions.Take(id, 7));
  EXPECT_THAT(sessions.Take(id, 4), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("budget_spent")));
  EXPECT_OK(sessions.Take(id, 3));
  sessions.GiveBack(id, 5);
  EXPECT_OK(sessions.Take(id, 5));
  EXPECT_FALSE(sessions.Take(id, 1).ok());
}

TEST(Sessions, EndWithTheirTimeAndSaySoForAWhile) {
  FakeClock clock;
  Sessions sessions(clock, {.life = absl::Minutes(10)});
  const SessionId id = sessions.Open(SomeToken(clock))->id;
  clock.Advance(absl::Minutes(10));
  EXPECT_THAT(sessions.Take(id, 1), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
  clock.Advance(absl::Minutes(9));
  EXPECT_OK(sessions.CheckRoom());
  EXPECT_THAT(sessions.Take(id, 1), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
  clock.Advance(absl::Minutes(1));
  EXPECT_OK(sessions.CheckRoom());
  EXPECT_THAT(sessions.Take(id, 1), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_unknown")));
}

TEST(Sessions, AreBounded) {
  FakeClock clock;
  Sessions sessions(clock, {.life = absl::Minutes(10), .sessions = 2});
  (void)sessions.Open(SomeToken(clock));
  (void)sessions.Open(SomeToken(clock));
  const absl::Status full = sessions.CheckRoom();
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_sessions")));
  EXPECT_EQ(RetryAfter(full), absl::Minutes(1));
  clock.Advance(absl::Minutes(20));
  EXPECT_OK(sessions.CheckRoom());
}

TEST(Sessions, NoMoreIsGivenBackThanThereWas) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 10});
  const SessionId id = sessions.Open(SomeToken(clock))->id;
  sessions.GiveBack(id, 5);
  EXPECT_FALSE(sessions.Take(id, 11).ok());
  EXPECT_OK(sessions.Take(id, 10));
  sessions.GiveBack(identity::RandomFixed<16>(), 5);  // of a session that is gone: nothing
}

TEST(Sessions, AVoidKeyIsRememberedAsLongAsItsTokensCouldBeTaken) {
  FakeClock clock;
  Sessions sessions(clock, {});
  const tokens::Redeemed token = SomeToken(clock), other = SomeToken(clock);
  const auto end = static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now() + absl::Minutes(10)));
  sessions.Revoke({{token.token_key_id, end}});
  clock.Advance(absl::Minutes(9));
  sessions.Revoke({{other.token_key_id, end}});
  EXPECT_THAT(sessions.Open(token), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_void")));
  clock.Advance(absl::Minutes(1));
  sessions.Revoke({{other.token_key_id, end}});  // over: nothing is kept of either
  EXPECT_OK(sessions.Open(token).status());
  EXPECT_OK(sessions.Open(other).status());
}

TEST(Sessions, EndWithTheKeyOfTheirToken) {
  FakeClock clock;
  Sessions sessions(clock, {.life = absl::Minutes(10)});
  tokens::Redeemed token = SomeToken(clock);
  token.ends = clock.Now() + absl::Minutes(4);
  ASSERT_OK_AND_ASSIGN(const Sessions::Opened opened, sessions.Open(token));
  EXPECT_EQ(opened.life, absl::Minutes(4));
  clock.Advance(absl::Minutes(4) - absl::Seconds(1));
  EXPECT_OK(sessions.Take(opened.id, 1));
  clock.Advance(absl::Seconds(1));
  EXPECT_THAT(sessions.Take(opened.id, 1), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
}

TEST(Sessions, UnknownOnesAreRefused) {
  FakeClock clock;
  Sessions sessions(clock, {});
  EXPECT_THAT(sessions.Take(identity::RandomFixed<16>(), 1), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Sessions, ManyThreadsShareOneBudget) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 100});
  const SessionId id = sessions.Open(SomeToken(clock))->id;
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) taken += sessions.Take(id, 1).ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 100);
}

}  // namespace
}  // namespace plumbline::server
