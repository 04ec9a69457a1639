#include "server/receive_stream.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/streams.h"
#include "tests/server/receive_messages.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using delivery::v1::ReceiveRequest;
using delivery::v1::ReceiveResponse;

// Records what the stream wants done; the test answers when it likes. One thread.
class FakePort final : public StreamPort {
 public:
  void StartRead() override { ++reads; }
  void StartWrite(ReceiveResponse&& message) override {
    EXPECT_EQ(++writes_under_way, 1);
    written.push_back(std::move(message));
  }
  void Finish(const absl::Status& status) override {
    EXPECT_FALSE(finished.has_value()) << "finished twice";
    EXPECT_EQ(writes_under_way, 0) << "finished during a write";
    finished = status;
  }
  void Prove(const identity::MailboxId&, const identity::Nonce&, ReceiveProof&&) override { ++proofs; }
  void TakeOver(const identity::MailboxId&) override { ++take_overs; }
  void Fetch(const identity::MailboxId&, const identity::MailboxPlace& place, const ReadLimit& limit) override {
    EXPECT_GT(take_overs, 0) << "fetched before it could be woken";
    ++fetches;
    fetch_place = place;
    fetch_limit = limit;
  }
  void Acknowledge(const identity::MailboxId&, std::vector<Row>&& rows) override {
    ++acknowledgements;
    acknowledged.insert(acknowledged.end(), rows.begin(), rows.end());
  }

  int reads = 0, writes_under_way = 0, proofs = 0, take_overs = 0, fetches = 0, acknowledgements = 0;
  std::vector<ReceiveResponse> written;
  std::optional<absl::Status> finished;
  identity::MailboxPlace fetch_place;
  ReadLimit fetch_limit{};
  std::vector<Row> acknowledged;
};

struct Stream {
  FakePort port;
  ReceiveStream stream{port, kStore, kNow};

  void Written(bool ok = true) {
    --port.writes_under_way;
    stream.OnWritten(ok);
  }
  void WriteAll() {
    while (port.writes_under_way > 0) Written();
  }
  // Up to the first fetch.
  void OpenAndProve(uint64_t behind = 1000) {
    stream.Start();
    stream.OnRead(true, Open());
    Written();
    stream.OnRead(true, Proof());
    stream.OnProved(behind);
  }
  const ReceiveResponse& last() { return port.written.back(); }
};

TEST(ReceiveStream, ChallengesThenFetchesOnlyAfterTheProof) {
  Stream s;
  s.stream.Start();
  EXPECT_EQ(s.port.reads, 1);
  s.stream.OnRead(true, Open());
  EXPECT_EQ(s.last().challenge().nonce().size(), 32u);
  EXPECT_EQ(s.last().challenge().store_id(), ToString(kStore));
  EXPECT_EQ(s.port.fetches, 0);
  s.Written();
  s.stream.OnRead(true, Proof());
  EXPECT_EQ(s.port.proofs, 1);
  EXPECT_EQ(s.port.reads, 2);  // nothing more is read before the proof was looked at
  s.stream.Offer(Envelope(1));
  EXPECT_EQ(s.port.fetches, 0);
  EXPECT_EQ(s.port.written.size(), 1u);  // the challenge
  s.stream.OnProved(1);
  EXPECT_EQ(s.port.fetches, 1);
  EXPECT_EQ(s.port.reads, 3);
}

TEST(ReceiveStream, EachStreamHasAnotherNonce) {
  Stream a, b;
  a.stream.Start();
  b.stream.Start();
  a.stream.OnRead(true, Open());
  b.stream.OnRead(true, Open());
  EXPECT_NE(a.last().challenge().nonce(), b.last().challenge().nonce());
}

TEST(ReceiveStream, AWrongProofEndsItAndNothingIsFetched) {
  Stream s;
  s.stream.Start();
  s.stream.OnRead(true, Open());
  s.Written();
  s.stream.OnRead(true, Proof());
  s.stream.OnProved(absl::UnauthenticatedError("proof_invalid: no"));
  ASSERT_TRUE(s.port.finished.has_value());
  EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(s.port.fetches + s.port.take_overs, 0);
}

