// Device requests: which certificate, which key, which nonce; and what a device may publish and draw.
#include <gtest/gtest.h>

#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

absl::Status GetOwn(World& world, const crypto::Certificate* caller, const keys::v1::SignedRequest& request) {
  keys::v1::GetOwnAccountResponse response;
  return world.devices().GetOwnAccount(caller, request, response);
}

keys::v1::SignedRequest OwnRequest(World& world, TestDevice& device) {
  return world.Sign(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest());
}

absl::Status Publish(World& world, TestDevice& device, const std::vector<std::string>& packages,
                     const std::string& last_resort, uint32_t* available = nullptr) {
  keys::v1::PublishKeyPackagesRequest body;
  for (const std::string& package : packages) body.add_key_packages(package);
  body.set_last_resort_key_package(last_resort);
  keys::v1::PublishKeyPackagesResponse response;
  const absl::Status status = world.devices().PublishKeyPackages(
      &device.tls, world.Sign(device, "PublishKeyPackages", body), response);
  if (available != nullptr) *available = response.available();
  return status;
}

TEST(DeviceRequest, ASignedOneIsServedAndOnlyOnce) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const keys::v1::SignedRequest request = OwnRequest(world, device);
  EXPECT_OK(GetOwn(world, &device.tls, request));
  EXPECT_THAT(GetOwn(world, &device.tls, request),
              StatusIs(kUnauthenticated, StartsWith("request_replayed: ")));
  EXPECT_EQ(world.LastEvent("device.request_refused").reason, "request_replayed");
}

TEST(DeviceRequest, TheCounterMustGrow) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const auto& server = world.organisation().keys().service_certificate;
  OwnRequest(world, device);  // opens a channel
  device.counter = 6;
  EXPECT_OK(GetOwn(world, &device.tls,
                   SignRequest(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest(), server)));
  device.counter = 4;
  EXPECT_THAT(GetOwn(world, &device.tls,
                     SignRequest(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest(), server)),
              StatusIs(kUnauthenticated, StartsWith("request_replayed: ")));
}

// Somebody who cannot sign must not be able to use up a counter either.
TEST(DeviceRequest, ARefusedSignatureLeavesTheCounterWhereItWas) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const keys::v1::SignedRequest good = OwnRequest(world, device);
  keys::v1::SignedRequest forged = good;
  forged.set_counter(1'000'000);
  EXPECT_THAT(GetOwn(world, &device.tls, forged),
              StatusIs(kUnauthenticated, StartsWith("request_signature_invalid: ")));
  EXPECT_OK(GetOwn(world, &device.tls, good));
}

// The thief of a laptop has the TLS key, which lies outside the locked store, and nothing else.
TEST(DeviceRequest, TheTlsIdentityAloneCanDoNothing) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  device.keys.working_key = crypto::Ed25519KeyPair::Generate();
  const std::string before = world.Dump();
  const auto refused = StatusIs(kUnauthenticated, StartsWith("request_signature_invalid: "));
  EXPECT_THAT(GetOwn(world, &device.tls, OwnRequest(world, device)), refused);
  EXPECT_THAT(Publish(world, device, {}, ""), refused);
  keys::v1::DrawTokensRequest tokens;
  tokens.set_purpose("delivery");
  tokens.add_token_requests("x");
  keys::v1::DrawTokensResponse drawn;
  EXPECT_THAT(world.devices().DrawTokens(&device.tls, world.Sign(device, "DrawTokens", tokens), drawn),
              refused);
  keys::v1::DrawGrantsRequest grants;
  grants.set_count(1);
  keys::v1::DrawGrantsResponse granted;
  EXPECT_THAT(world.devices().DrawGrants(&device.tls, world.Sign(device, "DrawGrants", grants), granted),
              refused);
  keys::v1::RenewCertificateRequest renewal;
  renewal.set_tls_csr(ToString(crypto::CertificateRequest::Create(device.keys.tls_key)));
  keys::v1::RenewCertificateResponse renewed;
  EXPECT_THAT(
      world.devices().RenewCertificate(&device.tls, world.Sign(device, "RenewCertificate", renewal), renewed),
      refused);
  EXPECT_EQ(world.Dump(), before);
  EXPECT_EQ(drawn.token_responses_size() + granted.grants_size() + renewed.tls_certificates_size(), 0);
}

TEST(DeviceRequest, ASignatureForAnotherRpcBodyOrServerIsRefused) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const auto refused = StatusIs(kUnauthenticated, StartsWith("request_signature_invalid: "));
  EXPECT_THAT(GetOwn(world, &device.tls, world.Sign(device, "DrawTokens", keys::v1::GetOwnAccountRequest())),
              refused);
  keys::v1::SignedRequest other_body = OwnRequest(world, device);
  other_body.set_body("\x0a\x01x");
  EXPECT_THAT(GetOwn(world, &device.tls, other_body), refused);
  OwnRequest(world, device);
  EXPECT_THAT(GetOwn(world, &device.tls,
                     SignRequest(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest(), device.tls)),
              refused);
}

