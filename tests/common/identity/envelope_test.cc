#include "common/identity/envelope.h"

#include <gtest/gtest.h>

#include <bit>

#include "common/identity/frame.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(Padme, FollowsItsDefinition) {
  for (size_t needed = 0; needed <= 70000; ++needed) {
    const size_t size = PadmeSize(needed);
    const size_t length = std::max<size_t>(needed, 1024);
    ASSERT_GE(size, length);
    ASSERT_LE(size, length + length * 12 / 100) << needed;
    ASSERT_TRUE(IsPadmeSize(size)) << needed;
    size_t e = 0, s = 0;
    while ((size_t{2} << e) <= length) ++e;
    while ((size_t{2} << s) <= e) ++s;
    const size_t mask = (size_t{1} << (e - (s + 1))) - 1;
    ASSERT_EQ(size, (length + mask) & ~mask) << needed;
  }
  EXPECT_EQ(PadmeSize(kMaxSealed), kMaxSealed);
  EXPECT_EQ(PadmeSize(1025), 1088u);
}

TEST(Padme, KnowsItsOwnSizesAndNoOthers) {
  EXPECT_FALSE(IsPadmeSize(0));
  EXPECT_FALSE(IsPadmeSize(512));
  EXPECT_TRUE(IsPadmeSize(1024));
  EXPECT_FALSE(IsPadmeSize(1025));
  EXPECT_TRUE(IsPadmeSize(kMaxSealed));
  EXPECT_FALSE(IsPadmeSize(kMaxSealed + 1));
  EXPECT_FALSE(IsPadmeSize(kMaxSealed * 2));
}

TEST(EnvelopeContent, RoundTripsAtEverySizeAndAlwaysHasAPadmeSize) {
  for (const size_t size : {0, 1, 63, 64, 900, 970, 971, 972, 973, 974, 975, 976, 5000, 100000}) {
    SCOPED_TRACE(size);
    const EnvelopeContent content{EnvelopeKind::kWelcome, Bytes(size, 0)};
    ASSERT_OK_AND_ASSIGN(const Bytes wire, EncodePadded(content));
    EXPECT_TRUE(IsPadmeSize(wire.size() + kEnvelopeOverhead));
    ASSERT_OK_AND_ASSIGN(const EnvelopeContent parsed, ParseEnvelopeContent(wire));
    EXPECT_EQ(parsed, content);
  }
}

TEST(EnvelopeContent, RefusesMalformedBytesAndOddPadding) {
  ASSERT_OK_AND_ASSIGN(const Bytes wire, EncodePadded({EnvelopeKind::kMessage, Bytes(100, 7)}));
  testing::RefusesTruncationAndExtension(wire, ParseEnvelopeContent);
  testing::AcceptsOnlyCanonicalForms(wire, ParseEnvelopeContent,
                                     [](const EnvelopeContent& content) { return *EncodePadded(content); });
  Bytes grown = wire;
  grown.resize(1088 - kEnvelopeOverhead);
  EXPECT_THAT(ParseEnvelopeContent(grown), StatusIs(kInvalid)) << "a larger Padmé size than needed";
}

TEST(EnvelopeContent, RefusesWhatDoesNotFit) {
  EXPECT_THAT(EncodePadded({EnvelopeKind::kMessage, Bytes(kMaxPayload + 1)}), StatusIs(kInvalid));
  ASSERT_OK_AND_ASSIGN(const Bytes largest, EncodePadded({EnvelopeKind::kMessage, Bytes(kMaxPayload)}));
  EXPECT_EQ(largest.size() + kEnvelopeOverhead, kMaxSealed);
}

TEST(PaddedCommit, RoundTripsAndRefusesMalformedBytes) {
  ASSERT_OK_AND_ASSIGN(const Bytes wire, EncodePaddedCommit(Bytes(1500, 9)));
  EXPECT_TRUE(IsPadmeSize(wire.size() + kSealedCommitOverhead));
  ASSERT_OK_AND_ASSIGN(const Bytes parsed, ParsePaddedCommit(wire));
  EXPECT_EQ(parsed, Bytes(1500, 9));
  testing::RefusesTruncationAndExtension(wire, ParsePaddedCommit);
}

