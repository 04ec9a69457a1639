// Which stream makes way when there is no room.
#include "server/streams.h"

#include <gtest/gtest.h>

#include "common/retry.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

// Does nothing but remember how the stream ended.
class SilentPort final : public StreamPort {
 public:
  void StartRead() override {}
  void StartWrite(delivery::v1::ReceiveResponse&&) override {}
  void Finish(const absl::Status& status) override { finished = status; }
  void Prove(const identity::MailboxId&, const identity::Nonce&, ReceiveProof&&) override {}
  void TakeOver(const identity::MailboxId&) override {}
  void Fetch(const identity::MailboxId&, const identity::MailboxPlace&, const ReadLimit&) override {}
  void Acknowledge(const identity::MailboxId&, std::vector<Row>&&) override {}
  std::optional<absl::Status> finished;
};

struct Opened {
  explicit Opened(Streams& streams)
      : stream(std::make_shared<ReceiveStream>(port, identity::Fixed<16>{}, absl::FromUnixSeconds(1'800'000'000))) {
    streams.Start(stream);
  }
  SilentPort port;
  std::shared_ptr<ReceiveStream> stream;
};

TEST(Streams, TheOldestWithoutAProofMakesWayForTheNext) {
  Streams streams(8);  // two of them without a proof
  Opened first(streams), second(streams);
  EXPECT_FALSE(first.port.finished.has_value());
  Opened third(streams);
  ASSERT_TRUE(first.port.finished.has_value());
  EXPECT_THAT(*first.port.finished,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_streams")));
  EXPECT_TRUE(RetryAfter(*first.port.finished).has_value());
  EXPECT_FALSE(second.port.finished.has_value());
  EXPECT_FALSE(third.port.finished.has_value());
  streams.Forget(first.stream.get());
  EXPECT_EQ(streams.size(), 2u);
}

TEST(Streams, AProvedStreamNeverMakesWay) {
  Streams streams(8);
  Opened proved(streams);
  streams.TakeOver(identity::MailboxId{1}, proved.stream);
  std::vector<std::unique_ptr<Opened>> flood;
  for (int i = 0; i < 50; ++i) {
    flood.push_back(std::make_unique<Opened>(streams));
    if (flood.size() > 2) streams.Forget(flood[flood.size() - 3]->stream.get());
  }
  EXPECT_FALSE(proved.port.finished.has_value());
  EXPECT_EQ(streams.size(), 3u);
}

TEST(Streams, AMailboxWithoutAStreamIsNobodysBusiness) {
  Streams streams(8);
  Opened stream(streams);
  streams.TakeOver(identity::MailboxId{1}, stream.stream);
  streams.Offer(identity::MailboxId{2}, {{Row{1}, {}, {}}, {}, {}});
  streams.CloseMailboxes({identity::MailboxId{2}});
  EXPECT_FALSE(stream.port.finished.has_value());
  Opened gone(streams);
  streams.Forget(gone.stream.get());
  streams.TakeOver(identity::MailboxId{1}, gone.stream);  // its proof came after its end
  EXPECT_FALSE(stream.port.finished.has_value());
  EXPECT_EQ(streams.size(), 1u);
}

TEST(Streams, WithAllRoomTakenOneWithoutAProofMakesWay) {
  Streams streams(4);  // one of them without a proof
  std::vector<std::unique_ptr<Opened>> proved;
  for (uint8_t i = 1; i <= 3; ++i) {
    proved.push_back(std::make_unique<Opened>(streams));
    streams.TakeOver(identity::MailboxId{i}, proved.back()->stream);
  }
  Opened silent(streams);
  EXPECT_EQ(streams.size(), 4u);
  proved.push_back(std::make_unique<Opened>(streams));
  EXPECT_TRUE(silent.port.finished.has_value());
  for (const auto& each : proved) EXPECT_FALSE(each->port.finished.has_value());
}

TEST(Streams, WithAllRoomProvedTheNewcomerIsRefused) {
  Streams streams(2);
  Opened first(streams);
  streams.TakeOver(identity::MailboxId{1}, first.stream);
  Opened second(streams);
  streams.TakeOver(identity::MailboxId{2}, second.stream);
  Opened third(streams);
  ASSERT_TRUE(third.port.finished.has_value());
  EXPECT_THAT(*third.port.finished,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_streams")));
  EXPECT_FALSE(first.port.finished.has_value());
  EXPECT_FALSE(second.port.finished.has_value());
  EXPECT_EQ(streams.size(), 2u);
}

}  // namespace
}  // namespace plumbline::server
