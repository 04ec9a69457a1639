#include "common/identity/codes.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "common/crypto/hkdf.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;

TEST(Codes, AreRandomAndInNormalForm) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string code = GenerateCode();
    ASSERT_OK_AND_ASSIGN(const std::string normal, NormaliseCode(code));
    EXPECT_EQ(normal, code);
    EXPECT_TRUE(seen.insert(code).second);
  }
}

TEST(Codes, ReadWhatPeopleType) {
  EXPECT_EQ(FormatCode("ABCDEFGHJKMN0123"), "ABCD-EFGH-JKMN-0123");
  for (const char* typed :
       {"ABCD-EFGH-JKMN-0123", "abcdefghjkmn0123", " abcd efgh jkmn oi23 ", "ABCD-EFGH-JKMN-OL23"}) {
    ASSERT_OK_AND_ASSIGN(const std::string normal, NormaliseCode(typed));
    EXPECT_EQ(normal, "ABCDEFGHJKMN0123") << typed;
  }
}

TEST(Codes, RefuseAnythingElse) {
  for (const char* typed : {"", "ABCD-EFGH-JKMN-012", "ABCD-EFGH-JKMN-01234", "ABCD-EFGH-JKMN-U123",
                            "ABCD_EFGH_JKMN_0123", "ABCD-EFGH-JKMN-012\xc3\xa9"}) {
    EXPECT_THAT(NormaliseCode(typed), StatusIs(absl::StatusCode::kInvalidArgument)) << typed;
  }
  EXPECT_THAT(NormaliseCode(std::string(100, '-')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Codes, TheKeyIsOfTheCodeAndThePerson) {
  const auto key = [](absl::string_view user, absl::string_view code) { return EnrolmentCodeKey(user, code).public_key(); };
  const std::string alice = "mimi://example.org/u/alice";
  EXPECT_EQ(key(alice, "ABCDEFGHJKMN0123"), key(alice, "ABCDEFGHJKMN0123"));
  EXPECT_NE(key(alice, "ABCDEFGHJKMN0123"), key(alice, "ABCDEFGHJKMN0124"));
  EXPECT_NE(key(alice, "ABCDEFGHJKMN0123"), key("mimi://example.org/u/bob", "ABCDEFGHJKMN0123"));
  // What both ends have to agree on.
  const std::string info = absl::StrCat("plumbline enrolment code v2", alice);
  EXPECT_EQ(key(alice, "ABCDEFGHJKMN0123"),
            crypto::Ed25519KeyPair::FromSeed(crypto::HkdfSha256(AsBytes("ABCDEFGHJKMN0123"), {}, AsBytes(info), 32))->public_key());
}

}  // namespace
}  // namespace plumbline::identity
