#include "common/directory/opening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

Opening Whole() {
  Opening out{0x0102030405060708, OpenedRecord{{}, Bytes(100, 1), {}}, OpenedCause{{}, Bytes(200, 2)}};
  out.record->nonce.bytes.fill(3);
  out.record->index_proof.fill(4);
  out.cause->nonce.bytes.fill(5);
  return out;
}
std::vector<Opening> All() {
  Opening no_record = Whole(), no_cause = Whole(), erased = Whole();
  no_record.record.reset();
  no_cause.cause.reset();
  erased.record.reset();
  erased.cause.reset();
  return {Whole(), no_record, no_cause, erased};
}

TEST(OpeningTest, IsReadInOneWay) {
  for (const Opening& opening : All()) {
    const Bytes wire = Encode(opening);
    ASSERT_OK_AND_ASSIGN(const Opening back, ParseOpening(wire));
    EXPECT_EQ(Encode(back), wire);
    EXPECT_EQ(back.place, opening.place);
    EXPECT_EQ(back.record.has_value(), opening.record.has_value());
    EXPECT_EQ(back.cause.has_value(), opening.cause.has_value());
    for (size_t i = 0; i < wire.size(); ++i) {
      EXPECT_THAT(ParseOpening(ByteView(wire).first(i)), StatusIs(Code::kInvalidArgument)) << i;
      for (const uint8_t bit : {0x01, 0x40, 0x80}) {
        Bytes changed = wire;
        changed[i] ^= bit;
        const absl::StatusOr<Opening> parsed = ParseOpening(changed);
        if (!parsed.ok()) continue;
        EXPECT_EQ(Encode(*parsed), changed) << i;
      }
    }
    Bytes longer = wire;
    longer.push_back(0);
    EXPECT_THAT(ParseOpening(longer), StatusIs(Code::kInvalidArgument));
  }
}

TEST(OpeningTest, TheFormIsTheOneThatIsWritten) {
  EXPECT_EQ(Encode(Whole()), Concat({Bytes{1, 1, 2, 3, 4, 5, 6, 7, 8, 1}, Bytes(32, 3), Bytes{0x40, 100}, Bytes(100, 1), Bytes(80, 4), Bytes{1},
                                     Bytes(32, 5), Bytes{0x40, 200}, Bytes(200, 2)}));
  EXPECT_EQ(Encode(Opening{7, {}, {}}), (Bytes{1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0}));
}

TEST(OpeningTest, TheBoundsAreHeld) {
  Opening most = Whole();
  most.record->record.resize(identity::kMaxRecord);
  most.cause->cause.resize(kMaxCause);
  EXPECT_OK(ParseOpening(Encode(most)));
  Opening more = most;
  more.record->record.push_back(0);
  EXPECT_THAT(ParseOpening(Encode(more)), StatusIs(Code::kInvalidArgument));
  more = most;
  more.cause->cause.push_back(0);
  EXPECT_THAT(ParseOpening(Encode(more)), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseOpening(Bytes(kMaxOpening + 1)), StatusIs(Code::kInvalidArgument, HasSubstr("too long")));
  EXPECT_THAT(ParseOpening(Bytes{2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0}), StatusIs(Code::kInvalidArgument, HasSubstr("unknown version")));
}

TEST(OpeningTest, AFileIsOneBehindAnother) {
  Writer file;
  for (const Opening& each : All()) file.Vector(Encode(each));
  Reader in(file.view());
  for (const Opening& each : All()) {
    ASSERT_OK_AND_ASSIGN(const Opening read, ReadOpening(in));
    EXPECT_EQ(Encode(read), Encode(each));
  }
  EXPECT_OK(in.Done());
  EXPECT_FALSE(ReadOpening(in).ok());
  Reader cut(file.view().first(file.size() - 1));
  for (int i = 0; i < 3; ++i) EXPECT_OK(ReadOpening(cut).status());
  EXPECT_FALSE(ReadOpening(cut).ok());
}

TEST(OpeningTest, OpensWhatWasCommittedToAndNothingElse) {
  const Opening opening = Whole();
  tlog::EntryLeaf entry;
  entry.commitment = identity::CommitToRecord(opening.record->record, opening.record->nonce);
  entry.cause = identity::CommitToCause(opening.cause->cause, opening.cause->nonce);
  for (const Opening& each : All()) EXPECT_OK(CheckOpens(each, entry));
  const auto refused = [&](const std::function<void(Opening&)>& change, const char* what) {
    Opening changed = opening;
    change(changed);
    EXPECT_THAT(CheckOpens(changed, entry), StatusIs(Code::kUnauthenticated, HasSubstr(what)));
  };
  refused([](Opening& o) { o.record->record[0] ^= 1; }, "the record");
  refused([](Opening& o) { o.record->nonce.bytes[0] ^= 1; }, "the record");
  refused([](Opening& o) { o.cause->cause[0] ^= 1; }, "the cause");
  refused([](Opening& o) { o.cause->nonce.bytes[0] ^= 1; }, "the cause");
  refused([](Opening& o) { std::swap(o.record->record, o.cause->cause); }, "the record");
}

}  // namespace
}  // namespace plumbline::directory
