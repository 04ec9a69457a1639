#include <gtest/gtest.h>

#include "common/identity/grant.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
const absl::Time kNow = absl::FromUnixSeconds(1795392000 + 17);

TEST(MailboxGrant, RoundTripsAndRefusesMalformedBytes) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const MailboxGrant grant = *IssueGrant(key, kNow);
  ASSERT_OK_AND_ASSIGN(const MailboxGrant parsed, ParseMailboxGrant(Encode(grant)));
  EXPECT_EQ(parsed, grant);
  testing::RefusesTruncationAndExtension(Encode(grant), ParseMailboxGrant);
  testing::AcceptsOnlyCanonicalForms(Encode(grant), ParseMailboxGrant,
                                     [](const MailboxGrant& g) { return Encode(g); });
}

TEST(MailboxGrant, LivesAtMostThirtyFiveDaysAndVerifiesOnlyUnderItsKey) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const auto other = crypto::Ed25519KeyPair::Generate();
  const Bytes wire = Encode(*IssueGrant(key, kNow));
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
