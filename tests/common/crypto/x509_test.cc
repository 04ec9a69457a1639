#include "common/crypto/x509.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/crypto/issue.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;
using ::plumbline::testing::ValueOf;
using ::plumbline::testing::TestOrganisation;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Certificate, SaysWhatItWasIssuedWith) {
  const TestOrganisation org;
  const P256PrivateKey key = P256PrivateKey::Generate();
  const Certificate leaf = org.Leaf(key, Purpose::kTlsClient);
  EXPECT_EQ(leaf.spki(), key.spki());
  EXPECT_THAT(leaf.uris(), ElementsAre("mimi://example.org/d/alice/1"));
  EXPECT_THAT(leaf.dns_names(), ElementsAre("localhost"));
  EXPECT_EQ(leaf.purpose(), Purpose::kTlsClient);
  EXPECT_FALSE(leaf.is_ca());
  EXPECT_EQ(leaf.serial().size(), 16u);
  EXPECT_EQ(leaf.not_after(), absl::FromTimeT(absl::ToTimeT(org.now + absl::Hours(24))));
  EXPECT_TRUE(org.root.is_ca());
  EXPECT_EQ(org.root.common_name(), "Test root");
  EXPECT_FALSE(org.root.purpose().has_value());
}

TEST(Certificate, SurvivesDerAndPem) {
  const TestOrganisation org;
  const Certificate leaf = org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsServer);
  ASSERT_OK_AND_ASSIGN(const Certificate from_der, Certificate::Parse(leaf.der()));
  ASSERT_OK_AND_ASSIGN(const Certificate from_pem, Certificate::ParsePem(leaf.ToPem()));
  EXPECT_EQ(from_der, leaf);
  EXPECT_EQ(from_pem, leaf);
  ASSERT_OK_AND_ASSIGN(const std::vector<Certificate> chain, ParsePemChain(ToPemChain({leaf, org.issuing, org.root})));
  EXPECT_THAT(chain, ElementsAre(leaf, org.issuing, org.root));
}

TEST(Certificate, RefusesEveryTruncationAndTrailingBytes) {
  const TestOrganisation org;
  Bytes der = org.root.der();
  for (size_t n = 0; n < der.size(); ++n) {
    EXPECT_THAT(Certificate::Parse(ByteView(der).first(n)), StatusIs(absl::StatusCode::kInvalidArgument)) << n;
  }
  der.push_back(0);
  EXPECT_THAT(Certificate::Parse(der), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Certificate, ChangedAnywhereItNeverVerifies) {
  const TestOrganisation org;
  const Certificate leaf = org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsClient);
  for (size_t i = 0; i < leaf.der().size(); ++i) {
    Bytes der = leaf.der();
    der[i] ^= 0x01;
    const auto parsed = Certificate::Parse(der);
    if (!parsed.ok()) continue;
    EXPECT_FALSE(VerifyChain(*parsed, {org.issuing}, org.root, org.now, Purpose::kTlsClient).ok()) << i;
  }
}

