#include "client/authentication.h"

#include <gmock/gmock.h>

#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

struct Credentials {
  testing::TestOrganisation organisation;
  crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  Authentication authentication{organisation.root, "example.org"};

  crypto::LeafSpec Spec() const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {"mimi://example.org/u/bob", "mimi://example.org/d/" + std::string(32, 'a')};
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24)};
    return spec;
  }
  mls::Credential Credential(const crypto::LeafSpec& spec) const {
    return mls::Credential::X509({organisation.Leaf(spec).der(), organisation.issuing.der()});
  }
  absl::Status Validate(const mls::Credential& credential, absl::Time at) const {
    return authentication.Validate(credential, key.public_key().view(), at);
  }
};

TEST(Authentication, AcceptsADeviceOfTheOrganisation) {
  Credentials c;
  EXPECT_OK(c.Validate(c.Credential(c.Spec()), c.organisation.now));
}

TEST(Authentication, RefusesAnotherRoot) {
  Credentials c, other;
  EXPECT_THAT(c.Validate(other.Credential(c.Spec()), c.organisation.now), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Authentication, RefusesAnotherKey) {
  Credentials c;
  EXPECT_THAT(c.authentication.Validate(c.Credential(c.Spec()), RandomBytes(32), c.organisation.now),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("another signature key")));
}

TEST(Authentication, RefusesOutsideItsTime) {
  Credentials c;
  const mls::Credential credential = c.Credential(c.Spec());
  EXPECT_THAT(c.Validate(credential, c.organisation.now + absl::Hours(25)), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(c.Validate(credential, c.organisation.now - absl::Hours(2)), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Authentication, RefusesAnotherPurpose) {
  Credentials c;
  crypto::LeafSpec spec = c.Spec();
  spec.purpose = crypto::Purpose::kRoleSignature;
  EXPECT_THAT(c.Validate(c.Credential(spec), c.organisation.now), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Authentication, RefusesOtherNames) {
  Credentials c;
  const std::string device = "mimi://example.org/d/" + std::string(32, 'a');
  for (const std::vector<std::string>& uris : std::vector<std::vector<std::string>>{
           {"mimi://example.org/u/bob"},
           {device},
           {"mimi://example.org/u/bob", "mimi://example.org/u/alice"},
           {"mimi://example.org/u/bob", device, "mimi://example.org/u/alice"},
           {"mimi://elsewhere.org/u/bob", "mimi://elsewhere.org/d/" + std::string(32, 'a')},
           {"mimi://elsewhere.org/u/bob", device}}) {
    crypto::LeafSpec spec = c.Spec();
    spec.uris = uris;
    EXPECT_THAT(c.Validate(c.Credential(spec), c.organisation.now), StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST(Authentication, RefusesABasicCredential) {
  Credentials c;
  EXPECT_THAT(c.Validate(mls::Credential::Basic(AsBytes("bob")), c.organisation.now),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Authentication, SameClientIsTheSameDeviceOfTheSamePerson) {
  Credentials c;
  crypto::LeafSpec other = c.Spec();
  other.uris[1] = "mimi://example.org/d/" + std::string(32, 'b');
  EXPECT_TRUE(c.authentication.SameClient(c.Credential(c.Spec()), c.Credential(c.Spec())));
  EXPECT_FALSE(c.authentication.SameClient(c.Credential(c.Spec()), c.Credential(other)));
}

}  // namespace
}  // namespace plumbline::client