TEST(DeviceRequest, ANonceIsGoodForItsOwnCertificateOnly) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  OwnRequest(world, alice);
  OwnRequest(world, bob);
  alice.nonce = bob.nonce;
  EXPECT_THAT(GetOwn(world, &alice.tls,
                     SignRequest(alice, "GetOwnAccount", keys::v1::GetOwnAccountRequest(),
                                 world.organisation().keys().service_certificate)),
              StatusIs(kUnauthenticated, StartsWith("channel_unknown: ")));
}

TEST(DeviceRequest, ARequestOfOneDeviceIsWorthlessOverTheConnectionOfAnother) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  const keys::v1::SignedRequest request = OwnRequest(world, alice);
  EXPECT_THAT(GetOwn(world, &bob.tls, request), StatusIs(kUnauthenticated, StartsWith("channel_unknown: ")));
}

TEST(DeviceRequest, ANonceLivesTenMinutesAndDiesWithTheProcess) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  keys::v1::SignedRequest request = OwnRequest(world, device);
  world.clock().Advance(absl::Minutes(10));
  EXPECT_THAT(GetOwn(world, &device.tls, request),
              StatusIs(kUnauthenticated, StartsWith("channel_unknown: ")));
  request = OwnRequest(world, device);
  world.Restart();
  EXPECT_THAT(GetOwn(world, &device.tls, request),
              StatusIs(kUnauthenticated, StartsWith("channel_unknown: ")));
}

TEST(DeviceRequest, TheOldestNonceOfACertificateGivesWay) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const keys::v1::SignedRequest oldest = OwnRequest(world, device);
  for (size_t i = 0; i < kMaxChannelsPerCertificate; ++i) OwnRequest(world, device);
  EXPECT_THAT(GetOwn(world, &device.tls, oldest),
              StatusIs(kUnauthenticated, StartsWith("channel_unknown: ")));
}

TEST(DeviceAuthorisation, OnlyADevicesTlsCertificateCounts) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const auto refused = StatusIs(kDenied, StartsWith("not_authorised: "));
  keys::v1::OpenChannelResponse response;
  EXPECT_THAT(world.devices().OpenChannel(nullptr, response), refused);
  EXPECT_THAT(world.devices().OpenChannel(&device.credential, response), refused)
      << "the MLS credential names it too";
  EXPECT_THAT(world.devices().OpenChannel(&world.organisation().keys().service_certificate, response),
              refused);
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate admin,
                       world.organisation().issuer().ServiceTls(key.spki(), identity::Service::kAdmin,
                                                                {"localhost"}, {}, world.clock().Now(), absl::Hours(1)));
  EXPECT_THAT(world.devices().OpenChannel(&admin, response), refused);
  // The right name alone is not enough: the certificate must have been issued for this use.
  crypto::LeafSpec spec;
  spec.spki = key.spki();
  spec.uris = device.tls.uris();
  spec.purpose = crypto::Purpose::kTlsPeer;
  spec.validity = ValidFrom(world.clock().Now(), absl::Hours(1));
  const KeyRing& keys = world.organisation().keys();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate peer,
                       crypto::IssueLeaf(keys.issuing, keys.issuing_key, spec));
  EXPECT_THAT(world.devices().OpenChannel(&peer, response), refused);
  EXPECT_OK(world.devices().OpenChannel(&device.tls, response));
}

TEST(DeviceAuthorisation, ADeviceThatIsNotEnrolledIsRefusedWithAGoodCertificate) {
  World world;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const auto request,
                       crypto::CertificateRequest::Parse(crypto::CertificateRequest::Create(key)));
  ASSERT_OK_AND_ASSIGN(
      const crypto::Certificate stranger,
      world.organisation().issuer().DeviceTls(request, identity::DeviceId{1}, world.clock().Now()));
  keys::v1::OpenChannelResponse response;
  EXPECT_THAT(world.devices().OpenChannel(&stranger, response),
              StatusIs(kDenied, StartsWith("device_unknown: ")));
}

