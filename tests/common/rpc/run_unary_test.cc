// What a call becomes on its way through the pool, and what its status says to whoever made it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <thread>

#include "absl/strings/cord.h"
#include "common/retry.h"
#include "plumbline/rpc/v1/status.pb.h"
#include "tests/common/rpc/served.h"

namespace plumbline::rpc {
namespace {

using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

TEST(RunUnary, PassesEveryCodeAndReasonOn) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous, [](const Caller&, const std::string& text, std::string&) {
    int code = 0;
    CHECK(absl::SimpleAtoi(text, &code));
    return absl::Status(static_cast<absl::StatusCode>(code), "some_reason: cause and remedy");
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  for (const int code : {3, 5, 6, 7, 8, 9, 10, 14, 16}) {
    const absl::Status status = FromGrpc(Say(channel, absl::StrCat(code)));
    EXPECT_THAT(status, StatusIs(static_cast<absl::StatusCode>(code), "some_reason: cause and remedy"));
    EXPECT_EQ(ReasonId(status), "some_reason");
  }
}

TEST(RunUnary, KeepsTheTextOfItsOwnFailuresFromStrangers) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous, [](const Caller&, const std::string& text, std::string&) {
    return text == "loss" ? absl::DataLossError("page 7 of /var/lib/x") : absl::InternalError("SELECT secret");
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  EXPECT_THAT(FromGrpc(Say(channel, "loss")), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("internal_error")));
  EXPECT_THAT(FromGrpc(Say(channel, "bug")), StatusIs(absl::StatusCode::kInternal, HasSubstr("internal_error")));
  EXPECT_EQ(Say(channel, "bug").error_message().find("SELECT"), std::string::npos);
}

TEST(RunUnary, SaysOfAStoreThatRefusesWhatItMeansForTheCaller) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous, [](const Caller&, const std::string& text, std::string&) {
    return text == "full" ? absl::ResourceExhaustedError("disk_full: /var/lib/x is full")
                          : absl::UnavailableError("store_unavailable: /var/lib/x");
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  const absl::Status full = FromGrpc(Say(channel, "full"));
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full: ")));
  EXPECT_EQ(RetryAfter(full), absl::Minutes(1));
  EXPECT_THAT(FromGrpc(Say(channel, "away")), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("storage_unavailable: ")));
  for (const char* text : {"full", "away"}) EXPECT_EQ(Say(channel, text).error_message().find("/var"), std::string::npos);
}

TEST(RunUnary, AnswersBusyWhenTheQueueIsFull) {
  const TestOrganisation org;
  std::promise<void> release;
  const std::shared_future<void> gate = release.get_future().share();
  std::atomic<int> running = 0;
  const Served served(org, Kind::kAnonymous, [&, gate](const Caller&, const std::string&, std::string&) {
    ++running;
    gate.wait();
    return absl::OkStatus();
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  std::vector<std::future<grpc::Status>> calls;
  const auto call = [&](int count) {
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::async(std::launch::async, [&] { return Say(channel, "x", nullptr, absl::Seconds(120)); }));
    }
  };
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  call(2);
  while (running < 2 && absl::Now() < give_up) std::this_thread::yield();
  ASSERT_EQ(running, 2);  // both threads are taken, the queue is empty
  call(38);
  // Sixteen wait; the other twenty-two are refused while nothing has been released.
  int refused = 0, done = 0;
  std::vector<bool> seen(calls.size());
  while (refused < 22 && absl::Now() < give_up) {
    for (size_t i = 0; i < calls.size(); ++i) {
      if (seen[i] || calls[i].wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) continue;
      seen[i] = true;
      const grpc::Status status = calls[i].get();
      EXPECT_THAT(FromGrpc(status), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("busy")));
      EXPECT_EQ(RetryAfter(FromGrpc(status)), absl::Seconds(1));
      ++refused;
    }
  }
  EXPECT_EQ(refused, 22);
  release.set_value();
  for (size_t i = 0; i < calls.size(); ++i) done += !seen[i] && calls[i].get().ok() ? 1 : 0;
  EXPECT_EQ(done, 18);
}

