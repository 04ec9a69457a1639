#include <gtest/gtest.h>

#include <map>

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
  EXPECT_OK(CheckGrant(wire, key.public_key(), kNow + absl::Hours(24 * 28)));
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

// When a mailbox ends must not tell on which day it was opened.
TEST(MailboxGrant, EndsOnOneDayForAllOfAWeek) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  std::map<uint32_t, int> ends;
  for (uint32_t day = 0; day < 7 * kGrantDaysApart; ++day) {
    const absl::Time issued = kNow + absl::Hours(24 * day);
    const uint32_t end = IssueGrant(key, issued)->expires_day;
    EXPECT_GE(end, DayOf(issued) + 28);
    EXPECT_LE(end, DayOf(issued) + kGrantLifeDays);
    ++ends[end];
  }
  EXPECT_LE(ends.size(), 8u);
  EXPECT_GE(ends.size(), 7u);
}

}  // namespace
}  // namespace plumbline::identity