TEST(CommitPayload, RoundTripsAndRefusesMalformedBytes) {
  CommitPayload payload;
  payload.gate.move.handle.fill(1);
  payload.gate.move.epoch = 7;
  payload.gate.move.next_public_key.fill(2);
  payload.gate.signature.fill(3);
  payload.mls_message = Bytes(300, 4);
  ASSERT_OK_AND_ASSIGN(const CommitPayload parsed, ParseCommitPayload(Encode(payload)));
  EXPECT_EQ(parsed, payload);
  testing::RefusesTruncationAndExtension(Encode(payload), ParseCommitPayload);
  testing::RefusesTruncationAndExtension(Encode(payload.gate), ParseGateRecord);
}

TEST(FanOutHash, DependsOnEachFieldButNotOnTheOrder) {
  FanOutEnvelope a, b;
  a.envelope_id.fill(1);
  b.envelope_id.fill(2);
  EXPECT_EQ(FanOutHash({a, b}), FanOutHash({b, a}));
  FanOutEnvelope other = b;
  other.mailbox_id.fill(1);
  EXPECT_NE(FanOutHash({a, b}), FanOutHash({a, other}));
  other = b;
  other.sealed_hash.fill(1);
  EXPECT_NE(FanOutHash({a, b}), FanOutHash({a, other}));
  EXPECT_NE(FanOutHash({a, b}), FanOutHash({a}));
}

TEST(Frame, RoundTripsAndRefusesMalformedBytes) {
  Frame frame;
  frame.sequence = 2;
  frame.previous_hash.fill(8);
  frame.media_type = kTextMediaType;
  frame.body = Bytes(70, 'x');
  ASSERT_OK_AND_ASSIGN(const Frame parsed, ParseFrame(Encode(frame)));
  EXPECT_EQ(parsed, frame);
  testing::RefusesTruncationAndExtension(Encode(frame), ParseFrame);
  testing::AcceptsOnlyCanonicalForms(Encode(frame), ParseFrame, [](const Frame& f) { return Encode(f); });
  frame.sequence = 1;
  EXPECT_THAT(ParseFrame(Encode(frame)), StatusIs(kInvalid));
  frame.previous_hash = Hash{};
  EXPECT_OK(ParseFrame(Encode(frame)));
  frame.sequence = 0;
  EXPECT_THAT(ParseFrame(Encode(frame)), StatusIs(kInvalid));
  frame.previous_hash.fill(8);
  EXPECT_THAT(ParseFrame(Encode(frame)), StatusIs(kInvalid));
}

TEST(Frame, CarriesTheCheckpointThatItsSenderHasSeen) {
  Frame frame{1, {}, kTextMediaType, Bytes(3, 'x'), SeenCheckpoint{7, {}, {}}};
  frame.seen->root.fill(1);
  frame.seen->signature.fill(2);
  const Bytes wire = Encode(frame);
  ASSERT_OK_AND_ASSIGN(const Frame parsed, ParseFrame(wire));
  EXPECT_EQ(parsed, frame);
  testing::RefusesTruncationAndExtension(wire, ParseFrame);
  testing::AcceptsOnlyCanonicalForms(wire, ParseFrame, [](const Frame& f) { return Encode(f); });
  Bytes other = wire;
  other[0] = 1;  // the version without one
  EXPECT_THAT(ParseFrame(other), StatusIs(kInvalid));
  frame.seen.reset();
  other = Encode(frame);
  other[0] = 2;
  EXPECT_THAT(ParseFrame(other), StatusIs(kInvalid));
  other[0] = 3;
  EXPECT_THAT(ParseFrame(other), StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::identity
