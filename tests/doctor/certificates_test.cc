#include "doctor/certificates.h"

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/doctor/findings.h"

namespace plumbline::doctor {
namespace {

using crypto::Purpose;
using ::testing::HasSubstr;
using testing::TestOrganisation;

constexpr char kUri[] = "plumbline://example.org/service/keyserver";

class CertificatesTest : public ::testing::Test {
 protected:
  // An organisation with ten years before it.
  CertificatesTest() : organisation_(absl::Now(), absl::Hours(24 * 3650)) {
    service_.kind = ServiceKind::kKeyserver;
    service_.title = "key server";
    service_.domain = "example.org";
    service_.listeners = {{.field = "device_listen", .address = "127.0.0.1:1", .name = "localhost"}};
    installation_.services = {service_};
  }
  crypto::LeafSpec Spec(absl::Duration left) const {
    crypto::LeafSpec spec = organisation_.Spec(key_, Purpose::kTlsPeer);
    spec.uris = {kUri};
    spec.validity = {organisation_.now - absl::Hours(24 * 60), organisation_.now + left};
    return spec;
  }
  Shown With(const crypto::LeafSpec& spec) const {
    return {&service_, &service_.listeners[0], {organisation_.Leaf(spec), organisation_.issuing, organisation_.root}};
  }
  Finding Judge(const Shown& shown, const std::string& check = "certificates.service") const {
    Report report;
    JudgeShown(shown, organisation_.root, organisation_.now, report);
    return Of(report, check);
  }