TEST(ReceiveStream, SendsInOrderAndSaysOnceThatItHasCaughtUp) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 3));
  s.WriteAll();
  ASSERT_EQ(s.port.written.size(), 5u);  // challenge, three deliveries, caught up
  for (uint64_t tag = 1; tag <= 3; ++tag) EXPECT_EQ(s.port.written[tag].delivery().tag(), tag);
  EXPECT_TRUE(s.last().has_caught_up());
  s.stream.Offer(Envelope(4));
  s.WriteAll();
  EXPECT_EQ(s.last().delivery().tag(), 4u);
  EXPECT_EQ(s.last().delivery().place(), ToString(Place(4).view()));
  EXPECT_EQ(s.last().delivery().sealed(), ToString(kOffered));
  EXPECT_EQ(s.port.written.size(), 6u);
  EXPECT_EQ(s.port.fetches, 1);  // what is offered to somebody who has the rest is not read again
  s.stream.OnRead(true, Ack({4}));
  EXPECT_EQ(s.port.acknowledged, std::vector<Row>{Row{4}});
}

// It was stored before the fetch looked, and told after it.
TEST(ReceiveStream, WhatWasFetchedIsNotSentAgainWhenItIsOffered) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 3));
  s.WriteAll();
  s.stream.Offer(Envelope(3));
  EXPECT_EQ(s.port.written.size(), 5u);
  EXPECT_EQ(s.port.fetches, 2);  // nothing tells it from one that was passed over
  EXPECT_EQ(s.port.fetch_place, Place(3));
  s.stream.OnFetched(Rows(4, 3));
  s.stream.Offer(Envelope(4));
  s.WriteAll();
  EXPECT_EQ(s.port.written.size(), 6u);
}

TEST(ReceiveStream, WhatIsOfferedToASlowClientIsLeftInTheStore) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 0));
  s.WriteAll();
  for (int64_t row = 1; row <= 100; ++row) s.stream.Offer(Envelope(row));  // none of them is taken
  EXPECT_EQ(s.port.written.size(), 3u);                                      // challenge, caught up, the first
  s.WriteAll();
  EXPECT_EQ(s.port.written.size(), 2u + 1u + kBatch.rows);
  EXPECT_EQ(s.port.fetches, 2);
  EXPECT_EQ(s.port.fetch_place, Place(static_cast<int64_t>(1 + kBatch.rows)));
  s.stream.OnFetched(Rows(34, 65, /*more=*/true));
  s.stream.Offer(Envelope(101));  // not before what is still in the store
  s.WriteAll();
  EXPECT_EQ(s.port.fetches, 3);
  EXPECT_EQ(s.port.fetch_place, Place(65));
}

TEST(ReceiveStream, OffersTakeNoMoreMemoryThanOneBatch) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 0));
  s.WriteAll();
  const Bytes large(300 * 1024, 'x');
  for (int64_t row = 1; row <= 5; ++row) s.stream.Offer(Envelope(row, large));
  s.WriteAll();
  EXPECT_EQ(s.port.written.size(), 2u + 2u);  // one under way and one that waits; two that wait are above 512 KiB
  EXPECT_EQ(s.port.fetch_place, Place(2));
}

TEST(ReceiveStream, HasCaughtUpWhenWhatWasThereBeforeIsSentEvenIfMoreKeepsComing) {
  Stream s;
  s.OpenAndProve(/*behind=*/3);
  s.stream.OnFetched(Rows(1, 2, /*more=*/true));
  s.WriteAll();
  EXPECT_FALSE(s.last().has_caught_up());
  s.stream.OnFetched(Rows(3, 5, /*more=*/true));
  s.WriteAll();
  ASSERT_EQ(s.port.written.size(), 7u);
  EXPECT_TRUE(s.port.written[4].has_caught_up());  // behind row 3, before rows 4 and 5
}

