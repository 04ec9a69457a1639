#include "mls/credential.h"

#include <gtest/gtest.h>

#include "mls/crypto/cipher_suite.h"
#include "mls/x509_authentication.h"
#include "tests/mls/test_certificates.h"
#include "tests/status_matchers.h"

namespace plumbline::mls {
namespace {

using testing::StatusIs;
using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

const absl::Time kNow = absl::FromUnixSeconds(1'750'000'000);
constexpr char kUser[] = "mimi://example.org/u/alice";
constexpr char kDevice[] = "mimi://example.org/d/00112233445566778899aabbccddeeff";
constexpr char kUsage[] = "2.25.1234";

Bytes Encode(const Credential& credential) {
  Writer out;
  WriteCredential(out, credential);
  return out.TakeBytes();
}

TEST(Credential, EveryTypeRoundTripsByteForByte) {
  const Credential unknown = {0xf00d, {1, 2, 3}};
  for (const Credential& credential :
       {Credential::Basic(AsBytes("alice")), Credential::Basic({}), Credential::X509({{1}, {2, 3}}), unknown}) {
    const Bytes wire = Encode(credential);
    Reader in(wire);
    ASSERT_OK_AND_ASSIGN(const Credential read, ReadCredential(in));
    EXPECT_OK(in.Done());
    EXPECT_EQ(read, credential);
    EXPECT_EQ(Encode(read), wire);
    for (size_t size = 0; size < wire.size(); ++size) {
      Reader cut(ByteView(wire).first(size));
      EXPECT_THAT(ReadCredential(cut), StatusIs(kInvalid)) << size;
    }
  }
}

TEST(Credential, RefusesCertificateListsThatAreEmptyMalformedOrTooLong) {
  const auto read = [](const Bytes& content) {
    const Bytes wire = Encode({kCredentialX509, content});
    Reader in(wire);
    return ReadCredential(in).status();
  };
  EXPECT_THAT(read({}), StatusIs(kInvalid));
  EXPECT_THAT(read({0}), StatusIs(kInvalid));           // an empty certificate
  EXPECT_THAT(read({2, 1}), StatusIs(kInvalid));        // cut
  EXPECT_THAT(read({0x40, 1, 9}), StatusIs(kInvalid));  // length not minimal
  Bytes nine;
  for (size_t i = 0; i <= kMaxCertificates; ++i) nine.insert(nine.end(), {1, 7});
  EXPECT_THAT(read(nine), StatusIs(kInvalid));
  EXPECT_OK(read(Bytes(nine.begin(), nine.end() - 2)));
  EXPECT_THAT(CertificateChain(Credential::Basic(Bytes{1, 7})), StatusIs(kInvalid));
}

// A root, an issuing authority under it, and a device under that.
struct Pki {
  TestKey device_key = TestKey::Ed25519();
  TestCertificate root = MakeTestCertificate(TestKey::P256(), nullptr, {.common_name = "root", .ca = true});
  TestCertificate issuer = MakeTestCertificate(TestKey::P256(), &root, {.common_name = "issuer", .ca = true});
  TestCertificateParams device = {
      .common_name = "device", .uris = {kUser, kDevice}, .extended_key_usage = kUsage};

  std::unique_ptr<X509AuthenticationService> Service() const {
    return *X509AuthenticationService::Create({.roots = {root.der}, .extended_key_usage = kUsage});
  }
  Credential Leaf(const TestCertificateParams& params) const {
    return Credential::X509({MakeTestCertificate(device_key, &issuer, params).der, issuer.der});
  }
  Bytes SignatureKey() const { return *ReadSubject(Leaf(device))->ed25519_key; }
  absl::Status Validate(const Credential& credential, absl::Time now = kNow) const {
    return Service()->Validate(credential, SignatureKey(), now);
  }
};

TEST(X509Authentication, AcceptsAChainWithAndWithoutItsRoot) {
  const Pki pki;
  const Bytes leaf = MakeTestCertificate(pki.device_key, &pki.issuer, pki.device).der;
  EXPECT_OK(pki.Validate(Credential::X509({leaf, pki.issuer.der})));
  EXPECT_OK(pki.Validate(Credential::X509({leaf, pki.issuer.der, pki.root.der})));
}

TEST(X509Authentication, ReadsKeyUrisAndDates) {
  const Bytes seed = Bytes(32, 3);
  Pki pki;
  pki.device_key = TestKey::Ed25519From(seed);
  ASSERT_OK_AND_ASSIGN(const CertificateSubject subject, ReadSubject(pki.Leaf(pki.device)));
  EXPECT_EQ(subject.uris, (std::vector<std::string>{kUser, kDevice}));
  EXPECT_EQ(subject.not_before, pki.device.not_before);
  EXPECT_EQ(subject.not_after, pki.device.not_after);
  // The certificate's key is the one the cipher suite signs with.
  const CipherSuite& suite = **CipherSuite::Get(1);
  ASSERT_OK_AND_ASSIGN(const Bytes signature, suite.Sign({Secret::CopyOf(seed)}, AsBytes("m")));
  EXPECT_OK(suite.Verify(*subject.ed25519_key, AsBytes("m"), signature));
}

TEST(X509Authentication, RefusesAnotherSignatureKey) {
  const Pki pki;
  Bytes other = pki.SignatureKey();
  other[0] ^= 1;
  const Credential credential = pki.Leaf(pki.device);
  EXPECT_THAT(pki.Service()->Validate(credential, other, kNow), StatusIs(kUnauthenticated, HasSubstr("another signature key")));
  EXPECT_THAT(pki.Service()->Validate(credential, {}, kNow), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, RefusesOutsideTheCertificatesTime) {
  const Pki pki;
  const Credential credential = pki.Leaf(pki.device);
  EXPECT_OK(pki.Validate(credential, pki.device.not_before));
  EXPECT_OK(pki.Validate(credential, pki.device.not_after - absl::Seconds(1)));
  EXPECT_THAT(pki.Validate(credential, pki.device.not_before - absl::Seconds(1)),
              StatusIs(kUnauthenticated, HasSubstr("not yet valid")));
  EXPECT_THAT(pki.Validate(credential, pki.device.not_after + absl::Seconds(1)),
              StatusIs(kUnauthenticated, HasSubstr("expired")));
}

// Of a member that was there before: it has to have been genuine, and all else holds as for a new one.
TEST(X509Authentication, AMembersCertificateMayHaveEnded) {
  const Pki pki;
  const Credential credential = pki.Leaf(pki.device);
  const auto service = pki.Service();
  const absl::Time late = pki.device.not_after + absl::Hours(24);
  EXPECT_OK(service->ValidateMember(credential, pki.SignatureKey(), kNow));
  EXPECT_OK(service->ValidateMember(credential, pki.SignatureKey(), late));
  EXPECT_THAT(service->Validate(credential, pki.SignatureKey(), late), StatusIs(kUnauthenticated, HasSubstr("expired")));
  EXPECT_THAT(service->ValidateMember(credential, pki.SignatureKey(), pki.device.not_before - absl::Seconds(1)),
              StatusIs(kUnauthenticated, HasSubstr("not yet valid")));
  EXPECT_THAT(service->ValidateMember(credential, Bytes(32, 1), late), StatusIs(kUnauthenticated, HasSubstr("another signature key")));
  EXPECT_THAT(service->ValidateMember(Credential::Basic(Bytes{1}), pki.SignatureKey(), late), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, RefusesAnExpiredIssuer) {
  Pki pki;
  pki.issuer = MakeTestCertificate(pki.issuer.key, &pki.root,
                                   {.common_name = "issuer", .not_after = kNow - absl::Hours(1), .ca = true});
  EXPECT_THAT(pki.Validate(pki.Leaf(pki.device)), StatusIs(kUnauthenticated, HasSubstr("expired")));
}

TEST(X509Authentication, RefusesAnotherRootEvenOfTheSameName) {
  const Pki pki;
  const Pki impostor;
  const Bytes leaf = MakeTestCertificate(pki.device_key, &impostor.issuer, pki.device).der;
  EXPECT_THAT(pki.Validate(Credential::X509({leaf, impostor.issuer.der})), StatusIs(kUnauthenticated));
  EXPECT_THAT(pki.Validate(Credential::X509({leaf, impostor.issuer.der, impostor.root.der})), StatusIs(kUnauthenticated));
  EXPECT_THAT(pki.Validate(Credential::X509({leaf, pki.issuer.der})), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, RefusesABrokenOrDisorderedChain) {
  const Pki pki;
  const Bytes leaf = MakeTestCertificate(pki.device_key, &pki.issuer, pki.device).der;
  EXPECT_THAT(pki.Validate(Credential::X509({leaf})), StatusIs(kUnauthenticated));
  EXPECT_THAT(pki.Validate(Credential::X509({pki.issuer.der, leaf})), StatusIs(kUnauthenticated));
  EXPECT_THAT(pki.Validate(Credential::X509({leaf, pki.root.der, pki.issuer.der})),
              StatusIs(kUnauthenticated, HasSubstr("issued by the next")));
  Bytes with_tail = leaf;
  with_tail.push_back(0);
  EXPECT_THAT(pki.Validate(Credential::X509({with_tail, pki.issuer.der})), StatusIs(kUnauthenticated));
  EXPECT_THAT(pki.Validate(Credential::Basic(AsBytes(kUser))), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, RefusesAnIssuerThatIsNoAuthority) {
  Pki pki;
  pki.issuer = MakeTestCertificate(pki.issuer.key, &pki.root, {.common_name = "issuer", .ca = false});
  EXPECT_THAT(pki.Validate(pki.Leaf(pki.device)), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, RefusesALeafThatMayNotBeAMember) {
  const Pki pki;
  TestCertificateParams authority = pki.device;
  authority.ca = true;
  EXPECT_THAT(pki.Validate(pki.Leaf(authority)), StatusIs(kUnauthenticated, HasSubstr("authority")));
  TestCertificateParams no_signing = pki.device;
  no_signing.key_usage = "critical,keyAgreement";
  EXPECT_THAT(pki.Validate(pki.Leaf(no_signing)), StatusIs(kUnauthenticated, HasSubstr("may not sign")));
  TestCertificateParams nameless = pki.device;
  nameless.uris.clear();
  EXPECT_THAT(pki.Validate(pki.Leaf(nameless)), StatusIs(kUnauthenticated, HasSubstr("URI")));
}

TEST(X509Authentication, RefusesACertificateForAnotherPurpose) {
  const Pki pki;
  for (const char* usage : {"", "clientAuth", "2.25.1234,clientAuth", "2.25.12345"}) {
    TestCertificateParams params = pki.device;
    params.extended_key_usage = usage;
    EXPECT_THAT(pki.Validate(pki.Leaf(params)), StatusIs(kUnauthenticated, HasSubstr("purpose"))) << usage;
  }
}

TEST(X509Authentication, RefusesALeafKeyOfNoSignatureScheme) {
  const Pki pki;
  for (const char* curve : {"secp256k1", "brainpoolP256r1"}) {
    const Bytes leaf = MakeTestCertificate(TestKey::OfCurve(curve), &pki.issuer, pki.device).der;
    EXPECT_THAT(pki.Validate(Credential::X509({leaf, pki.issuer.der})),
                StatusIs(kUnauthenticated, HasSubstr("no signature scheme")));
  }
}

// The certificate's key has the form in which leaf nodes of the suite have it.
TEST(X509Authentication, AcceptsTheKeysOfEverySuite) {
  const Pki pki;
  const auto check = [&](const TestKey& key, size_t size) {
    const Credential credential =
        Credential::X509({MakeTestCertificate(key, &pki.issuer, pki.device).der, pki.issuer.der});
    ASSERT_OK_AND_ASSIGN(const CertificateSubject subject, ReadSubject(credential));
    ASSERT_TRUE(subject.signature_key.has_value());
    EXPECT_EQ(subject.signature_key->size(), size);
    EXPECT_EQ(subject.ed25519_key.has_value(), size == 32);
    EXPECT_OK(pki.Service()->Validate(credential, *subject.signature_key, kNow));
    EXPECT_THAT(pki.Validate(credential), StatusIs(kUnauthenticated, HasSubstr("another signature key")));
  };
  check(TestKey::Ed25519(), 32);
  check(TestKey::P256(), 65);
  check(TestKey::OfCurve("P-384"), 97);
  check(TestKey::OfCurve("P-521"), 133);
  check(TestKey::Ed448(), 57);
}

// No byte of a leaf certificate can be changed: neither signed fields nor their wrapping.
TEST(X509Authentication, RefusesEveryChangedByte) {
  const Pki pki;
  Bytes leaf = MakeTestCertificate(pki.device_key, &pki.issuer, pki.device).der;
  const std::unique_ptr<X509AuthenticationService> service = pki.Service();
  const Bytes key = pki.SignatureKey();
  ASSERT_OK(service->Validate(Credential::X509({leaf, pki.issuer.der}), key, kNow));
  for (size_t i = 0; i < leaf.size(); ++i) {
    leaf[i] ^= 1;
    EXPECT_THAT(service->Validate(Credential::X509({leaf, pki.issuer.der}), key, kNow), StatusIs(kUnauthenticated)) << i;
    leaf[i] ^= 1;
  }
}

TEST(X509Authentication, ACertificateIsDerFromItsFirstByteToItsLast) {
  const Pki pki;
  const Bytes leaf = MakeTestCertificate(pki.device_key, &pki.issuer, pki.device).der;
  const auto read = [](const Bytes& der) { return ReadSubject(Credential::X509({der})).status(); };
  ASSERT_OK(read(leaf));
  Bytes longer = leaf;
  longer.push_back(0);
  EXPECT_THAT(read(longer), StatusIs(kInvalid, HasSubstr("no certificate in DER")));
  EXPECT_THAT(read({1, 2, 3}), StatusIs(kInvalid, HasSubstr("no certificate in DER")));
  // The outermost length in one byte more than it needs: BER, and the same certificate.
  ASSERT_EQ(leaf[1], 0x82);
  Bytes ber = leaf;
  ber[1] = 0x83;
  ber.insert(ber.begin() + 2, 0);
  EXPECT_THAT(read(ber), StatusIs(kInvalid, HasSubstr("no certificate in DER")));
}

TEST(X509Authentication, RefusesAMalformedDate) {
  const Pki pki;
  Bytes leaf = MakeTestCertificate(pki.device_key, &pki.issuer, pki.device).der;
  const Bytes utc_time = {0x17, 0x0d};  // tag and length
  const auto first = std::search(leaf.begin(), leaf.end(), utc_time.begin(), utc_time.end());
  ASSERT_NE(first, leaf.end());
  first[4] = 'x';
  EXPECT_THAT(ReadSubject(Credential::X509({leaf})).status(), StatusIs(kInvalid, HasSubstr("malformed date")));
}

TEST(X509Authentication, SameClientMeansTheSameUris) {
  const Pki pki;
  const std::unique_ptr<X509AuthenticationService> service = pki.Service();
  const Credential first = pki.Leaf(pki.device);
  TestCertificateParams later = pki.device;
  later.not_after += absl::Hours(24);
  EXPECT_TRUE(service->SameClient(first, pki.Leaf(later)));
  TestCertificateParams other_device = pki.device;
  other_device.uris[1].back() = '0';
  EXPECT_FALSE(service->SameClient(first, pki.Leaf(other_device)));
  TestCertificateParams nameless = pki.device;
  nameless.uris.clear();
  EXPECT_FALSE(service->SameClient(pki.Leaf(nameless), pki.Leaf(nameless)));
  EXPECT_FALSE(service->SameClient(Credential::Basic({}), Credential::Basic({})));
}

TEST(X509Authentication, RefusesAUriWithControlCharacters) {
  const Pki pki;
  TestCertificateParams params = pki.device;
  params.uris = {"mimi://example.org/u/ali ce"};
  EXPECT_THAT(ReadSubject(pki.Leaf(params)), StatusIs(kInvalid));
  EXPECT_THAT(pki.Validate(pki.Leaf(params)), StatusIs(kUnauthenticated));
}

TEST(X509Authentication, CreateRefusesUnusableOptions) {
  const Pki pki;
  EXPECT_THAT(X509AuthenticationService::Create({}), StatusIs(kInvalid));
  EXPECT_THAT(X509AuthenticationService::Create({.roots = {{1, 2, 3}}}), StatusIs(kInvalid));
  EXPECT_THAT(X509AuthenticationService::Create({.roots = {pki.root.der}, .extended_key_usage = "mls"}),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::mls
