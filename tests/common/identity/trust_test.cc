#include "common/identity/trust.h"

#include <gtest/gtest.h>

#include "common/crypto/issue.h"
#include "common/identity/uri.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr char kDomain[] = "example.org";
const absl::Time kNow = absl::FromUnixSeconds(1795392000);
const crypto::Validity kYear = {kNow - absl::Hours(1), kNow + absl::Hours(24 * 365)};

struct Authority {
  crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::Certificate root = *crypto::MakeRoot(key, "Example root", kYear);

  crypto::Certificate Role(const std::string& uri,
                           crypto::Purpose purpose = crypto::Purpose::kRoleSignature) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(crypto::Ed25519KeyPair::Generate().public_key());
    spec.uris = {uri};
    spec.purpose = purpose;
    spec.validity = kYear;
    return *crypto::IssueLeaf(root, key, spec);
  }
  std::vector<crypto::Certificate> Roles() const {
    return {Role("plumbline://example.org/role/tokens"), Role("plumbline://example.org/role/directory"),
            Role("plumbline://example.org/role/grants")};
  }
};

TEST(Trust, ABundleYieldsTheKeyOfEachRole) {
  const Authority authority;
  const auto roles = authority.Roles();
  std::vector<crypto::Certificate> all = {authority.root};
  all.insert(all.end(), roles.begin(), roles.end());
  ASSERT_OK_AND_ASSIGN(const OrganisationTrust trust,
                       ParseTrustBundle(crypto::ToPemChain(all), kDomain, kNow));
  EXPECT_EQ(trust.tokens_key, *roles[0].ed25519_key());
  EXPECT_EQ(trust.directory_key, *roles[1].ed25519_key());
  EXPECT_EQ(trust.grants_key, *roles[2].ed25519_key());
}

TEST(Trust, RefusesRolesOfAnotherRootDomainPurposeOrTime) {
  const Authority authority, other;
  const auto roles = authority.Roles();
  EXPECT_FALSE(VerifyTrust(other.root, roles, {}, kDomain, kNow).ok());
  EXPECT_FALSE(VerifyTrust(authority.root, roles, {}, "example.com", kNow).ok());
  EXPECT_FALSE(VerifyTrust(authority.root, roles, {}, kDomain, kNow + absl::Hours(24 * 366)).ok());
  auto wrong_purpose = roles;
  wrong_purpose[0] = authority.Role("plumbline://example.org/role/tokens", crypto::Purpose::kMlsCredential);
  EXPECT_FALSE(VerifyTrust(authority.root, wrong_purpose, {}, kDomain, kNow).ok());
  auto mixed = roles;
  mixed[1] = other.Roles()[1];
  EXPECT_FALSE(VerifyTrust(authority.root, mixed, {}, kDomain, kNow).ok());
}

TEST(Trust, RefusesAMissingOrRepeatedRole) {
  const Authority authority;
  auto roles = authority.Roles();
  roles.push_back(authority.Role("plumbline://example.org/role/grants"));
  EXPECT_THAT(VerifyTrust(authority.root, roles, {}, kDomain, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument));
  roles.erase(roles.begin() + 2, roles.end());
  EXPECT_THAT(VerifyTrust(authority.root, roles, {}, kDomain, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::identity
