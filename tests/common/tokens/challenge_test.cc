#include "common/tokens/challenge.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::tokens {
namespace {

using ::plumbline::testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kIssuer[] = "issuer.example";

Bytes Hex(absl::string_view text) { return testing::FromHex(text); }

RedemptionContext Context(absl::string_view hex) {
  RedemptionContext out;
  const Bytes bytes = Hex(hex);
  EXPECT_EQ(bytes.size(), out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

// The encoding with anything in its fields.
Bytes Wire(uint16_t type, absl::string_view issuer, ByteView context, absl::string_view origins) {
  const auto u16 = [](size_t n) {
    return Bytes{static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)};
  };
  return Concat({u16(type), u16(issuer.size()), AsBytes(issuer),
                 Bytes(1, static_cast<uint8_t>(context.size())), context, u16(origins.size()),
                 AsBytes(origins)});
}

constexpr char kContext[] = "476ac2c935f458e9b2d7af32dacfbd22dd6023ef5887a789f1abe004e79bb5bb";

struct Example {
  const char *origin_info, *context, *digest;
};
// RFC 9577, appendix A: the token type of each is 0x0002.
constexpr Example kExamples[] = {
    {"origin.example", kContext,
     "8e1d5518ec82964255526efd8f9db88205a8ddd3ffb1db298fcc3ad36c42388f"},
    {"origin.example", "", "11e15c91a7c2ad02abd66645802373db1d823bea80f08d452541fb2b62b5898b"},
    {"", "", "b741ec1b6fd05f1e95f8982906aec1612896d9ca97d53eef94ad3c9fe023f7a4"},
    {"", kContext, "b85fb5bc06edeb0e8e8bdb5b3bea8c4fa40837c82e8bcaf5882c81e14817ea18"},
    {"foo.example,bar.example", kContext,
     "a2a775866b6ae0f98944910c8f48728d8a2735b9157762ddbf803f70e2e8ba3e"},
};

TEST(TokenChallenge, HasTheDigestsOfTheRfc) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(example.digest);
    std::optional<RedemptionContext> context;
    if (*example.context != '\0') context = Context(example.context);
    ASSERT_OK_AND_ASSIGN(const TokenChallenge challenge,
                         TokenChallenge::Create(kIssuer, example.origin_info, context));
    EXPECT_EQ(ToHex(challenge.Digest()), example.digest);
    EXPECT_EQ(challenge.Encode(), Wire(2, kIssuer, Hex(example.context), example.origin_info));
    ASSERT_OK_AND_ASSIGN(const TokenChallenge read, TokenChallenge::Parse(challenge.Encode()));
    EXPECT_EQ(read, challenge);
    EXPECT_EQ(read.issuer_name(), kIssuer);
    EXPECT_EQ(read.origin_info(), example.origin_info);
    EXPECT_EQ(read.redemption_context(), context);
  }
}

TEST(TokenChallenge, RefusesOtherLengths) {
  const Bytes wire = Wire(2, kIssuer, Hex(kContext), "origin.example");
  for (size_t size = 0; size < wire.size(); ++size)
    EXPECT_THAT(TokenChallenge::Parse(ByteView(wire).first(size)), StatusIs(kInvalid)) << size;
  EXPECT_THAT(TokenChallenge::Parse(Concat({wire, Bytes(1)})), StatusIs(kInvalid));
  EXPECT_OK(TokenChallenge::Parse(wire));
}

TEST(TokenChallenge, RefusesOtherTypes) {
  for (const uint16_t type : {0, 1, 3, 0x0200, 0x0102, 0xff01, 0xffff})
    EXPECT_THAT(TokenChallenge::Parse(Wire(type, kIssuer, {}, "")), StatusIs(kInvalid)) << type;
}

TEST(TokenChallenge, RefusesContextsOfOtherSizes) {
  for (size_t size = 0; size < 256; ++size) {
    const auto read = TokenChallenge::Parse(Wire(2, kIssuer, Bytes(size, 1), ""));
    EXPECT_EQ(read.ok(), size == 0 || size == 32) << size;
  }
}

