#include "common/tokens/redeemer.h"

#include "tests/common/tokens/mint.h"
#include "tests/status_matchers.h"

namespace plumbline::tokens {
namespace {

using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kDomain[] = "example.org";

class RedeemerTest : public ::testing::Test {
 protected:
  absl::StatusOr<Redeemed> Check(const ShownToken& shown, absl::Time now) const {
    return redeemer_.Check(AsBytes(shown.token), AsBytes(shown.token_key), role_.public_key(), now);
  }
  absl::StatusOr<Redeemed> Check(const ShownToken& shown) const { return Check(shown, now_); }
  void ExpectInvalid(const ShownToken& shown, absl::string_view why) const {
    EXPECT_THAT(Check(shown).status(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid")));
    EXPECT_THAT(Check(shown).status(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(std::string(why))));
  }
  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'123);
  const crypto::Ed25519KeyPair role_ = crypto::Ed25519KeyPair::Generate();
  const Mint mint_{kDomain, role_};
  const Redeemer redeemer_{kDomain, kPurposeDelivery};
};

TEST_F(RedeemerTest, TakesATokenUntilItsKeyEnds) {
  const ShownToken shown = mint_.Draw(kPurposeDelivery, now_);
  const TokenKey key = mint_.KeyFor(kPurposeDelivery, now_);
  ASSERT_OK_AND_ASSIGN(const Redeemed redeemed, Check(shown));
  ASSERT_OK_AND_ASSIGN(const Token token, ParseToken(AsBytes(shown.token)));
  EXPECT_EQ(redeemed.nullifier, Nullifier(token));
  EXPECT_EQ(redeemed.token_key_id, key.leaf.token_key_id);
  EXPECT_EQ(redeemed.opens, key.opens());
  EXPECT_EQ(redeemed.ends, key.ends());
  EXPECT_OK(Check(shown, key.ends() - absl::Seconds(1)).status());
  EXPECT_THAT(Check(shown, key.ends()).status(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_expired")));
}

TEST_F(RedeemerTest, TakesNoTokenOfAnotherPurposeOrOrganisation) {
  ExpectInvalid(mint_.Draw(kPurposeDirectory, now_), "another service");
  ExpectInvalid(Mint("example.com", role_).Draw(kPurposeDelivery, now_), "not one of this organisation");
  ExpectInvalid(Mint(kDomain, crypto::Ed25519KeyPair::Generate()).Draw(kPurposeDelivery, now_), "not one of this organisation");
  // A statement of this purpose over the other purpose's key: its tokens were drawn for the other challenge.
  TokenKey key = mint_.KeyFor(kPurposeDirectory, now_);
  key.leaf.purpose = kPurposeDelivery;
  ExpectInvalid({mint_.Draw(kPurposeDirectory, now_).token, ToString(mint_.Signed(key))}, "not signed for this service");
}

TEST_F(RedeemerTest, TakesNoTokenWithAnotherOnesKey) {
  ShownToken shown = mint_.Draw(kPurposeDelivery, now_);
  TokenKey key = mint_.KeyFor(kPurposeDelivery, now_);
  key.key = Mint::Key(2).public_key();
  key.leaf.token_key_id = TokenKeyId(key.key);
  shown.token_key = ToString(mint_.Signed(key));
  ExpectInvalid(shown, "not signed for this service");
}

// A signed statement says one thing: the leaf in the log is of the key in it.
TEST_F(RedeemerTest, TakesNoStatementWhoseLeafIsOfAnotherKey) {
  TokenKey key = mint_.KeyFor(kPurposeDelivery, now_);
  key.leaf.token_key_id[0] ^= 1;
  EXPECT_THAT(OpenTokenKey(mint_.Signed(key), role_.public_key(), kDomain).status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RedeemerTest, RefusesEveryChangedByteAndEveryCut) {
  const ShownToken shown = mint_.Draw(kPurposeDelivery, now_);
  for (std::string ShownToken::*part : {&ShownToken::token, &ShownToken::token_key}) {
    for (size_t i = 0; i < (shown.*part).size(); ++i) {
      ShownToken changed = shown, cut = shown;
      (changed.*part)[i] ^= 1;
      (cut.*part).resize(i);
      EXPECT_THAT(Check(changed).status(), StatusIs(absl::StatusCode::kUnauthenticated)) << i;
      EXPECT_THAT(Check(cut).status(), StatusIs(absl::StatusCode::kUnauthenticated)) << i;
    }
    ShownToken longer = shown;
    (longer.*part) += '\0';
    EXPECT_THAT(Check(longer).status(), StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST_F(RedeemerTest, StatementsAreReadBack) {
  for (const char* purpose : {kPurposeDelivery, kPurposeDirectory}) {
    const TokenKey key = mint_.KeyFor(purpose, now_);
    const Bytes wire = mint_.Signed(key);
    EXPECT_LE(wire.size(), kMaxSignedTokenKey);
    ASSERT_OK_AND_ASSIGN(const TokenKey read_back, OpenTokenKey(wire, role_.public_key(), kDomain));
    EXPECT_EQ(read_back, key);
    EXPECT_TRUE(IsPurpose(purpose));
  }
  EXPECT_FALSE(IsPurpose("delivery "));
  EXPECT_NE(ChallengeFor(kDomain, kPurposeDelivery).Digest(), ChallengeFor(kDomain, kPurposeDirectory).Digest());
  EXPECT_NE(ChallengeFor(kDomain, kPurposeDelivery).Digest(), ChallengeFor("example.com", kPurposeDelivery).Digest());
}

}  // namespace
}  // namespace plumbline::tokens
