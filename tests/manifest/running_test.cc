// What a service says of itself is believed under its certificate, and not otherwise.
#include "common/manifest/running.h"

#include <gmock/gmock.h>

#include "plumbline/config/v1/server.pb.h"
#include "tests/common/certificates.h"
#include "tests/status_matchers.h"

namespace plumbline {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;
using metadata::v1::GetManifestResponse;

constexpr char kDelivery[] = "plumbline://example.org/service/delivery";
constexpr char kKeyserver[] = "plumbline://example.org/service/keyserver";

class Running : public ::testing::Test {
 protected:
  GetManifestResponse Signed(const std::string& says = kDelivery, const std::string& certified = kDelivery,
                             crypto::Purpose purpose = crypto::Purpose::kTlsPeer) {
    crypto::LeafSpec spec = organisation_.Spec(key_, purpose);
    spec.uris = {certified};
    const std::string chain = crypto::ToPemChain({organisation_.Leaf(spec), organisation_.issuing, organisation_.root});
    return testing::ValueOf(manifest::Sign(manifest::Describe(says, config::v1::ServerConfig()), now_, chain, key_.ToPem()));
  }
  absl::Status Verify(const GetManifestResponse& answer, absl::Time at) const {
    return manifest::Verify(answer, kDelivery, organisation_.root, at).status();
  }
  absl::Status Verify(const GetManifestResponse& answer) const { return Verify(answer, now_); }
  static auto Refused(const char* why) { return StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(why)); }

  const testing::TestOrganisation organisation_;
  const absl::Time now_ = organisation_.now;
  const crypto::P256PrivateKey key_ = crypto::P256PrivateKey::Generate();
};

TEST_F(Running, IsBelievedFromTheService) {
  const auto told = testing::ValueOf(manifest::Verify(Signed(), kDelivery, organisation_.root, now_));
  EXPECT_EQ(told.service(), kDelivery);
  EXPECT_GT(told.manifest().field_size(), 200);
}

TEST_F(Running, AChangedByteIsNot) {
  GetManifestResponse answer = Signed();
  answer.mutable_running()->back() ^= 1;
  EXPECT_THAT(Verify(answer), Refused("the signature is wrong"));
}

TEST_F(Running, AnotherServiceIsNot) {
  EXPECT_THAT(Verify(Signed(kKeyserver, kKeyserver)), Refused("certificate is another service's"));
  EXPECT_THAT(Verify(Signed(kKeyserver, kDelivery)), Refused("it is another service's"));
}

TEST_F(Running, AnotherOrganisationIsNot) {
  const testing::TestOrganisation other(now_);
  EXPECT_THAT(manifest::Verify(Signed(), kDelivery, other.root, now_).status(), Refused("manifest_invalid"));
}

// A device's certificate is no service's, whatever it names.
TEST_F(Running, ACertificateForAnotherPurposeIsNot) { EXPECT_THAT(Verify(Signed(kDelivery, kDelivery, crypto::Purpose::kTlsClient)), Refused("its certificate")); }

TEST_F(Running, OutsideOfItsCertificatesLifeIsNot) {
  EXPECT_THAT(Verify(Signed(), now_ + absl::Hours(23)), IsOk());
  EXPECT_THAT(Verify(Signed(), now_ + absl::Hours(25)), Refused("its certificate"));
  // Signed by somebody who got hold of the key, for a time that was not its.
  crypto::LeafSpec spec = organisation_.Spec(key_, crypto::Purpose::kTlsPeer);
  spec.uris = {kDelivery};
  const std::string chain = crypto::ToPemChain({organisation_.Leaf(spec), organisation_.issuing});
  for (const absl::Duration off : {absl::Hours(-2), absl::Hours(25)}) {
    const auto other = testing::ValueOf(manifest::Sign(manifest::Describe(kDelivery, config::v1::ServerConfig()), now_ + off, chain, key_.ToPem()));
    EXPECT_THAT(Verify(other), Refused("of another time than its certificate"));
  }
}

TEST_F(Running, UnderAReplacedAuthorityIsNot) {
  crypto::ReplacedIssuers replaced;
  replaced.Add(organisation_.issuing, now_ - absl::Hours(1));
  EXPECT_THAT(manifest::Verify(Signed(), kDelivery, organisation_.root, now_, replaced).status(), Refused("authority_replaced"));
}

TEST_F(Running, GarbageIsNot) {
  EXPECT_THAT(Verify(GetManifestResponse()), Refused("certificates are missing"));
  GetManifestResponse answer = Signed();
  answer.set_certificates(0, "x");
  EXPECT_THAT(Verify(answer), Refused("a certificate is malformed"));
  answer = Signed();
  answer.set_running(std::string(manifest::kMaxRunning + 1, 'x'));
  EXPECT_THAT(Verify(answer), Refused("too large"));
}

TEST_F(Running, AnotherSettingIsAnotherDigest) {
  config::v1::ServerConfig before, after;
  before.mutable_retention()->set_envelope_days(30);
  after.mutable_retention()->set_envelope_days(60);
  EXPECT_NE(manifest::ShortDigest(manifest::Describe(kDelivery, before)), manifest::ShortDigest(manifest::Describe(kDelivery, after)));
  auto later = manifest::Describe(kDelivery, before);
  later.set_made_unix(1);
  EXPECT_EQ(manifest::ShortDigest(manifest::Describe(kDelivery, before)), manifest::ShortDigest(later));
}

}  // namespace
}  // namespace plumbline