TEST(Certificate, RefusesPemThatIsNotOne) {
  EXPECT_FALSE(Certificate::ParsePem("").ok());
  EXPECT_FALSE(Certificate::ParsePem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").ok());
  EXPECT_FALSE(ParsePemChain(std::string(1 << 20, 'x')).ok());
  const TestOrganisation org;
  EXPECT_FALSE(ParsePemChain(org.root.ToPem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").ok());
}

TEST(VerifyChain, AcceptsEachPurposeForItself) {
  const TestOrganisation org;
  const P256PrivateKey key = P256PrivateKey::Generate();
  for (const Purpose purpose : {Purpose::kTlsServer, Purpose::kTlsClient, Purpose::kTlsPeer, Purpose::kMlsCredential,
                                Purpose::kRoleSignature}) {
    EXPECT_OK(VerifyChain(org.Leaf(key, purpose), {org.issuing}, org.root, org.now, purpose));
  }
}

TEST(VerifyChain, RefusesACertificateForAnotherPurpose) {
  const TestOrganisation org;
  const P256PrivateKey key = P256PrivateKey::Generate();
  const auto verify = [&](Purpose has, Purpose wanted) {
    return VerifyChain(org.Leaf(key, has), {org.issuing}, org.root, org.now, wanted);
  };
  EXPECT_THAT(verify(Purpose::kMlsCredential, Purpose::kTlsClient), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(verify(Purpose::kTlsClient, Purpose::kTlsServer), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(verify(Purpose::kTlsServer, Purpose::kTlsPeer), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(verify(Purpose::kTlsPeer, Purpose::kRoleSignature), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(verify(Purpose::kTlsPeer, Purpose::kTlsClient));
  EXPECT_THAT(VerifyChain(org.issuing, {}, org.root, org.now, Purpose::kTlsServer),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(VerifyChain, RefusesAnotherOrganisationOfTheSameName) {
  const TestOrganisation org, other;
  const Certificate leaf = other.Leaf(P256PrivateKey::Generate(), Purpose::kTlsClient);
  EXPECT_THAT(VerifyChain(leaf, {other.issuing, other.root}, org.root, org.now, Purpose::kTlsClient),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyChain(leaf, {org.issuing}, org.root, org.now, Purpose::kTlsClient),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(VerifyChain, RefusesAMissingIntermediate) {
  const TestOrganisation org;
  const Certificate leaf = org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsClient);
  EXPECT_THAT(VerifyChain(leaf, {}, org.root, org.now, Purpose::kTlsClient), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(VerifyChain, NamesExpiryAndAClockThatIsBehind) {
  const TestOrganisation org;
  const Certificate leaf = org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsClient);
  const auto at = [&](absl::Duration shift) {
    return VerifyChain(leaf, {org.issuing}, org.root, org.now + shift, Purpose::kTlsClient);
  };
  EXPECT_THAT(at(absl::Hours(25)), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("certificate_expired")));
  EXPECT_THAT(at(-absl::Hours(2)), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not_yet_valid")));
  EXPECT_OK(at(absl::Hours(23)));
}

// A leaf that signs another leaf, and an issuing authority below an issuing authority.
TEST(VerifyChain, RefusesIssuersThatMayNotIssue) {
  const TestOrganisation org;
  const P256PrivateKey leaf_key = P256PrivateKey::Generate();
  const Certificate leaf = org.Leaf(leaf_key, Purpose::kTlsPeer);
  EXPECT_THAT(IssueLeaf(leaf, leaf_key, org.Spec(leaf_key, Purpose::kTlsClient)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const P256PrivateKey deep_key = P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const Certificate deep, MakeIssuing(org.issuing, org.issuing_key, deep_key.spki(), "Deep",
                                                           {org.now - absl::Hours(1), org.now + absl::Hours(9)}));
  ASSERT_OK_AND_ASSIGN(const Certificate below, IssueLeaf(deep, deep_key, org.Spec(leaf_key, Purpose::kTlsClient)));
  EXPECT_THAT(VerifyChain(below, {deep, org.issuing}, org.root, org.now, Purpose::kTlsClient),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(IssueLeaf, CarriesAnEd25519KeyForAnMlsCredential) {
  const TestOrganisation org;
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  LeafSpec spec = org.Spec(P256PrivateKey::Generate(), Purpose::kMlsCredential);
  spec.spki = Ed25519Spki(key.public_key());
  const Certificate leaf = org.Leaf(spec);
  ASSERT_TRUE(leaf.ed25519_key().has_value());
  EXPECT_EQ(*leaf.ed25519_key(), key.public_key());
  EXPECT_OK(VerifyChain(leaf, {org.issuing}, org.root, org.now, Purpose::kMlsCredential));
}

TEST(IssueLeaf, NeverOutlivesItsIssuer) {
  const TestOrganisation org(absl::Now(), absl::Hours(10));
  LeafSpec spec = org.Spec(P256PrivateKey::Generate(), Purpose::kTlsClient);
  EXPECT_EQ(org.Leaf(spec).not_after(), org.issuing.not_after());
  spec.validity = {org.now + absl::Hours(11), org.now + absl::Hours(12)};
  EXPECT_THAT(IssueLeaf(org.issuing, org.issuing_key, spec), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IssueLeaf, RefusesSpecificationsThatBreakTheRules) {
  const TestOrganisation org;
  const LeafSpec good = org.Spec(P256PrivateKey::Generate(), Purpose::kTlsClient);
  const auto refuses = [&](auto change) {
    LeafSpec spec = good;
    change(spec);
    EXPECT_THAT(IssueLeaf(org.issuing, org.issuing_key, spec), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  refuses([](LeafSpec& s) { s.spki = Bytes(91); });
  refuses([](LeafSpec& s) { s.spki.clear(); });
  refuses([](LeafSpec& s) { s.spki.back() ^= 1; });  // not on the curve
  refuses([](LeafSpec& s) { s.uris = {"mimi://example.org/u/alice\nDNS:evil"}; });
  refuses([](LeafSpec& s) { s.uris = {""}; });
  refuses([](LeafSpec& s) { s.uris = std::vector<std::string>(9, "mimi://example.org/u/a"); });
  refuses([](LeafSpec& s) { s.ip_addresses = {"300.0.0.1"}; });
  refuses([](LeafSpec& s) { s.common_name = std::string(65, 'x'); });
  refuses([](LeafSpec& s) { s.uris.clear(), s.dns_names.clear(), s.ip_addresses.clear(); });
  EXPECT_THAT(IssueLeaf(org.issuing, org.root_key, good), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CertificateRequest, ProvesPossessionOfItsKey) {
  const P256PrivateKey key = P256PrivateKey::Generate();
  const Bytes der = CertificateRequest::Create(key);
  ASSERT_OK_AND_ASSIGN(const CertificateRequest request, CertificateRequest::Parse(der));
  EXPECT_EQ(request.spki(), key.spki());
}

TEST(CertificateRequest, RefusesEveryTruncationAndChange) {
  const Bytes der = CertificateRequest::Create(P256PrivateKey::Generate());
  for (size_t n = 0; n < der.size(); ++n) {
    EXPECT_FALSE(CertificateRequest::Parse(ByteView(der).first(n)).ok()) << n;
    Bytes changed = der;
    changed[n] ^= 0x01;
    EXPECT_FALSE(CertificateRequest::Parse(changed).ok()) << n;
  }
}

TEST(P256PrivateKey, SurvivesPemAndRefusesOtherKeys) {
  const P256PrivateKey key = P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey again, P256PrivateKey::FromPem(key.ToPem()));
  EXPECT_EQ(again.spki(), key.spki());
  EXPECT_TRUE(Equal(again.der(), key.der()));
  EXPECT_THAT(P256PrivateKey::FromPem(Secret::CopyOf(AsBytes("nonsense"))), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(P256PrivateKey::FromDer(Bytes(100, 0x30)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(P256PrivateKey::FromDer({}), StatusIs(absl::StatusCode::kInvalidArgument));
}

// An independent implementation reads what we issue and comes to the same verdict.
// The former authority of `org`, which has another one since.
struct Succeeded {
  TestOrganisation org;
  P256PrivateKey next_key = P256PrivateKey::Generate();
  Certificate next = ValueOf(MakeIssuing(org.root, org.root_key, next_key.spki(), "Test issuing", {org.now - absl::Hours(1), org.now + absl::Hours(99)}));
  absl::Time end = org.now + absl::Minutes(10);
  ReplacedIssuers replaced = [&] {
    ReplacedIssuers out;
    out.Add(org.issuing, end);
    return out;
  }();
};

TEST(VerifyChain, AReplacedAuthorityCountsUntilItsEnd) {
  const Succeeded s;
  const P256PrivateKey key = P256PrivateKey::Generate();
  const Certificate leaf = s.org.Leaf(key, Purpose::kTlsServer);
  const Certificate by_next = ValueOf(IssueLeaf(s.next, s.next_key, s.org.Spec(key, Purpose::kTlsServer)));
  const auto verdict = [&](const Certificate& each, std::vector<Certificate> intermediates, absl::Time at) {
    return VerifyChain(each, intermediates, s.org.root, at, Purpose::kTlsServer, s.replaced);
  };
  EXPECT_OK(verdict(leaf, {s.org.issuing}, s.end - absl::Seconds(1)));
  const auto ended = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("authority_replaced: "));
  EXPECT_THAT(verdict(leaf, {s.org.issuing}, s.end), ended);
  // Whatever else is shown with it.
  EXPECT_THAT(verdict(leaf, {s.next, s.org.issuing}, s.end), ended);
  EXPECT_THAT(verdict(leaf, {s.org.issuing, s.next}, s.end), ended);
  EXPECT_OK(verdict(by_next, {s.org.issuing, s.next}, s.end));
  EXPECT_OK(VerifyChain(leaf, {s.org.issuing}, s.org.root, s.end, Purpose::kTlsServer)) << "for whoever has not heard of it";
}

TEST(VerifyChain, AnotherCertificateForItsKeyBringsNoAuthorityBack) {
  const Succeeded s;
  const Certificate again = ValueOf(MakeIssuing(s.org.root, s.org.root_key, s.org.issuing_key.spki(), "Test issuing",
                                                {s.org.now - absl::Hours(1), s.org.now + absl::Hours(200)}));
  const Certificate leaf = ValueOf(IssueLeaf(again, s.org.issuing_key, s.org.Spec(P256PrivateKey::Generate(), Purpose::kTlsClient)));
  EXPECT_THAT(VerifyChain(leaf, {again}, s.org.root, s.end, Purpose::kTlsClient, s.replaced),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("authority_replaced: ")));
}

TEST(VerifyIssuing, IsOfWhatTheRootCertifiedToIssueLeaves) {
  const TestOrganisation org, other;
  EXPECT_OK(VerifyIssuing(org.issuing, org.root, org.now));
  EXPECT_THAT(VerifyIssuing(org.issuing, other.root, org.now), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyIssuing(org.issuing, org.root, org.now + absl::Hours(24 * 400)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(VerifyIssuing(org.root, org.root, org.now), StatusIs(absl::StatusCode::kPermissionDenied));
  const Certificate of_root = ValueOf(IssueLeaf(org.root, org.root_key, org.Spec(P256PrivateKey::Generate(), Purpose::kTlsServer)));
  EXPECT_THAT(VerifyIssuing(of_root, org.root, org.now), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(Certificate, IsIssuedByWhoseKeySignedIt) {
  const Succeeded s;
  const Certificate leaf = s.org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsClient);
  EXPECT_TRUE(IsIssuedBy(leaf, s.org.issuing));
  EXPECT_FALSE(IsIssuedBy(leaf, s.next)) << "of the same name";
  EXPECT_FALSE(IsIssuedBy(leaf, s.org.root));
  EXPECT_FALSE(IsIssuedBy(leaf, leaf));
}

TEST(VerifyChain, AgreesWithTheOpensslProgram) {
  if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "OPENSSL PROGRAM NOT FOUND";
  const ScratchDir dir;
  const TestOrganisation org;
  const Certificate leaf = org.Leaf(P256PrivateKey::Generate(), Purpose::kTlsServer);
  std::ofstream(dir / "root.pem") << org.root.ToPem();
  std::ofstream(dir / "issuing.pem") << org.issuing.ToPem();
  std::ofstream(dir / "leaf.pem") << leaf.ToPem();
  const std::string command = "cd " + dir.path() +
                              " && openssl verify -x509_strict -CAfile root.pem -untrusted issuing.pem -purpose ";
  EXPECT_EQ(std::system((command + "sslserver leaf.pem >/dev/null 2>&1").c_str()), 0);
  EXPECT_NE(std::system((command + "sslclient leaf.pem >/dev/null 2>&1").c_str()), 0);
}

}  // namespace
}  // namespace plumbline::crypto