// Whoever stole the issuing authority's key can certify any key for any device, and gets nowhere with it.
TEST(DeviceAuthorisation, ACertificateForAnotherKeyThanTheDevicesIsRefused) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const keys::v1::SignedRequest request = OwnRequest(world, device);
  const crypto::P256PrivateKey thief = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const auto csr, crypto::CertificateRequest::Parse(crypto::CertificateRequest::Create(thief)));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate forged, world.organisation().issuer().DeviceTls(csr, device.id, world.clock().Now()));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate for_unlocking,
                       world.organisation().issuer().UnlockTls(thief.spki(), device.id, world.clock().Now()));
  const auto refused = StatusIs(kDenied, StartsWith("device_key_other: "));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(world.devices().OpenChannel(&forged, channel), refused);
  EXPECT_EQ(world.LastEvent("device.request_refused").reason, "device_key_other");
  EXPECT_THAT(world.devices().OpenChannel(&for_unlocking, channel), refused);
  EXPECT_THAT(GetOwn(world, &forged, request), refused);
  keys::v1::GetLockStateResponse lock;
  EXPECT_THAT(world.unlock().GetLockState(&for_unlocking, lock), refused) << "or attempts could be used up";
  EXPECT_OK(GetOwn(world, &device.tls, request));
}

TEST(DeviceAuthorisation, ADevicesKeyStaysWhenItsCertificateIsRenewed) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  keys::v1::RenewCertificateRequest body;
  body.set_tls_csr(ToString(crypto::CertificateRequest::Create(crypto::P256PrivateKey::Generate())));
  keys::v1::RenewCertificateResponse renewed;
  EXPECT_THAT(world.devices().RenewCertificate(&device.tls, world.Sign(device, "RenewCertificate", body), renewed),
              StatusIs(kInvalid, StartsWith("request_malformed: ")));
  body.set_tls_csr(ToString(crypto::CertificateRequest::Create(device.keys.tls_key)));
  EXPECT_OK(world.devices().RenewCertificate(&device.tls, world.Sign(device, "RenewCertificate", body), renewed));
}

// Enrolled before the key was kept: with its next request, which names the certificate, it is.
TEST(DeviceAuthorisation, TheKeyOfAnOlderDeviceIsKeptFromItsNextRequestOn) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const auto execute = [&](const char* sql) {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK(world.connection().database().Execute(sql));
  };
  execute("UPDATE device SET tls_key_hash = x''");
  keys::v1::OpenChannelResponse channel;
  ASSERT_OK(world.devices().OpenChannel(&device.tls, channel));
  EXPECT_TRUE(world.accounts().FindDevice(device.id)->value().device.tls_key_hash.empty()) << "nothing was signed";
  ASSERT_OK(GetOwn(world, &device.tls, OwnRequest(world, device)));
  EXPECT_EQ(world.accounts().FindDevice(device.id)->value().device.tls_key_hash, ToBytes(Sha256(device.keys.tls_key.spki())));
  ASSERT_OK(world.accounts().KeepTlsKey(device.id, identity::Hash{1}));
  EXPECT_OK(GetOwn(world, &device.tls, OwnRequest(world, device))) << "it is kept for good";
}

TEST(DeviceAuthorisation, ASuspendedAccountIsRefusedEveryCallAtOnce) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const keys::v1::SignedRequest request = OwnRequest(world, device);
  world.Suspend(kAlice);
  const auto refused = StatusIs(kDenied, StartsWith("account_suspended: "));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(world.devices().OpenChannel(&device.tls, channel), refused);
  EXPECT_THAT(GetOwn(world, &device.tls, request), refused);
  keys::v1::RenewCertificateResponse renewed;
  EXPECT_THAT(world.devices().RenewCertificate(&device.tls, request, renewed), refused);
  keys::v1::DrawTokensResponse tokens;
  EXPECT_THAT(world.devices().DrawTokens(&device.tls, request, tokens), refused);
  keys::v1::DrawGrantsResponse grants;
  EXPECT_THAT(world.devices().DrawGrants(&device.tls, request, grants), refused);
  keys::v1::PublishKeyPackagesResponse published;
  EXPECT_THAT(world.devices().PublishKeyPackages(&device.tls, request, published), refused);
}

TEST(DeviceAuthorisation, ACertificateThatEndsWhileTheConnectionLivesIsRefused) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.clock().Advance(absl::Hours(24 * 7) + absl::Seconds(1));
  keys::v1::OpenChannelResponse response;
  EXPECT_THAT(world.devices().OpenChannel(&device.tls, response),
              StatusIs(kUnauthenticated, StartsWith("certificate_expired: ")));
}

TEST(RenewCertificate, YieldsAFreshOneForTheSameDevice) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.clock().Advance(absl::Hours(24 * 5));
  keys::v1::RenewCertificateRequest body;
  body.set_tls_csr(ToString(crypto::CertificateRequest::Create(device.keys.tls_key)));
  keys::v1::RenewCertificateResponse response;
  ASSERT_OK(
      world.devices().RenewCertificate(&device.tls, world.Sign(device, "RenewCertificate", body), response));
  ASSERT_OK_AND_ASSIGN(const auto renewed, crypto::Certificate::Parse(AsBytes(response.tls_certificates(0))));
  EXPECT_EQ(renewed.uris(), device.tls.uris());
  EXPECT_EQ(renewed.spki(), device.tls.spki());
  EXPECT_GT(renewed.not_after(), device.tls.not_after());
  world.LastEvent("device.certificate_renewed");
}

