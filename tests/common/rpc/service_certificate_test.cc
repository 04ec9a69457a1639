// What a service keeps of its certificate, what it takes up, and that listeners show it without a pause.
#include "common/rpc/service_certificate.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/live_identity.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/rpc/echo.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::rpc {
namespace {

using crypto::Purpose;
using plumbline::testing::EchoService;
using plumbline::testing::IsOk;
using plumbline::testing::MakeIdentity;
using plumbline::testing::Say;
using plumbline::testing::ScratchDir;
using plumbline::testing::StatusIs;
using plumbline::testing::TestOrganisation;
using plumbline::testing::ValueOf;
using ::testing::StartsWith;

constexpr char kUri[] = "plumbline://example.org/service/delivery";

// A service whose ceremony certified it for a day.
struct Service {
  crypto::LeafSpec Spec(ByteView spki, absl::Duration begins, absl::Duration ends) const {
    crypto::LeafSpec spec;
    spec.spki = ToBytes(spki);
    spec.uris = {kUri};
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1"};
    spec.purpose = Purpose::kTlsPeer;
    spec.validity = {org.now + begins, org.now + ends};
    return spec;
  }
  TlsIdentity Ceremony(absl::Duration begins = -absl::Hours(1), absl::Duration ends = absl::Hours(24)) const {
    return {crypto::ToPemChain({org.Leaf(Spec(key.spki(), begins, ends)), org.issuing, org.root}), key.ToPem()};
  }
  absl::StatusOr<std::unique_ptr<ServiceCertificate>> Open(absl::StatusOr<TlsIdentity> ceremony, absl::Duration after = {}) const {
    return ServiceCertificate::Open({path, Secret::CopyOf(wrapping.view()), org.root, kUri}, std::move(ceremony), *live, org.now + after);
  }
  // The key server's answer to what the service asks for.
  absl::Status Renew(ServiceCertificate& certificate, absl::Duration ends = absl::Hours(48)) const {
    const crypto::CertificateRequest csr = ValueOf(crypto::CertificateRequest::Parse(ValueOf(certificate.Request())));
    return certificate.Install(org.Leaf(Spec(csr.spki(), absl::ZeroDuration(), ends)).der(), org.issuing.der(), org.now);
  }

  const TestOrganisation org;
  const ScratchDir scratch;
  const std::string path = scratch / "tls.kept";
  const Secret wrapping = Secret::Random(32);
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const std::unique_ptr<LiveIdentity> live = ValueOf(LiveIdentity::Create());
};

TEST(ServiceCertificate, IsKeptOverARestart) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  const crypto::Certificate first = certificate->leaf();
  ASSERT_OK(one.Renew(*certificate));
  const crypto::Certificate renewed = certificate->leaf();
  EXPECT_NE(first.spki(), renewed.spki());
  EXPECT_EQ(ValueOf(one.Open(one.Ceremony()))->leaf(), renewed);
  EXPECT_EQ(ValueOf(one.Open(absl::FailedPreconditionError("ended"), absl::Hours(30)))->leaf(), renewed) << "the ceremony's is over";
}

// Between the question and the answer the service may die: it asks with the same key, or the key server would see two.
TEST(ServiceCertificate, AsksWithTheSameKeyUntilItIsAnswered) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  const auto asked = [](ServiceCertificate& by) { return ValueOf(crypto::CertificateRequest::Parse(ValueOf(by.Request()))).spki(); };
  const Bytes first = asked(*certificate);
  EXPECT_EQ(asked(*certificate), first);
  certificate = ValueOf(one.Open(one.Ceremony()));
  EXPECT_EQ(asked(*certificate), first);
  ASSERT_OK(one.Renew(*certificate));
  EXPECT_NE(asked(*certificate), first);
}

TEST(ServiceCertificate, ALaterCeremonyBeginsAnew) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  ASSERT_OK(one.Renew(*certificate));
  const TlsIdentity later = one.Ceremony(absl::Hours(1), absl::Hours(70));
  certificate = ValueOf(one.Open(later.Copy(), absl::Hours(2)));
  EXPECT_EQ(certificate->leaf().spki(), one.key.spki());
  EXPECT_FALSE(ParseKeptCertificate(ValueOf(ReadSecretFile(one.path, 1 << 16)).view())->current.has_value());
}

TEST(ServiceCertificate, NothingIsShownWhereBothHaveEnded) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  ASSERT_OK(one.Renew(*certificate));
  EXPECT_THAT(one.Open(absl::FailedPreconditionError("certificate_expired: the remedy"), absl::Hours(49)),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("certificate_expired: the remedy")));
}