TEST(ReceiveStream, AnEmptyMailboxIsCaughtUpAtOnce) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 0));
  EXPECT_TRUE(s.last().has_caught_up());
  s.WriteAll();
  EXPECT_EQ(s.port.fetches, 1);  // and then it waits
}

TEST(ReceiveStream, AnOfferDuringAFetchIsNotLost) {
  Stream s;
  s.OpenAndProve();
  s.stream.Offer(Envelope(1));
  EXPECT_EQ(s.port.fetches, 1);  // one at a time
  s.stream.OnFetched(Rows(1, 0));
  EXPECT_EQ(s.port.fetches, 2);
}

// What a batch passed over counts as well; and somebody's place that leads nowhere does not keep the store busy for ever.
TEST(ReceiveStream, GoesOnBehindWhatIsNoLongerThere) {
  Stream s;
  s.OpenAndProve(/*behind=*/10'002);
  Batch nothing;
  nothing.reached = Place(10'000);
  nothing.steps = 10'000;
  nothing.more = true;
  s.stream.OnFetched(nothing);
  EXPECT_EQ(s.port.fetches, 2);
  EXPECT_EQ(s.port.fetch_place, Place(10'000));
  EXPECT_FALSE(s.last().has_caught_up());
  s.stream.OnFetched(Rows(10'001, 10'002));
  s.WriteAll();
  EXPECT_TRUE(s.last().has_caught_up());
  EXPECT_EQ(s.port.written.size(), 4u);
  s.stream.Offer(Envelope(10'005));
  uint64_t passed = 0;
  for (; !s.port.finished.has_value(); passed += nothing.steps) {
    ASSERT_LE(passed, EnvelopeStore::kMaxSteps + nothing.steps);
    s.stream.OnFetched(nothing);
  }
  EXPECT_GE(passed, EnvelopeStore::kMaxSteps);
  EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ReceiveStream, DeletesWhatIsAcknowledgedOnceAndOneAfterTheOther) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(11, 14));
  s.WriteAll();
  const int reads = s.port.reads;
  s.stream.OnRead(true, Ack({3, 1, 1}));
  EXPECT_EQ(s.port.acknowledged, (std::vector<Row>{Row{13}, Row{11}}));
  EXPECT_EQ(s.port.reads, reads + 1);
  s.stream.OnRead(true, Ack({1, 2}));  // 1 again; the first two are not on disk yet
  s.stream.OnRead(true, Ack({4}));
  EXPECT_EQ(s.port.acknowledgements, 1);
  s.stream.OnAcknowledged(absl::OkStatus());
  EXPECT_EQ(s.port.acknowledgements, 2);
  EXPECT_EQ(s.port.acknowledged, (std::vector<Row>{Row{13}, Row{11}, Row{12}, Row{14}}));
  s.stream.OnAcknowledged(absl::OkStatus());
  s.stream.OnRead(true, Ack({1}));  // again: nothing to do
  EXPECT_EQ(s.port.acknowledgements, 2);
  EXPECT_FALSE(s.port.finished.has_value());
}

TEST(ReceiveStream, WhoHasNoMoreToSayHearsOkWhenEveryAcknowledgementIsOnDisk) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 2));
  s.WriteAll();
  s.stream.OnRead(true, Ack({1}));
  s.stream.OnRead(true, Ack({2}));
  s.stream.OnRead(false, ReceiveRequest());
  EXPECT_FALSE(s.port.finished.has_value());
  s.stream.OnAcknowledged(absl::OkStatus());
  EXPECT_FALSE(s.port.finished.has_value());
  s.stream.OnAcknowledged(absl::OkStatus());
  ASSERT_TRUE(s.port.finished.has_value());
  EXPECT_OK(*s.port.finished);
  EXPECT_EQ(s.port.acknowledged, (std::vector<Row>{Row{1}, Row{2}}));
}

TEST(ReceiveStream, ASlowConsumerHasABoundedNumberUnderWay) {
  Stream s;
  s.OpenAndProve();
  int64_t row = 0;
  for (int fetched = 0; s.port.fetches > fetched;) {
    ++fetched;
    ASSERT_LE(s.port.fetch_limit.rows, kBatch.rows);
    const auto wanted = static_cast<int64_t>(s.port.fetch_limit.rows);
    s.stream.OnFetched(Rows(row + 1, row + wanted, /*more=*/true));
    row += wanted;
    s.WriteAll();
    ASSERT_LE(row, 1000);
  }
  EXPECT_EQ(row, static_cast<int64_t>(kWindow));
  s.stream.Offer(Envelope(100'001));
  EXPECT_EQ(s.port.written.size(), 1 + kWindow);
  s.stream.OnRead(true, Ack({1, 2}));
  s.stream.OnAcknowledged(absl::OkStatus());
  EXPECT_EQ(s.port.fetch_limit.rows, 2u);
}

TEST(ReceiveStream, OneBatchIsInMemoryWhileTheClientDoesNotRead) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 32, /*more=*/true));
  for (int i = 0; i < 10; ++i) s.stream.Offer(Envelope(1001 + i));
  EXPECT_EQ(s.port.fetches, 1);
  EXPECT_EQ(s.port.written.size(), 2u);  // the challenge, and the one that is under way
}