  const TestOrganisation organisation_;
  const crypto::P256PrivateKey key_ = crypto::P256PrivateKey::Generate();
  Service service_{};
  Installation installation_;
  const testing::ScratchDir folder_;
};

TEST_F(CertificatesTest, ALifeOfAService) {
  EXPECT_THAT(Judge(With(Spec(absl::Hours(24 * 60)))), IsOk());
  EXPECT_THAT(Judge(With(Spec(-absl::Hours(1)))), IsFailed());
  EXPECT_THAT(Judge(With(Spec(-absl::Hours(5)))).found, HasSubstr("ended 5 hours ago"));
  // Two weeks, as they are by default.
  const auto two_weeks = [&](absl::Duration left) {
    crypto::LeafSpec spec = Spec(left);
    spec.validity.not_before = spec.validity.not_after - absl::Hours(24 * 14) - crypto::kBackdate;
    return Judge(With(spec));
  };
  EXPECT_THAT(two_weeks(absl::Hours(24 * 6)), IsOk());
  EXPECT_THAT(two_weeks(absl::Hours(24 * 5)), IsWarning());
  EXPECT_THAT(two_weeks(absl::Hours(24)), IsFailed());
  crypto::LeafSpec early = Spec(absl::Hours(24 * 60));
  early.validity.not_before = organisation_.now + absl::Hours(3);
  EXPECT_THAT(Judge(With(early)).remedy, HasSubstr("clock"));
}

TEST_F(CertificatesTest, AnotherServicesNameOrOrganisation) {
  crypto::LeafSpec spec = Spec(absl::Hours(24 * 60));
  spec.uris = {"plumbline://example.org/service/delivery"};
  EXPECT_THAT(Judge(With(spec)), IsFailed());
  service_.listeners[0].name = "keys.example.org";
  EXPECT_THAT(Judge(With(Spec(absl::Hours(24 * 60)))).found, HasSubstr("does not carry the name keys.example.org"));
  service_.listeners[0].name = "127.0.0.1";
  EXPECT_THAT(Judge(With(Spec(absl::Hours(24 * 60)))), IsOk());
  const TestOrganisation other;
  Shown shown = With(Spec(absl::Hours(24 * 60)));
  Report report;
  JudgeShown(shown, other.root, other.now, report);
  EXPECT_THAT(Of(report, "certificates.service").found, HasSubstr("not of the organisation"));
}

TEST_F(CertificatesTest, TheIssuingOneEndsToo) {
  EXPECT_THAT(Judge(With(Spec(absl::Hours(24 * 60))), "certificates.issuing"), IsOk());
  const TestOrganisation old(absl::Now(), absl::Hours(24 * 100));
  const Shown shown = {&service_, &service_.listeners[0], {old.Leaf(Spec(absl::Hours(24 * 60))), old.issuing, old.root}};
  Report report;
  JudgeShown(shown, old.root, old.now, report);
  EXPECT_THAT(Of(report, "certificates.issuing"), IsWarning());
}

TEST_F(CertificatesTest, OfAReplacedAuthorityItRenewsBeforeThatEnds) {
  crypto::LeafSpec spec = Spec(absl::Hours(24 * 10));  // of 14 days, so it renews in three
  spec.validity.not_before = spec.validity.not_after - absl::Hours(24 * 14);
  const auto judge = [&](absl::Duration ends_in) {
    crypto::ReplacedIssuers replaced;
    replaced.Add(organisation_.issuing, organisation_.now + ends_in);
    Report report;
    JudgeAuthority(With(spec), replaced, organisation_.now, report);
    return Of(report, "certificates.authority");
  };
  EXPECT_THAT(judge(absl::Hours(24 * 4)), IsOk());
  EXPECT_THAT(judge(absl::Hours(24 * 3)), IsWarning());
  EXPECT_THAT(judge(absl::ZeroDuration()), IsFailed());
  EXPECT_THAT(judge(-absl::Hours(5)).found, HasSubstr("ended 5 hours ago"));
  Report none;
  JudgeAuthority(With(spec), {}, organisation_.now, none);
  crypto::ReplacedIssuers another;
  another.Add(TestOrganisation().issuing, organisation_.now);
  JudgeAuthority(With(spec), another, organisation_.now, none);
  EXPECT_TRUE(none.findings().empty());
}

TEST_F(CertificatesTest, TheRootIsTheOneThatConfigurationsName) {
  const std::vector<Shown> shown = {With(Spec(absl::Hours(24 * 60)))};
  Report by_word;
  EXPECT_EQ(FindRoot(installation_, shown, organisation_.now, by_word), organisation_.root);
  EXPECT_THAT(Of(by_word, "certificates.pin"), IsNotChecked());
  installation_.services[0].fingerprint = organisation_.root.fingerprint();
  Report pinned;
  EXPECT_EQ(FindRoot(installation_, shown, organisation_.now, pinned), organisation_.root);
  EXPECT_THAT(Of(pinned, "certificates.root"), IsOk());
  EXPECT_EQ(pinned.findings().size(), 1u);
  installation_.services[0].fingerprint = crypto::Fingerprint::Of(AsBytes("another"));
  Report other;
  EXPECT_EQ(FindRoot(installation_, shown, organisation_.now, other), std::nullopt);
  EXPECT_THAT(Of(other, "certificates.root"), IsFailed());
  Report none;
  EXPECT_EQ(FindRoot(installation_, {}, organisation_.now, none), std::nullopt);
  EXPECT_THAT(Of(none, "certificates.root"), IsNotChecked());
}

TEST_F(CertificatesTest, TheRootEndsToo) {
  const TestOrganisation old(absl::Now(), absl::Hours(24 * 200));
  const std::vector<Shown> shown = {{&service_, &service_.listeners[0], {old.Leaf(Spec(absl::Hours(24 * 60))), old.issuing, old.root}}};
  Report report;
  FindRoot(installation_, shown, old.now, report);
  EXPECT_THAT(Of(report, "certificates.root"), IsWarning());
}

TEST_F(CertificatesTest, AFileThatTheServiceDoesNotShowYet) {
  service_.certificate_file = folder_ / "server.pem";
  const std::vector<Shown> shown = {With(Spec(absl::Hours(24 * 60)))};
  const auto check = [&] {
    Report report;
    CheckCertificateFiles(service_, shown, organisation_.root, organisation_.now, report);
    return Of(report, "certificates.file");
  };
  EXPECT_THAT(check(), IsFailed());
  CHECK(assess::WriteFile(service_.certificate_file, shown[0].chain[0].ToPem()).ok());
  EXPECT_THAT(check(), IsOk());
  crypto::LeafSpec newer = Spec(absl::Hours(24 * 80)), older = Spec(-absl::Hours(1));
  newer.validity.not_before = organisation_.now - absl::Hours(24);
  CHECK(assess::WriteFile(service_.certificate_file, organisation_.Leaf(newer).ToPem()).ok());
  EXPECT_THAT(check().remedy, HasSubstr("Restart"));
  CHECK(assess::WriteFile(service_.certificate_file, organisation_.Leaf(older).ToPem()).ok());
  EXPECT_THAT(check(), IsOk()) << "it was renewed since";
}

TEST_F(CertificatesTest, ATrustFile) {
  service_.trust_file = folder_ / "trust.pem";
  std::string pem = organisation_.root.ToPem();
  for (const char* role : {"directory", "grants", "tokens"}) {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(crypto::Ed25519KeyPair::Generate().public_key());
    spec.uris = {absl::StrCat("plumbline://example.org/role/", role)};
    spec.purpose = Purpose::kRoleSignature;
    spec.validity = {organisation_.now - absl::Hours(1), organisation_.now + absl::Hours(24)};
    absl::StrAppend(&pem, testing::ValueOf(crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec)).ToPem());
  }
  const auto check = [&](const crypto::Certificate& root, absl::Time now) {
    Report report;
    CheckCertificateFiles(service_, {}, root, now, report);
    return Of(report, "certificates.trust");
  };
  EXPECT_THAT(check(organisation_.root, organisation_.now), IsFailed());  // not there
  CHECK(assess::WriteFile(service_.trust_file, pem).ok());
  EXPECT_THAT(check(organisation_.root, organisation_.now), IsOk());
  EXPECT_THAT(check(organisation_.root, organisation_.now + absl::Hours(48)), IsFailed());
  EXPECT_THAT(check(TestOrganisation().root, organisation_.now), IsFailed());
}

}  // namespace
}  // namespace plumbline::doctor
