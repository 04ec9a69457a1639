#include "common/codec.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline {
namespace {

using testing::IsOk;
using testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Every length header survives the round trip at and around the boundaries of its sizes (RFC 9420 §2.1.2).
TEST(Codec, VarintRoundTripsAtEveryBoundary) {
  for (uint32_t value : {0u, 1u, 63u, 64u, 16383u, 16384u, uint32_t{kMaxVarint}}) {
    SCOPED_TRACE(value);
    Writer out;
    out.Varint(value);
    Reader in(out.view());
    ASSERT_OK_AND_ASSIGN(const uint32_t got, in.Varint());
    EXPECT_EQ(got, value);
    EXPECT_OK(in.Done());
  }
}

TEST(Codec, RefusesLengthsThatAreNotMinimal) {
  const Bytes two = {0x40, 0x3f};
  const Bytes four = {0x80, 0x00, 0x3f, 0xff};
  const Bytes reserved = {0xc0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_THAT(Reader(two).Varint(), StatusIs(kInvalid));
  EXPECT_THAT(Reader(four).Varint(), StatusIs(kInvalid));
  EXPECT_THAT(Reader(reserved).Varint(), StatusIs(kInvalid));
}

TEST(Codec, RefusesEveryTruncation) {
  Writer out;
  out.U8(1).U16(2).U32(3).U64(4).Present(true).Vector(Bytes(100, 7)).Fixed(Bytes(3, 9));
  const Bytes wire = out.TakeBytes();
  const auto parse = [](ByteView view) -> absl::Status {
    Reader in(view);
    RETURN_IF_ERROR(in.U8().status());
    RETURN_IF_ERROR(in.U16().status());
    RETURN_IF_ERROR(in.U32().status());
    RETURN_IF_ERROR(in.U64().status());
    RETURN_IF_ERROR(in.Present().status());
    RETURN_IF_ERROR(in.Vector(100).status());
    RETURN_IF_ERROR(in.Fixed(3).status());
    return in.Done();
  };
  EXPECT_OK(parse(wire));
  for (size_t n = 0; n < wire.size(); ++n) EXPECT_THAT(parse(ByteView(wire).first(n)), StatusIs(kInvalid)) << n;
}

TEST(Codec, RefusesAVectorOverItsMaximumAndALengthBeyondTheInput) {
  Writer out;
  out.Vector(Bytes(10));
  EXPECT_THAT(Reader(out.view()).Vector(9), StatusIs(kInvalid));
  const Bytes huge = {0xbf, 0xff, 0xff, 0xff, 1, 2, 3};
  EXPECT_THAT(Reader(huge).Vector(kMaxVarint), StatusIs(kInvalid));
}

TEST(Codec, RefusesBytesLeftOverAndOddPresence) {
  const Bytes wire = {2, 0};
  Reader in(wire);
  EXPECT_THAT(in.Done(), StatusIs(kInvalid));
  EXPECT_THAT(in.Present(), StatusIs(kInvalid));
}

TEST(Secret, ComparesByContentAndMovesWithoutCopy) {
  Secret a = Secret::CopyOf(Bytes{1, 2, 3});
  EXPECT_TRUE(a == Secret::CopyOf(Bytes{1, 2, 3}));
  EXPECT_FALSE(a == Secret::CopyOf(Bytes{1, 2, 4}));
  EXPECT_FALSE(a == Secret::CopyOf(Bytes{1, 2}));
  const uint8_t* where = a.view().data();
  Secret b = std::move(a);
  EXPECT_EQ(b.view().data(), where);
}

TEST(Secret, TakeClearsItsSource) {
  std::string text = "correct horse battery staple, long enough to be on the heap";
  const char* where = text.data();
  const Secret taken = Secret::Take(std::move(text));
  EXPECT_EQ(taken.size(), 59u);
  EXPECT_EQ(where[0], '\0');
  EXPECT_EQ(where[10], '\0');
}

}  // namespace
}  // namespace plumbline