TEST(ReceiveStream, MessagesOutOfTurnEndIt) {
  const std::vector<std::function<void(Stream&)>> cases = {
      [](Stream& s) { s.stream.OnRead(true, Proof()); },
      [](Stream& s) { s.stream.OnRead(true, Ack({1})); },
      [](Stream& s) { s.stream.OnRead(true, ReceiveRequest()); },
      [](Stream& s) { s.stream.OnRead(true, Open("short")); },
      [](Stream& s) { s.stream.OnRead(true, Open(std::string(17, 'x'))); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Open()); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Ack({})); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Proof(63)); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Proof(64, 0)); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Proof(64, 31)); },
      [](Stream& s) { s.stream.OnRead(true, Open()), s.Written(), s.stream.OnRead(true, Proof(64, 33)); },
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    Stream s;
    s.stream.Start();
    cases[i](s);
    ASSERT_TRUE(s.port.finished.has_value());
    EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
    EXPECT_EQ(s.port.fetches + s.port.take_overs + s.port.acknowledgements, 0);
  }
}

TEST(ReceiveStream, ABadAcknowledgementEndsItAndDeletesNothing) {
  std::vector<uint64_t> many(257, 1);
  for (const auto& tags : {std::vector<uint64_t>{1, 4}, {0}, {UINT64_MAX}, many}) {
    Stream s;
    s.OpenAndProve();
    s.stream.OnFetched(Rows(1, 3));
    s.WriteAll();
    s.stream.OnRead(true, Ack(tags));
    ASSERT_TRUE(s.port.finished.has_value());
    EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_TRUE(s.port.acknowledged.empty());
  }
}

TEST(ReceiveStream, ClosesWithAReasonAfterTheWriteThatIsUnderWay) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 3));
  s.stream.Close(ReceiveResponse::Closed::REPLACED);
  s.stream.Close(ReceiveResponse::Closed::SHUTTING_DOWN);
  EXPECT_FALSE(s.port.finished.has_value());
  s.Written();
  EXPECT_EQ(s.last().closed().reason(), ReceiveResponse::Closed::REPLACED);
  s.Written();
  ASSERT_TRUE(s.port.finished.has_value());
  EXPECT_OK(*s.port.finished);
  EXPECT_EQ(s.port.written.size(), 3u);  // deliveries 2 and 3 come on the next stream
}

TEST(ReceiveStream, ClosesWhenItsMailboxIsGone) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(absl::NotFoundError("mailbox_unknown: gone"));
  EXPECT_EQ(s.last().closed().reason(), ReceiveResponse::Closed::MAILBOX_CLOSED);
}

TEST(ReceiveStream, EndsWhenTheClientHasNoMoreToSay) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 1));
  s.WriteAll();
  s.stream.OnRead(true, Ack({1}));
  s.stream.OnAcknowledged(absl::OkStatus());
  s.stream.OnRead(false, ReceiveRequest());
  ASSERT_TRUE(s.port.finished.has_value());
  EXPECT_OK(*s.port.finished);
}