// Whoever gave up while their call waited is not worked for.
TEST(RunUnary, ACallThatWasCancelledWhileItWaitedIsNotRun) {
  const TestOrganisation org;
  std::promise<void> release;
  const std::shared_future<void> gate = release.get_future().share();
  std::atomic<int> running = 0, late = 0;
  const Served served(org, Kind::kAnonymous, [&, gate](const Caller&, const std::string& text, std::string&) {
    if (text == "late") ++late;
    if (text != "held") return absl::OkStatus();
    ++running;
    gate.wait();
    return absl::OkStatus();
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  std::vector<std::future<grpc::Status>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::async(std::launch::async, [&] { return Say(channel, "held", nullptr, absl::Seconds(120)); }));
  }
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (running < 2 && absl::Now() < give_up) std::this_thread::yield();  // both threads are taken
  // By the end of the second one, the server has heard of the first one's end.
  for (const char* text : {"late", "later"}) {
    EXPECT_EQ(Say(channel, text, nullptr, absl::Milliseconds(200)).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  release.set_value();
  for (auto& call : held) EXPECT_TRUE(call.get().ok());
  EXPECT_TRUE(Say(channel, "after").ok());  // behind it in the queue
  EXPECT_EQ(late, 0);
}

// One connection fills the queue; another one's call gets a place all the same.
TEST(RunUnary, AFullQueueHasAPlaceForAnotherConnection) {
  const TestOrganisation org;
  std::promise<void> release;
  const std::shared_future<void> gate = release.get_future().share();
  std::atomic<int> running = 0;
  const Served served(org, Kind::kAnonymous, [&, gate](const Caller&, const std::string& text, std::string& answer) {
    ++running;
    gate.wait();
    answer = text;
    return absl::OkStatus();
  });
  ASSERT_OK_AND_ASSIGN(const auto greedy, NewChannel(served.endpoint));
  ASSERT_OK_AND_ASSIGN(const auto modest, NewChannel(served.endpoint));
  std::vector<std::future<grpc::Status>> calls;
  const auto start = [&](int count) {
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::async(std::launch::async, [&] { return Say(greedy, "x", nullptr, absl::Seconds(120)); }));
    }
  };
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  start(2);
  while (running < 2 && absl::Now() < give_up) std::this_thread::yield();  // no worker is free when the others come
  start(28);
  const auto refused = [&] {
    return std::count_if(calls.begin(), calls.end(),
                         [](const auto& call) { return call.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready; });
  };
  while (refused() < 12 && absl::Now() < give_up) std::this_thread::yield();  // two run, sixteen wait
  EXPECT_EQ(refused(), 12);
  auto other = std::async(std::launch::async, [&] { return Say(modest, "y", nullptr, absl::Seconds(120)); });
  while (refused() < 13 && absl::Now() < give_up) std::this_thread::yield();  // it took a place
  EXPECT_EQ(refused(), 13);
  release.set_value();
  EXPECT_TRUE(other.get().ok());
}

TEST(RetryInfo, IsCarriedBothWaysInTheStatusDetails) {
  const absl::Status refused = WithRetryAfter(absl::ResourceExhaustedError("busy: later"), absl::Milliseconds(1500));
  const grpc::Status wire = ToGrpc(refused);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(wire.error_details()));
  EXPECT_EQ(details.code(), 8);
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.retry_delay().seconds(), 1);
  EXPECT_EQ(info.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(RetryAfter(FromGrpc(wire)), absl::Milliseconds(1500));
  EXPECT_FALSE(RetryAfter(FromGrpc(ToGrpc(absl::ResourceExhaustedError("busy: later")))).has_value());
}