TEST(KeyPackages, AreTakenFromTheirOwnDevice) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const absl::Time now = world.clock().Now();
  uint32_t available = 0;
  KeyPackageOptions last{.last_resort = true};
  EXPECT_OK(Publish(world, device, {MakeKeyPackage(device, now), MakeKeyPackage(device, now)},
                    MakeKeyPackage(device, now, last), &available));
  EXPECT_EQ(available, 2u);
  keys::v1::GetOwnAccountResponse own;
  ASSERT_OK(world.devices().GetOwnAccount(&device.tls, OwnRequest(world, device), own));
  EXPECT_EQ(own.available_key_packages(), 2u);
}

// All or nothing: a bad one among good ones keeps all of them out.
TEST(KeyPackages, ThoseThatBreakARuleAreRefusedAndNothingIsStored) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  const absl::Time now = world.clock().Now();
  const std::string good = MakeKeyPackage(alice, now);
  std::string forged = good;
  forged.back() ^= 1;
  KeyPackageOptions last{.last_resort = true};
  KeyPackageOptions long_life{.life = absl::Hours(24 * 371)};
  KeyPackageOptions no_address{.address = false};
  const std::vector<std::pair<std::string, std::string>> bad = {
      {MakeKeyPackage(bob, now), "another key"},
      {forged, ""},
      {good + "x", "does not parse"},
      {good.substr(0, good.size() / 2), "does not parse"},
      {std::string(20000, 'x'), "16 KiB"},
      {MakeKeyPackage(alice, now - absl::Hours(24 * 91)), "lifetime"},
      {MakeKeyPackage(alice, now + absl::Hours(1)), "lifetime"},
      {MakeKeyPackage(alice, now, long_life), "too long"},
      {MakeKeyPackage(alice, now, no_address), "mailbox address"},
      {MakeKeyPackage(alice, now, last), "last-resort"},
  };
  const std::string before = world.Dump();
  for (const auto& [package, why] : bad) {
    EXPECT_THAT(Publish(world, alice, {good, package}, ""),
                StatusIs(kInvalid, ::testing::AllOf(StartsWith("key_package_invalid: "), HasSubstr(why))));
    EXPECT_EQ(world.Dump(), before) << why;
  }
  EXPECT_THAT(Publish(world, alice, {}, good), StatusIs(kInvalid, HasSubstr("last-resort")));
}

// The key is the device's own, but the credential is another's.
TEST(KeyPackages, ACredentialOfAnotherDeviceIsRefused) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  const crypto::Certificate own = alice.credential;
  alice.credential = bob.credential;
  EXPECT_THAT(Publish(world, alice, {MakeKeyPackage(alice, world.clock().Now())}, ""),
              StatusIs(kInvalid, HasSubstr("credential")));
}

TEST(KeyPackages, NoneIsPublishedTwice) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const std::string package = MakeKeyPackage(device, world.clock().Now());
  EXPECT_OK(Publish(world, device, {package}, ""));
  EXPECT_THAT(Publish(world, device, {package}, ""),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_package_known: ")));
}

TEST(Grants, VerifyAndAreRecordedOnlySealed) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  keys::v1::DrawGrantsRequest body;
  body.set_count(2);
  keys::v1::DrawGrantsResponse response;
  ASSERT_OK(world.devices().DrawGrants(&device.tls, world.Sign(device, "DrawGrants", body), response));
  ASSERT_EQ(response.grants_size(), 2);
  ASSERT_OK_AND_ASSIGN(
      const identity::MailboxGrant grant,
      identity::CheckGrant(AsBytes(response.grants(0)), world.organisation().keys().grants.key.public_key(),
                           world.clock().Now()));
  // No table and no audit event shows the serial.
  std::string serial = ToHex(grant.serial);
  std::string everything = world.Dump();
  for (const audit::Record& record : world.Audit()) {
    for (const auto& [name, value] : record.details) everything += name + value;
    everything += record.subject + record.actor;
  }
  for (char& c : everything) c = static_cast<char>(tolower(c));
  EXPECT_EQ(everything.find(serial), std::string::npos);
  EXPECT_EQ(world.LastEvent("grants.drawn").details.at("count"), "2");
  body.set_count(11);
  EXPECT_THAT(world.devices().DrawGrants(&device.tls, world.Sign(device, "DrawGrants", body), response),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::keyserver
