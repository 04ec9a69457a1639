#include "common/identity/credential_renewal.h"

#include <gtest/gtest.h>

#include "tests/common/certificates.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;

TEST(CredentialRenewal, IsReadInOneWayAndTheFormIsTheOneThatIsWritten) {
  CredentialRenewal renewal{"mimi://example.org/u/alice", {}, {}, {}, 0x0102030405060708};
  renewal.device_id.fill(1);
  renewal.mls_signature_public_key.fill(2);
  renewal.former_credential_hash.fill(3);
  const Bytes wire = Encode(renewal);
  EXPECT_EQ(wire, Concat({Bytes{1, 26}, AsBytes("mimi://example.org/u/alice"), Bytes(16, 1), Bytes(32, 2), Bytes(32, 3),
                          Bytes{1, 2, 3, 4, 5, 6, 7, 8}}));
  ASSERT_OK_AND_ASSIGN(const CredentialRenewal back, ParseCredentialRenewal(wire));
  EXPECT_EQ(back, renewal);
  for (size_t i = 0; i < wire.size(); ++i) {
    EXPECT_THAT(ParseCredentialRenewal(ByteView(wire).first(i)), StatusIs(absl::StatusCode::kInvalidArgument)) << i;
  }
  EXPECT_THAT(ParseCredentialRenewal(Concat({wire, Bytes{0}})), StatusIs(absl::StatusCode::kInvalidArgument));
  Bytes other = wire;
  other[0] = 2;
  EXPECT_THAT(ParseCredentialRenewal(other), StatusIs(absl::StatusCode::kInvalidArgument)) << "another version";
  renewal.user = "mimi://Example.org/u/alice";
  EXPECT_THAT(ParseCredentialRenewal(Encode(renewal)), StatusIs(absl::StatusCode::kInvalidArgument)) << "a name in another spelling";
}

TEST(CredentialRenewal, IsDueInTheLastThirdAndOverdueInTheLastSixth) {
  const absl::Time begin = absl::FromUnixSeconds(1'790'000'000);
  const testing::TestOrganisation organisation(begin);
  const absl::Duration day = absl::Hours(24);
  crypto::LeafSpec spec = organisation.Spec(crypto::P256PrivateKey::Generate(), crypto::Purpose::kTlsClient);
  spec.validity = {begin, begin + 300 * day};
  const crypto::Certificate year = organisation.Leaf(spec);
  EXPECT_FALSE(CredentialIsDue(year, begin + 200 * day));
  EXPECT_TRUE(CredentialIsDue(year, begin + 200 * day + absl::Seconds(1)));
  EXPECT_TRUE(CredentialIsDue(year, begin + 400 * day)) << "ended";
  EXPECT_FALSE(CredentialIsOverdue(year, begin + 250 * day));
  EXPECT_TRUE(CredentialIsOverdue(year, begin + 250 * day + absl::Seconds(1)));
  // Its authority was replaced and ends sooner, or later.
  EXPECT_EQ(CredentialEnd(year, begin + 150 * day), begin + 150 * day);
  EXPECT_EQ(CredentialEnd(year, begin + 500 * day), begin + 300 * day);
  EXPECT_TRUE(CredentialIsDue(year, begin, begin + 500 * day)) << "there is another authority, so at once";
  EXPECT_FALSE(CredentialIsOverdue(year, begin, begin + 150 * day));
  EXPECT_TRUE(CredentialIsOverdue(year, begin + 101 * day, begin + 150 * day));
  // Cut short, with little left from the first: not twice on one day.
  spec.validity = {begin, begin + day};
  const crypto::Certificate cut = organisation.Leaf(spec);
  EXPECT_FALSE(CredentialIsDue(cut, begin + day - absl::Seconds(1)));
  EXPECT_TRUE(CredentialIsDue(cut, begin + day));
}

}  // namespace
}  // namespace plumbline::identity
