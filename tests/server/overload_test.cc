// The real server under more than it can do: what is too much is refused with RESOURCE_EXHAUSTED and a time to wait, and a
// client that behaves goes on being served. Prints what it measured.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <list>

#include "absl/strings/str_cat.h"
#include "assess/tools/flood_connection.h"
#include "common/retry.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
namespace v1 = delivery::v1;

absl::Status SubmitOne(v1::Delivery::Stub& client, const std::string& session,
                       const TestMailbox& mailbox, size_t size = 1024) {
  v1::SubmitRequest request;
  request.set_session_id(session);
  AddEnvelope(request, mailbox, RandomBytes(size));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::SubmitResponse response;
  return rpc::FromGrpc(client.Submit(&context, request, &response));
}

TEST(Overload, TenTimesTheLoadIsRefusedWithATimeToWaitAndOthersAreServed) {
  ServerProcess server("limits:\n  workers: 2\n");  // 128 places to wait
  server.Start();
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  const std::string session = server.Session(*client);
  ASSERT_OK(SubmitOne(*client, session, mailbox));
  v1::OpenMailboxRequest request;
  request.set_grant(server.organisation().NewGrant(absl::Now()));  // costs the server a verification each
  request.set_mailbox_id(std::string(16, 'm'));
  assess::FloodCounts counts;
  std::list<assess::FloodConnection> flood;
  for (int i = 0; i < 13; ++i) flood.emplace_back(server.Client(), request, absl::StatusCode::kInvalidArgument, 100, counts);
  const absl::Time cap = absl::Now() + absl::Seconds(60);
  while (counts.refused < 1000 && absl::Now() < cap) absl::SleepFor(absl::Milliseconds(5));
  std::vector<absl::Duration> took;
  for (int i = 0; i < 40; ++i) {
    const absl::Time begin = absl::Now();
    ASSERT_OK(SubmitOne(*client, session, mailbox));
    took.push_back(absl::Now() - begin);
  }
  const int refused = counts.refused, ended = counts.ended;
  EXPECT_GE(refused, 1000);
  std::sort(took.begin(), took.end());
  std::printf("overload: 1300 calls at a time against 128 places: %d ended, %d refused with a time to wait; beside "
              "it 40 of 40 submissions were stored, p50 %s, longest %s\n",
              ended, refused, absl::FormatDuration(took[20]).c_str(), absl::FormatDuration(took.back()).c_str());
  EXPECT_LT(took.back(), absl::Seconds(10));
  flood.clear();
  EXPECT_EQ(counts.told_when, counts.refused);
  EXPECT_EQ(counts.other, 0);
  Receiver receiver(*client, mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_EQ(receiver.UntilCaughtUp().size(), 41u);
}

TEST(Overload, StreamsThatSayNothingMakeWay) {
  ServerProcess server("limits:\n  streams: 40\n");  // ten of them without a proof
  server.Start();
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  ASSERT_OK(SubmitOne(*client, server.Session(*client), mailbox));
  std::vector<std::unique_ptr<v1::Delivery::Stub>> connections;
  std::list<Receiver> silent;
  for (int i = 0; i < 60; ++i) {
    if (i % 6 == 0) connections.push_back(server.Client());
    silent.emplace_back(*connections.back(), mailbox);  // opens a stream and sends nothing
  }
  // The first of them are told that there is no room, and when to come back.
  const absl::Status refused = rpc::FromGrpc(silent.front().Finish());
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_streams")));
  EXPECT_TRUE(RetryAfter(refused).has_value());
  for (int i = 0; i < 20; ++i) {
    Receiver receiver(*client, mailbox);
    ASSERT_TRUE(receiver.Open());
    ASSERT_EQ(receiver.UntilCaughtUp().size(), 1u) << i;
    silent.emplace_back(*connections[i % 10], mailbox);
  }
}

int64_t ResidentKilobytes(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atoll(line.c_str() + 6);
  }
  return 0;
}

TEST(Overload, ReceiversThatNeverReadOrAcknowledgeCostBoundedMemory) {
  ServerProcess server;
  server.Start();
  const auto client = server.Client();
  const std::string session = server.Session(*client);
  constexpr int kReceivers = 20, kEnvelopes = 40;  // 100 MB in all
  std::vector<TestMailbox> mailboxes;
  for (int i = 0; i < kReceivers; ++i) {
    mailboxes.push_back(server.Mailbox(*client));
    v1::SubmitRequest request;
    request.set_session_id(session);
    const Bytes sealed = RandomBytes(131072);
    for (int j = 0; j < kEnvelopes; ++j) AddEnvelope(request, mailboxes.back(), sealed);
    grpc::ClientContext context;
    v1::SubmitResponse response;
    ASSERT_OK(rpc::FromGrpc(client->Submit(&context, request, &response)));
  }
  const int64_t before = ResidentKilobytes(server.pid());
  std::vector<std::unique_ptr<v1::Delivery::Stub>> connections;
  std::list<Receiver> idle;
  for (const TestMailbox& mailbox : mailboxes) {
    connections.push_back(server.Client());
    idle.emplace_back(*connections.back(), mailbox);
    ASSERT_TRUE(idle.back().Open());  // and reads no more
  }
  const TestMailbox other = server.Mailbox(*client);
  for (int i = 0; i < 50; ++i) ASSERT_OK(SubmitOne(*client, session, other));
  Receiver receiver(*client, other);
  ASSERT_TRUE(receiver.Open());
  EXPECT_EQ(receiver.UntilCaughtUp().size(), 50u);
  const int64_t after = ResidentKilobytes(server.pid());
  std::printf("receivers that never read: %d of them, 100 MB stored, memory grew by %lld KiB\n", kReceivers,
              static_cast<long long>(after - before));
  // For each: one batch of at most 512 KiB, a message under way, and a connection.
  EXPECT_LT(after - before, kReceivers * 2048);
}

// Connects and sends `bytes`, no more.
int HalfOpen(int port, absl::string_view bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  return fd;
}

TEST(Overload, ConnectionsThatNeverFinishTheirHandshakeAreClosedAndOthersAreServed) {
  ServerProcess server;
  server.Start();
  std::vector<int> open;
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00", 7);  // the beginning of a ClientHello
  for (int i = 0; i < 200; ++i) open.push_back(HalfOpen(server.port(), absl::string_view(hello).substr(0, i % 8)));
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  const std::string session = server.Session(*client);
  for (int i = 0; i < 20; ++i) ASSERT_OK(SubmitOne(*client, session, mailbox));
  const absl::Time begin = absl::Now();
  for (const int fd : open) {
    pollfd waiting = {fd, POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, 30'000), 1);
    close(fd);
  }
  const absl::Duration took = absl::Now() - begin;
  std::printf("half-open: 200 connections without a handshake were closed within %s\n", absl::FormatDuration(took).c_str());
  EXPECT_LT(took, absl::Seconds(20));
}

}  // namespace
}  // namespace plumbline::server
