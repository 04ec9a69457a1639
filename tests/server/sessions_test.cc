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

TEST(Sessions, ABudgetIsSpentAndNotExceeded) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 10});
  const SessionId id = *sessions.Open(identity::RandomFixed<32>());
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
  const SessionId id = *sessions.Open(identity::RandomFixed<32>());
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
  (void)sessions.Open(identity::RandomFixed<32>());
  (void)sessions.Open(identity::RandomFixed<32>());
  const absl::Status full = sessions.CheckRoom();
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_sessions")));
  EXPECT_EQ(RetryAfter(full), absl::Minutes(1));
  clock.Advance(absl::Minutes(20));
  EXPECT_OK(sessions.CheckRoom());
}

TEST(Sessions, NoMoreIsGivenBackThanThereWas) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 10});
  const SessionId id = *sessions.Open(identity::RandomFixed<32>());
  sessions.GiveBack(id, 5);
  EXPECT_FALSE(sessions.Take(id, 11).ok());
  EXPECT_OK(sessions.Take(id, 10));
  sessions.GiveBack(identity::RandomFixed<16>(), 5);  // of a session that is gone: nothing
}

TEST(Sessions, ARevokedPassIsRememberedAsLongAsItCouldBeTaken) {
  FakeClock clock;
  Sessions sessions(clock, {});
  const auto nonce = identity::RandomFixed<32>(), other = identity::RandomFixed<32>();
  const auto end = static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now() + absl::Minutes(10)));
  sessions.Revoke({{nonce, end}});
  clock.Advance(absl::Minutes(9));
  sessions.Revoke({{other, end}});
  EXPECT_THAT(sessions.Open(nonce), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_spent")));
  clock.Advance(absl::Minutes(1));
  sessions.Revoke({{other, end}});  // over: nothing is kept of either
  EXPECT_OK(sessions.Open(nonce));
  EXPECT_OK(sessions.Open(other));
}

TEST(Sessions, UnknownOnesAreRefused) {
  FakeClock clock;
  Sessions sessions(clock, {});
  EXPECT_THAT(sessions.Take(identity::RandomFixed<16>(), 1), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Sessions, ManyThreadsShareOneBudget) {
  FakeClock clock;
  Sessions sessions(clock, {.envelopes = 100});
  const SessionId id = *sessions.Open(identity::RandomFixed<32>());
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