TEST(TokenChallenge, TakesServerNames) {
  const std::string label(63, 'a');
  for (const std::string& name :
       {std::string("a"), std::string("issuer.example"), std::string("1.x-y.example:8443"),
        std::string("127.0.0.1:1"), std::string("a:65535"), label,
        absl::StrCat(label, ".", label, ".", label, ".", label)}) {
    EXPECT_OK(TokenChallenge::Create(name, name)) << name;
    EXPECT_OK(TokenChallenge::Parse(Wire(2, name, {}, name))) << name;
  }
}

TEST(TokenChallenge, RefusesWhatIsNoServerName) {
  const std::string label(63, 'a');
  for (const std::string& name : {std::string("Issuer.example"),
                                  std::string("a b"),
                                  std::string(" a"),
                                  std::string("a\n"),
                                  std::string("issuer@example"),
                                  std::string("a/b"),
                                  std::string("a..b"),
                                  std::string(".a"),
                                  std::string("a."),
                                  std::string("-a"),
                                  std::string("a-"),
                                  std::string("a_b"),
                                  std::string("\xc3\xa4"),
                                  std::string("a\0", 2),
                                  std::string("[::1]"),
                                  std::string("a:"),
                                  std::string("a:0"),
                                  std::string("a:01"),
                                  std::string("a:443"),
                                  std::string("a:65536"),
                                  std::string("a:100000"),
                                  std::string("a:4294967297"),
                                  std::string("a:8x"),
                                  std::string("a:1:2"),
                                  std::string(":1"),
                                  label + "a",
                                  absl::StrCat(label, ".", label, ".", label, ".", label, ":1")}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(TokenChallenge::Create(name, ""), StatusIs(kInvalid));
    EXPECT_THAT(TokenChallenge::Parse(Wire(2, name, {}, "")), StatusIs(kInvalid));
    EXPECT_THAT(TokenChallenge::Create(kIssuer, name), StatusIs(kInvalid));
    EXPECT_THAT(TokenChallenge::Parse(Wire(2, kIssuer, {}, name)), StatusIs(kInvalid));
  }
  EXPECT_THAT(TokenChallenge::Create("", "a"), StatusIs(kInvalid));
  EXPECT_THAT(TokenChallenge::Create("a,b", "a"), StatusIs(kInvalid));
}

TEST(TokenChallenge, RefusesListsOfOriginsThatAreNone) {
  for (const char* origins : {",", "a,", ",a", "a,,b", "a, b", "a,a", "a,b,a"}) {
    EXPECT_THAT(TokenChallenge::Create(kIssuer, origins), StatusIs(kInvalid)) << origins;
  }
  std::vector<std::string> names;
  for (int i = 1000; i < 1205; ++i) names.push_back(absl::StrCat(i));  // 4 bytes and a comma each
  ASSERT_EQ(absl::StrJoin(names, ",").size(), kMaxOriginInfo);
  EXPECT_OK(TokenChallenge::Create(kIssuer, absl::StrJoin(names, ",")));
  names[0] += "0";
  EXPECT_THAT(TokenChallenge::Create(kIssuer, absl::StrJoin(names, ",")), StatusIs(kInvalid));
}

// Each field is in the digest.
TEST(TokenChallenge, DigestsDiffer) {
  const RedemptionContext one = Context(kContext), two{};
  std::vector<Hash> seen;
  for (const auto& challenge :
       {TokenChallenge::Create("a", "b"), TokenChallenge::Create("b", "a"),
        TokenChallenge::Create("a", ""), TokenChallenge::Create("a", "b", one),
        TokenChallenge::Create("a", "b", two), TokenChallenge::Create("a", "b,c"),
        TokenChallenge::Create("a", "c,b")}) {
    ASSERT_OK(challenge.status());
    EXPECT_EQ(std::count(seen.begin(), seen.end(), challenge->Digest()), 0);
    seen.push_back(challenge->Digest());
  }
}

}  // namespace
}  // namespace plumbline::tokens