// Everything that a key server which is not ours, or not well, can answer.
TEST(ServiceCertificate, TakesUpOnlyWhatItAskedFor) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  const auto install = [&](const crypto::LeafSpec& spec, const crypto::Certificate& issuing, const crypto::Certificate& by,
                           const crypto::P256PrivateKey& by_key) {
    return certificate->Install(ValueOf(crypto::IssueLeaf(by, by_key, spec)).der(), issuing.der(), one.org.now);
  };
  EXPECT_THAT(install(one.Spec(one.key.spki(), {}, absl::Hours(48)), one.org.issuing, one.org.issuing, one.org.issuing_key),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("certificate_unexpected: ")));
  const Bytes spki = ValueOf(crypto::CertificateRequest::Parse(ValueOf(certificate->Request()))).spki();
  const auto refused = StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("certificate_unacceptable: "));
  const crypto::LeafSpec good = one.Spec(spki, {}, absl::Hours(48));
  const TestOrganisation other;
  EXPECT_THAT(install(good, other.issuing, other.issuing, other.issuing_key), refused) << "another organisation";
  EXPECT_THAT(install(one.Spec(one.key.spki(), {}, absl::Hours(48)), one.org.issuing, one.org.issuing, one.org.issuing_key), refused)
      << "another key";
  EXPECT_THAT(install(one.Spec(spki, {}, absl::Hours(12)), one.org.issuing, one.org.issuing, one.org.issuing_key), refused) << "shorter";
  EXPECT_THAT(install(one.Spec(spki, -absl::Hours(3), -absl::Hours(1)), one.org.issuing, one.org.issuing, one.org.issuing_key), refused)
      << "over";
  crypto::LeafSpec named = good;
  named.uris = {"plumbline://example.org/service/admin"};
  EXPECT_THAT(install(named, one.org.issuing, one.org.issuing, one.org.issuing_key), refused) << "another service";
  crypto::LeafSpec purpose = good;
  purpose.purpose = Purpose::kTlsClient;
  EXPECT_THAT(install(purpose, one.org.issuing, one.org.issuing, one.org.issuing_key), refused) << "another purpose";
  EXPECT_THAT(certificate->Install({}, {}, one.org.now), refused);
  EXPECT_EQ(certificate->leaf().spki(), one.key.spki());
  EXPECT_OK(install(good, one.org.issuing, one.org.issuing, one.org.issuing_key));
  EXPECT_EQ(certificate->leaf().spki(), spki);
}

TEST(ServiceCertificate, AChangedFileIsRefusedAndHasNoKeyInIt) {
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  ASSERT_OK(one.Renew(*certificate));
  const Bytes file = ToBytes(ValueOf(ReadSecretFile(one.path, 1 << 16)).view());
  const Secret der = Secret::CopyOf(ValueOf(crypto::P256PrivateKey::FromPem(certificate->identity().key_pem)).der());
  EXPECT_EQ(ToString(file).find(ToString(der.view().subspan(40))), std::string::npos);
  for (size_t at : {size_t{3}, size_t{20}, file.size() - 1}) {
    SCOPED_TRACE(at);
    Bytes changed = file;
    changed[at] ^= 1;
    ASSERT_OK(WriteFileAtomically(one.path, changed, 0600));
    EXPECT_FALSE(one.Open(absl::FailedPreconditionError("ended")).ok());
  }
  ASSERT_OK(WriteFileAtomically(one.path, file, 0600));
  EXPECT_OK(one.Open(absl::FailedPreconditionError("ended")).status());
}

TEST(KeptCertificate, ParsesWhatItEncodesAndNoPrefix) {
  const TestOrganisation org;
  const KeptCertificate all{KeptCertificate::Identity{Bytes(60, 7), org.issuing, org.root}, Bytes(50, 8)};
  for (const KeptCertificate& each : {KeptCertificate{}, KeptCertificate{std::nullopt, Bytes(50, 8)}, all}) {
    const Bytes wire = Encode(each);
    EXPECT_EQ(ValueOf(ParseKeptCertificate(wire)), each);
    for (size_t n = 0; n < wire.size(); ++n) EXPECT_FALSE(ParseKeptCertificate(ByteView(wire).first(n)).ok()) << n;
    Bytes longer = wire;
    longer.push_back(0);
    EXPECT_FALSE(ParseKeptCertificate(longer).ok());
  }
}

