#include "common/identity/codes.h"

#include <gtest/gtest.h>

#include <set>

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

TEST(Codes, TheHashDependsOnThePerson) {
  EXPECT_NE(EnrolmentCodeHash("mimi://example.org/u/alice", "ABCDEFGHJKMN0123"),
            EnrolmentCodeHash("mimi://example.org/u/bob", "ABCDEFGHJKMN0123"));
}

}  // namespace
}  // namespace plumbline::identity