TEST(ReceiveStream, ACancelledStreamFinishesOnceWhateverIsUnderWay) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(Rows(1, 3));
  s.stream.OnCancelled();
  s.stream.OnRead(false, ReceiveRequest());
  s.stream.Close(ReceiveResponse::Closed::SHUTTING_DOWN);
  EXPECT_FALSE(s.port.finished.has_value());
  s.Written(false);
  ASSERT_TRUE(s.port.finished.has_value());
  s.stream.Offer(Envelope(4));
  s.stream.OnFetched(Rows(4, 5));
  s.stream.OnAcknowledged(absl::OkStatus());
  s.stream.Close(ReceiveResponse::Closed::SHUTTING_DOWN);
  EXPECT_EQ(s.port.written.size(), 2u);
}

TEST(ReceiveStream, AStorageFaultEndsItWithItsStatus) {
  Stream s;
  s.OpenAndProve();
  s.stream.OnFetched(absl::UnavailableError("storage_unavailable: later"));
  EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kUnavailable));
  Stream t;
  t.OpenAndProve();
  t.stream.OnFetched(Rows(1, 1));
  t.WriteAll();
  t.stream.OnRead(true, Ack({1}));
  t.stream.OnAcknowledged(absl::UnavailableError("storage_unavailable: later"));
  EXPECT_THAT(*t.port.finished, StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ReceiveStream, WithoutAProofItEndsInTime) {
  Stream s;
  s.stream.Start();
  s.stream.Tick(kNow + absl::Seconds(29));
  EXPECT_FALSE(s.port.finished.has_value());
  s.stream.Tick(kNow + absl::Seconds(30));
  EXPECT_THAT(*s.port.finished, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("proof_missing")));
  Stream proved;
  proved.OpenAndProve();
  proved.stream.Tick(kNow + absl::Hours(10));
  EXPECT_FALSE(proved.port.finished.has_value());
}

TEST(Streams, TheNewerStreamOfAMailboxReplacesTheOlder) {
  Streams streams(10);
  Stream a, b;
  const auto shared = [](Stream& s) { return std::shared_ptr<ReceiveStream>(std::shared_ptr<void>(), &s.stream); };
  streams.Start(shared(a));
  streams.Start(shared(b));
  identity::MailboxId mailbox{};
  a.OpenAndProve();
  streams.TakeOver(mailbox, shared(a));
  a.stream.OnFetched(Rows(1, 0));
  a.WriteAll();
  streams.TakeOver(mailbox, shared(b));
  EXPECT_EQ(a.last().closed().reason(), ReceiveResponse::Closed::REPLACED);
  streams.Forget(&a.stream);
  b.OpenAndProve();
  b.stream.OnFetched(Rows(1, 0));
  b.WriteAll();
  streams.Offer(mailbox, Envelope(1));
  EXPECT_EQ(b.last().delivery().tag(), 1u);
  streams.Forget(&b.stream);
  EXPECT_EQ(streams.size(), 0u);
}

TEST(Streams, RefusesOneTooManyAndAllThatComeAfterTheEnd) {
  Streams streams(1);
  Stream a, b, c;
  const auto shared = [](Stream& s) { return std::shared_ptr<ReceiveStream>(std::shared_ptr<void>(), &s.stream); };
  streams.Start(shared(a));
  streams.TakeOver(identity::MailboxId{1}, shared(a));
  streams.Start(shared(b));
  EXPECT_THAT(*b.port.finished, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_streams")));
  streams.ShutDown();
  EXPECT_EQ(a.last().closed().reason(), ReceiveResponse::Closed::SHUTTING_DOWN);
  a.WriteAll();
  EXPECT_OK(*a.port.finished);
  streams.Forget(&a.stream);
  streams.Start(shared(c));
  EXPECT_EQ(c.last().closed().reason(), ReceiveResponse::Closed::SHUTTING_DOWN);
}

}  // namespace
}  // namespace plumbline::server