TEST(WearOfCertificate, GrowsWithItsAge) {
  const TestOrganisation org;
  crypto::LeafSpec spec = org.Spec(crypto::P256PrivateKey::Generate(), Purpose::kTlsPeer);
  spec.validity = {org.now - crypto::kBackdate, org.now + absl::Hours(4)};
  const crypto::Certificate leaf = org.Leaf(spec);
  const absl::Time begin = leaf.not_before() + crypto::kBackdate;
  EXPECT_EQ(WearOf(leaf, begin + absl::Minutes(119)), Wear::kGood);
  EXPECT_EQ(WearOf(leaf, begin + absl::Minutes(121)), Wear::kDue);
  EXPECT_EQ(WearOf(leaf, begin + absl::Minutes(181)), Wear::kOverdue);
  EXPECT_EQ(WearOf(leaf, begin + absl::Hours(5)), Wear::kOverdue);
}

// New connections see the new certificate; a connection that is open goes on; no call is lost meanwhile.
TEST(LiveIdentity, IsReplacedWhileTheListenerServes) {
  ASSERT_OK(PinTls13());
  Service one;
  auto certificate = ValueOf(one.Open(one.Ceremony()));
  WorkerPool pool(2, 16);
  EchoService service(pool, [](const Caller&, const std::string& text, std::string& answer) {
    answer = text;
    return absl::OkStatus();
  });
  const std::string root_pem = one.org.root.ToPem();
  const auto listener =
      ValueOf(Listener::Start({.address = "127.0.0.1:0", .root_pem = root_pem}, ValueOf(AnonymousServerCredentials(*one.live)), {&service}));
  const Endpoint endpoint{absl::StrCat("127.0.0.1:", listener->port()), "", root_pem, std::nullopt};
  const auto shown = [&] {
    grpc::ClientContext context;
    test::v1::Text request, response;
    const auto channel = ValueOf(NewChannel(endpoint));
    EXPECT_TRUE(test::v1::Echo::NewStub(channel)->Say(&context, request, &response).ok());
    const auto pem = context.auth_context()->FindPropertyValues("x509_pem_cert");
    return pem.empty() ? Bytes() : ValueOf(crypto::Certificate::ParsePem(absl::string_view(pem[0].data(), pem[0].size()))).spki();
  };
  EXPECT_EQ(shown(), one.key.spki());
  const auto old_connection = ValueOf(NewChannel(endpoint));
  ASSERT_TRUE(Say(old_connection, "before").ok());
  ASSERT_OK(one.Renew(*certificate));
  const absl::Time end = absl::Now() + absl::Seconds(10);
  while (shown() != certificate->leaf().spki() && absl::Now() < end) EXPECT_TRUE(Say(old_connection, "meanwhile").ok());
  EXPECT_EQ(shown(), certificate->leaf().spki());
  EXPECT_TRUE(Say(old_connection, "after").ok());
}

TEST(LiveIdentity, RefusesAKeyOfAnotherCertificateAndKeepsWhatItHas) {
  Service one;
  const TlsIdentity good = one.Ceremony();
  ASSERT_OK(one.live->Replace(good, one.org.root.ToPem()));
  const TlsIdentity mixed{good.chain_pem, crypto::P256PrivateKey::Generate().ToPem()};
  EXPECT_FALSE(one.live->Replace(mixed, one.org.root.ToPem()).ok());
  EXPECT_EQ(ValueOf(ReadTextFile(one.live->chain_path(), 1 << 16)), good.chain_pem);
}

// A connection outlives the certificate it was opened with; what is asked on it afterwards is refused.
TEST(CallerOfAConnection, IsRefusedOnceItsCertificateHasEnded) {
  ASSERT_OK(PinTls13());
  const TestOrganisation org;
  WorkerPool pool(2, 16);
  EchoService service(pool, [](const Caller&, const std::string& text, std::string& answer) {
    answer = text;
    return absl::OkStatus();
  });
  const std::string root_pem = org.root.ToPem();
  const auto listener = ValueOf(Listener::Start(
      {.address = "127.0.0.1:0", .root_pem = root_pem}, ValueOf(MutualServerCredentials(MakeIdentity(org, Purpose::kTlsServer), root_pem)), {&service}));
  const absl::Time ends = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) + 4);
  const auto channel = ValueOf(NewChannel({absl::StrCat("127.0.0.1:", listener->port()), "", root_pem,
                                           MakeIdentity(org, Purpose::kTlsClient, crypto::Validity{org.now - absl::Hours(1), ends})}));
  ASSERT_TRUE(Say(channel, "good").ok());
  grpc::Status status;
  do {
    status = Say(channel, "still");
  } while (status.ok() && absl::Now() < ends + absl::Seconds(10));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), StartsWith("certificate_expired: "));
  EXPECT_GE(absl::Now(), ends);
}

}  // namespace
}  // namespace plumbline::rpc
