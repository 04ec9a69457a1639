// The delivery server is killed again and again while people write to each other: what was acknowledged arrives, once and in order.
// PLUMBLINE_SURVIVAL=long: 100,000 messages and 1,000 kills. Prints its counts.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "common/rpc/credentials.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

constexpr int kPairs = 8;

// The server at an address that stays, in one life after another.
class Lives final {
 public:
  Lives() {
    server_.Start();
    server_.WriteConfig(server_.address());
    address_ = server_.address();
  }
  void Kill() {
    {
      const std::lock_guard lock(mutex_);
      up_ = false;
    }
    server_.Kill(SIGKILL);
    server_.Wait();
    server_.Start();
    const std::lock_guard lock(mutex_);
    up_ = true;
    changed_.notify_all();
  }
  // To the present life; waits for the next one where there is none.
  std::unique_ptr<v1::Delivery::Stub> Connect() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return up_; });
    }
    rpc::Endpoint endpoint;
    endpoint.address = address_;
    endpoint.root_pem = server_.organisation().root().ToPem();
    auto channel = rpc::NewChannel(endpoint);
    CHECK(channel.ok());
    return v1::Delivery::NewStub(*channel);
  }
  const ServerProcess& server() const { return server_; }

 private:
  ServerProcess server_;
  std::string address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool up_ = true;
};

struct Counts {
  std::atomic<int64_t> acknowledged{0}, arrived{0}, repeated{0}, reordered{0}, again{0};
};

void SetDeadline(grpc::ClientContext& context) { context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30))); }

// Writes 1..count, each until it is acknowledged, under the same envelope id.
void Write(Lives& lives, const TestMailbox& to, int64_t count, Counts& counts) {
  auto stub = lives.Connect();
  std::string session;
  for (int64_t n = 1; n <= count; ++n) {
    Bytes sealed = RandomBytes(1024);
    std::memcpy(sealed.data(), &n, sizeof n);
    v1::SubmitRequest request;
    AddEnvelope(request, to, sealed);
    for (int attempt = 0;; ++attempt) {
      if (attempt > 0) ++counts.repeated;
      if (session.empty()) {
        grpc::ClientContext context;
        SetDeadline(context);
        v1::OpenSessionRequest open;
        tokens::Show(open, lives.server().organisation().NewToken(absl::Now()));
        v1::OpenSessionResponse opened;
        if (!stub->OpenSession(&context, open, &opened).ok()) {
          stub = lives.Connect();
          continue;
        }
        session = opened.session_id();
      }
      request.set_session_id(session);
      grpc::ClientContext context;
      SetDeadline(context);
      v1::SubmitResponse response;
      const grpc::Status status = stub->Submit(&context, request, &response);
      if (status.ok()) {
        ASSERT_EQ(response.results(0).outcome(), v1::EnvelopeResult::STORED);
        break;
      }
      session.clear();  // it ended with the server, or with its budget
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) stub = lives.Connect();
    }
    ++counts.acknowledged;
  }
}

// Reads until `count` different ones have come.
void Read(Lives& lives, const TestMailbox& mailbox, int64_t count, Counts& counts) {
  std::unordered_set<std::string> seen;
  int64_t last = 0;
  while (static_cast<int64_t>(seen.size()) < count) {
    const auto stub = lives.Connect();
    Receiver receiver(*stub, mailbox);
    if (!receiver.Open()) continue;
    while (const auto message = receiver.Next()) {
      if (!message->has_delivery()) continue;
      receiver.Ack({message->delivery().tag()});
      if (!seen.insert(message->delivery().envelope_id()).second) {
        ++counts.again;  // its acknowledgement was not on disk yet
        continue;
      }
      int64_t n = 0;
      std::memcpy(&n, message->delivery().sealed().data(), sizeof n);
      if (n != last + 1) ++counts.reordered;
      last = n;
      ++counts.arrived;
      if (static_cast<int64_t>(seen.size()) == count) break;
    }
  }
}

TEST(Kill, WhatIsAcknowledgedArrivesOnceAndInOrderHoweverOftenTheServerIsKilled) {
  const char* survival = std::getenv("PLUMBLINE_SURVIVAL");
  const bool is_long = survival != nullptr && std::string(survival) == "long";
  const int64_t messages = is_long ? 100'000 : 2'400, kills = is_long ? 1'000 : 12;
  Lives lives;
  Counts counts;
  std::vector<TestMailbox> mailboxes;
  {
    const auto stub = lives.Connect();
    for (int i = 0; i < kPairs; ++i) mailboxes.push_back(lives.server().Mailbox(*stub));
  }
  std::vector<std::thread> threads;
  for (const TestMailbox& mailbox : mailboxes) {
    threads.emplace_back([&] { Write(lives, mailbox, messages / kPairs, counts); });
    threads.emplace_back([&] { Read(lives, mailbox, messages / kPairs, counts); });
  }
  int64_t killed = 0;
  const absl::Time cap = absl::Now() + (is_long ? absl::Hours(2) : absl::Minutes(4));
  for (; killed < kills; ++killed) {
    const int64_t when = messages * killed / kills + 1;  // spread over the messages
    while (counts.acknowledged < when && absl::Now() < cap) absl::SleepFor(absl::Milliseconds(1));
    lives.Kill();
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("kill: %ld messages, %ld kills: acknowledged %ld, arrived %ld, lost %ld, reordered %ld; sent again %ld times, delivered again "
              "before the acknowledgement was on disk %ld\n",
              messages, killed, counts.acknowledged.load(), counts.arrived.load(), counts.acknowledged - counts.arrived,
              counts.reordered.load(), counts.repeated.load(), counts.again.load());
  EXPECT_EQ(counts.acknowledged, messages);
  EXPECT_EQ(counts.arrived, messages);
  EXPECT_EQ(counts.reordered, 0);
  EXPECT_GT(counts.repeated, 0);  // or nothing was killed in the middle
}

}  // namespace
}  // namespace plumbline::server
