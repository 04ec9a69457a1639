// The same question to the running server: what its log, its record and its memory tell about who belongs together. Log and record have
// to name nothing; what memory tells an attacker who is there while it happens is measured and printed (docs/privacy-tests.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "assess/tools/canary.h"
#include "assess/tools/memory.h"
#include "common/rpc/status.h"
#include "tests/privacy/linkage.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::privacy {
namespace {

using server::Receiver;
using server::ServerProcess;
using server::TestMailbox;
using ::testing::Contains;
using ::testing::IsEmpty;
namespace v1 = delivery::v1;

constexpr int kConversations = 6, kMembers = 4, kMessages = 20;

// Six conversations of four mailboxes each; half of the members read what comes while it comes.
struct Traffic {
  Traffic() {
    server.Start();
    client = server.Client();
    for (int c = 0; c < kConversations; ++c) {
      for (int m = 0; m < kMembers; ++m) mailboxes.push_back({server.Mailbox(*client), c});
    }
    std::vector<std::unique_ptr<Receiver>> online;
    for (size_t i = 0; i < mailboxes.size(); i += 2) {
      online.push_back(std::make_unique<Receiver>(*client, mailboxes[i].first));
      CHECK(online.back()->Open());
      online.back()->UntilCaughtUp();
    }
    for (int n = 0; n < kMessages; ++n) {
      for (int c = 0; c < kConversations; ++c) Send((n * 7 + c * 5) % kConversations);
    }
    for (const std::unique_ptr<Receiver>& receiver : online) {
      std::vector<uint64_t> tags;
      for (int i = 0; i < kMessages; ++i) tags.push_back(receiver->Next()->delivery().tag());
      receiver->Ack(tags);
      receiver->WritesDone();
      CHECK(receiver->Finish().ok());
    }
  }
  void Send(int conversation) {
    v1::SubmitRequest request;
    request.set_session_id(server.Session(*client));
    for (const auto& [mailbox, number] : mailboxes) {
      if (number == conversation) AddEnvelope(request, mailbox, RandomBytes(1024));
    }
    for (const v1::Envelope& envelope : request.envelopes()) ids.push_back(envelope.envelope_id());
    sessions.push_back(request.session_id());
    grpc::ClientContext context;
    v1::SubmitResponse response;
    CHECK(rpc::FromGrpc(client->Submit(&context, request, &response)).ok());
  }

  ServerProcess server;
  std::unique_ptr<v1::Delivery::Stub> client;
  std::vector<std::pair<TestMailbox, int>> mailboxes;  // and its conversation
  std::vector<std::string> ids, sessions;
};

std::set<std::string> Named(const std::string& text, const assess::PatternSet& patterns) {
  std::set<std::string> names;
  patterns.Search(AsBytes(text), [&](const assess::Hit& hit) { names.insert(hit.name); });
  return names;
}

TEST(LiveServer, LogNamesNothingAndMemoryIsMeasured) {
  Traffic traffic;
  assess::PatternSet ids, everything;
  std::map<std::string, size_t> number_of;
  for (size_t i = 0; i < traffic.mailboxes.size(); ++i) {
    const std::string name = absl::StrCat("mailbox ", i);
    number_of[name] = i;
    ids.AddMarker(name, ToString(traffic.mailboxes[i].first.id));
    everything.AddMarker(name, ToString(traffic.mailboxes[i].first.id));
  }
  for (const std::string& id : traffic.ids) everything.AddMarker("envelope id", id);
  for (const std::string& id : traffic.sessions) everything.AddMarker("session", id);

  const absl::StatusOr<assess::MemorySearch> memory = assess::SearchMemory(traffic.server.pid(), ids);
  traffic.server.Kill(SIGTERM);
  EXPECT_EQ(traffic.server.Wait(), 0);  // with its last report
  const std::string log = traffic.server.LogText();
  EXPECT_THAT(log, ::testing::HasSubstr("envelopes.stored"));
  EXPECT_THAT(Named(log, everything), IsEmpty());
  EXPECT_THAT(Named(log + ToHex(traffic.mailboxes[3].first.id), everything), Contains("mailbox 3"));  // a planted line is seen

  if (absl::IsPermissionDenied(memory.status())) GTEST_SKIP() << "the memory of other processes cannot be read here";
  ASSERT_OK(memory);
  // How often two mailboxes' ids lie within 4 KiB of each other.
  std::vector<std::pair<uint64_t, size_t>> places;
  for (const assess::Hit& hit : memory->hits) places.push_back({hit.offset, number_of.at(hit.name)});
  std::sort(places.begin(), places.end());
  std::map<std::pair<size_t, size_t>, double> near;
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t j = i + 1; j < places.size() && places[j].first - places[i].first < 4096; ++j) {
      ++near[std::minmax(places[i].second, places[j].second)];
    }
  }
  Snapshot snapshot;
  for (const auto& [mailbox, conversation] : traffic.mailboxes) {
    SeenMailbox seen;
    seen.truth = {mailbox.id, static_cast<int>(snapshot.mailboxes.size()), conversation};
    snapshot.mailboxes.push_back(seen);
  }
  const std::optional<double> auc = Auc(
      snapshot,
      [&](const Snapshot&, size_t a, size_t b) {
        const auto found = near.find(std::minmax(a, b));
        return found == near.end() ? 0 : found->second;
      },
      Relation::kConversation);
  EXPECT_GT(places.size(), 0u);
  std::printf("live: %zu places with ids of %zu mailboxes in %.0f MB of memory; nearness tells a conversation with AUC %.3f (not judged)\n",
              places.size(), traffic.mailboxes.size(), static_cast<double>(memory->bytes_read) / 1e6, *auc);
}

}  // namespace
}  // namespace plumbline::privacy
