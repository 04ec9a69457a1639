#include <gtest/gtest.h>

#include "common/identity/grant.h"
#include "common/identity/pass.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
const absl::Time kNow = absl::FromUnixSeconds(1795392000 + 17);

TEST(Pass, RoundTripsAndRefusesMalformedBytes) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const Pass pass = IssuePass(key, ChallengeDigest("example.org", kPurposeDelivery), kNow);
  const Bytes wire = Encode(pass);
  EXPECT_EQ(wire.size(), kPassSize);
  ASSERT_OK_AND_ASSIGN(const Pass parsed, ParsePass(wire));
  EXPECT_EQ(parsed, pass);
  testing::RefusesTruncationAndExtension(wire, ParsePass);
  testing::AcceptsOnlyCanonicalForms(wire, ParsePass, [](const Pass& p) { return Encode(p); });
}

TEST(Pass, IsGoodForTenMinutesAndTheRestOfThatMinute) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const Hash digest = ChallengeDigest("example.org", kPurposeDelivery);
  const Bytes wire = Encode(IssuePass(key, digest, kNow));
  EXPECT_OK(CheckPass(wire, key.public_key(), digest, kNow));
  EXPECT_OK(CheckPass(wire, key.public_key(), digest, kNow + absl::Minutes(10)));
  EXPECT_THAT(CheckPass(wire, key.public_key(), digest, kNow + absl::Minutes(11)),
              StatusIs(kUnauthenticated, StartsWith("token_expired: ")));
  EXPECT_EQ(IssuePass(key, digest, kNow).expires_unix % 60, 0u);
}

TEST(Pass, IsRefusedForAnotherPurposeOrganisationOrKey) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const auto other = crypto::Ed25519KeyPair::Generate();
  const Hash digest = ChallengeDigest("example.org", kPurposeDelivery);
  const Bytes wire = Encode(IssuePass(key, digest, kNow));
  const auto refused = StatusIs(kUnauthenticated, StartsWith("token_invalid: "));
  EXPECT_THAT(CheckPass(wire, key.public_key(), ChallengeDigest("example.org", kPurposeDirectory), kNow),
              refused);
  EXPECT_THAT(CheckPass(wire, key.public_key(), ChallengeDigest("example.com", kPurposeDelivery), kNow),
              refused);
  EXPECT_THAT(CheckPass(wire, other.public_key(), digest, kNow), refused);
}

TEST(Pass, NoBitOfItCanBeChanged) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const Hash digest = ChallengeDigest("example.org", kPurposeDelivery);
  const Bytes wire = Encode(IssuePass(key, digest, kNow));
  for (size_t i = 0; i < wire.size(); ++i) {
    Bytes changed = wire;
    changed[i] ^= 0x10;
    EXPECT_THAT(CheckPass(changed, key.public_key(), digest, kNow),
                StatusIs(kUnauthenticated, StartsWith("token_invalid: ")))
        << i;
  }
}

TEST(MailboxGrant, RoundTripsAndRefusesMalformedBytes) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const MailboxGrant grant = IssueGrant(key, kNow);
  ASSERT_OK_AND_ASSIGN(const MailboxGrant parsed, ParseMailboxGrant(Encode(grant)));
  EXPECT_EQ(parsed, grant);
  testing::RefusesTruncationAndExtension(Encode(grant), ParseMailboxGrant);
  testing::AcceptsOnlyCanonicalForms(Encode(grant), ParseMailboxGrant,
                                     [](const MailboxGrant& g) { return Encode(g); });
}

TEST(MailboxGrant, LivesAtMostThirtyFiveDaysAndVerifiesOnlyUnderItsKey) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const auto other = crypto::Ed25519KeyPair::Generate();
  const Bytes wire = Encode(IssueGrant(key, kNow));
  EXPECT_OK(CheckGrant(wire, key.public_key(), kNow));
  EXPECT_OK(CheckGrant(wire, key.public_key(), kNow + absl::Hours(24 * 34)));
  EXPECT_THAT(CheckGrant(wire, key.public_key(), kNow + absl::Hours(24 * 35)),
              StatusIs(kUnauthenticated, StartsWith("grant_expired: ")));
  EXPECT_THAT(CheckGrant(wire, other.public_key(), kNow),
              StatusIs(kUnauthenticated, StartsWith("grant_invalid: ")));
  for (size_t i = 0; i < wire.size(); ++i) {
    Bytes changed = wire;
    changed[i] ^= 0x04;
    EXPECT_THAT(CheckGrant(changed, key.public_key(), kNow), StatusIs(kUnauthenticated)) << i;
  }
}

}  // namespace
}  // namespace plumbline::identity