TEST(RetryInfo, IsAMillisecondToAnHourHoweverItIsAsked) {
  const auto said = [](absl::Duration wait) { return RetryAfter(WithRetryAfter(absl::UnavailableError("x"), wait)); };
  EXPECT_EQ(said(absl::ZeroDuration()), absl::Milliseconds(1));
  EXPECT_EQ(said(-absl::Hours(1)), absl::Milliseconds(1));
  EXPECT_EQ(said(absl::InfiniteDuration()), kLongestRetry);
  EXPECT_FALSE(RetryAfter(WithRetryAfter(absl::OkStatus(), absl::Seconds(1))).has_value());
  const auto held = [](const char* payload) {
    absl::Status status = absl::UnavailableError("x");
    status.SetPayload("plumbline/retry-after-ms", absl::Cord(payload));
    return RetryAfter(status);
  };
  EXPECT_EQ(held("0"), absl::Milliseconds(1));
  EXPECT_EQ(held("9000000000"), kLongestRetry);
  EXPECT_FALSE(held("soon").has_value());
}

// A text that does not fit the headers of an answer would replace the whole answer by an error of gRPC's own.
TEST(Status, ALongTextIsCut) {
  const grpc::Status wire = ToGrpc(absl::InvalidArgumentError("reason: " + std::string(10'000, 'x')));
  EXPECT_EQ(wire.error_message().size(), 2048u);
  EXPECT_EQ(ReasonId(FromGrpc(wire)), "reason");
}

TEST(Status, AReasonIsAShortWordBeforeAColon) {
  for (const char* text : {"", "no reason", ": nothing before", "Upper: case", "with space: x", "dash-ed: x", "x:y"}) {
    EXPECT_EQ(ReasonId(absl::UnavailableError(text)), "") << text;
  }
  EXPECT_EQ(ReasonId(absl::UnavailableError(std::string(65, 'x') + ": y")), "");
  EXPECT_EQ(ReasonId(absl::UnavailableError("abc_19: y")), "abc_19");
}

TEST(Status, ACodeThatIsNoneIsUnknown) {
  EXPECT_TRUE(absl::IsUnknown(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(17), "x"))));
  EXPECT_TRUE(absl::IsUnknown(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(-1), "x"))));
}

TEST(RetryInfo, WhatAServerMayNotSayIsNotBelieved) {
  const auto read = [](int64_t seconds, int32_t nanos, int others = 0) {
    google::rpc::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(seconds);
    info.mutable_retry_delay()->set_nanos(nanos);
    google::rpc::Status details;
    for (int i = 0; i < others; ++i) details.add_details()->set_type_url("type.googleapis.com/other");
    details.add_details()->PackFrom(info);
    return ParseRetryDetails(details.SerializeAsString());
  };
  EXPECT_EQ(read(2, 0), absl::Seconds(2));
  EXPECT_EQ(read(2, 0, 15), absl::Seconds(2));
  EXPECT_FALSE(read(2, 0, 16).has_value());
  EXPECT_FALSE(read(-1, 0).has_value());
  EXPECT_FALSE(read(1, -1).has_value());
  EXPECT_FALSE(read(1, 1'000'000'000).has_value());
  EXPECT_EQ(read(std::numeric_limits<int64_t>::max(), 999'999'999), kLongestRetry);
  EXPECT_EQ(read(0, 0), absl::Milliseconds(1));
  EXPECT_FALSE(ParseRetryDetails("").has_value());
  EXPECT_FALSE(ParseRetryDetails("nonsense").has_value());
  google::rpc::Status long_one;
  long_one.set_message(std::string(kMaxDetailsBytes, 'x'));
  long_one.add_details()->PackFrom([] {
    google::rpc::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(2);
    return info;
  }());
  EXPECT_FALSE(ParseRetryDetails(long_one.SerializeAsString()).has_value());
  long_one.clear_message();
  EXPECT_TRUE(ParseRetryDetails(long_one.SerializeAsString()).has_value());
  google::rpc::Status no_delay;
  no_delay.add_details()->PackFrom(google::rpc::RetryInfo());
  EXPECT_FALSE(ParseRetryDetails(no_delay.SerializeAsString()).has_value());
}

}  // namespace
}  // namespace plumbline::rpc
