// Who gets a service's next certificate, and who does not: each thing that a thief of an older, another or no certificate can try.
#include "keyserver/service_renewal.h"

#include "common/crypto/known_keys.h"
#include "keyserver/store/sqlcipher_succession_store.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using identity::Service;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr absl::Duration kLife = absl::Hours(24 * 14), kHalf = absl::Hours(24 * 7);

Bytes RequestFor(const crypto::P256PrivateKey& key) { return crypto::CertificateRequest::Create(key); }

// A delivery server with a certificate of the ceremony.
struct Renewing {
  crypto::Certificate Certified(const crypto::P256PrivateKey& for_key, Service service) {
    const auto out = world.organisation().issuer().ServiceTls(for_key.spki(), service, {"delivery.example.org", "d2"}, {"10.0.0.7", "::1"},
                                                              world.clock().Now(), kLife);
    CHECK(out.ok());
    return *out;
  }
  absl::StatusOr<crypto::Certificate> Renew(const crypto::Certificate& shown, ByteView request, Service as = Service::kDelivery) {
    return renewal.Renew(as, shown, request);
  }

  World world;
  SqlcipherSuccessionStore store{world.connection()};
  ServiceRenewal renewal{world.organisation(), world.clock(), store, world.refusals()};
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const crypto::P256PrivateKey next = crypto::P256PrivateKey::Generate();
  const crypto::Certificate present = Certified(key, Service::kDelivery);
  void Wear() { world.clock().Advance(kHalf + absl::Seconds(1)); }
};

TEST(ServiceRenewal, TheNextCertificateIsForTheNewKeyAndTheSameNames) {
  Renewing one;
  one.Wear();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate renewed, one.Renew(one.present, RequestFor(one.next)));
  EXPECT_EQ(renewed.spki(), one.next.spki());
  EXPECT_THAT(renewed.uris(), ElementsAre("plumbline://example.org/service/delivery"));
  EXPECT_THAT(renewed.dns_names(), ElementsAre("delivery.example.org", "d2"));
  EXPECT_THAT(renewed.ip_addresses(), ElementsAre("10.0.0.7", "::1"));
  EXPECT_EQ(renewed.not_after(), one.world.clock().Now() + kLife);
  const audit::Record event = one.world.LastEvent("service.certificate_renewed");
  EXPECT_EQ(event.actor, "plumbline://example.org/service/delivery");
  EXPECT_EQ(event.details.at("serial"), ToHex(renewed.serial()));
}

// An answer that was lost on the way is given again; no second key gets one.
TEST(ServiceRenewal, ACertificateIsSucceededOnce) {
  Renewing one;
  one.Wear();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate first, one.Renew(one.present, RequestFor(one.next)));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate again, one.Renew(one.present, RequestFor(one.next)));
  EXPECT_EQ(first, again);
  const crypto::P256PrivateKey thief = crypto::P256PrivateKey::Generate();
  EXPECT_THAT(one.Renew(one.present, RequestFor(thief)),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("certificate_superseded: ")));
  const audit::Record event = one.world.LastEvent("service.certificate_refused");
  EXPECT_EQ(event.reason, "certificate_superseded");
  EXPECT_EQ(event.actor, "plumbline://example.org/service/delivery");
  one.world.Restart();
  SqlcipherSuccessionStore store(one.world.connection());
  ServiceRenewal renewal(one.world.organisation(), one.world.clock(), store, one.world.refusals());
  EXPECT_THAT(renewal.Renew(Service::kDelivery, one.present, RequestFor(thief)),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("certificate_superseded: ")));
}

// A ceremony may certify the same key again: that certificate has a line of its own.
TEST(ServiceRenewal, WhatACeremonyCertifiesAnewIsRenewedAnew) {
  Renewing one;
  one.Wear();
  ASSERT_OK(one.Renew(one.present, RequestFor(one.next)).status());
  const crypto::Certificate anew = one.Certified(one.key, Service::kDelivery);
  one.Wear();
  EXPECT_OK(one.Renew(anew, RequestFor(crypto::P256PrivateKey::Generate())).status());
}

// A thief renewed first and goes on. The service's operator holds the ceremony again: with that line's first renewal the thief's ends.
TEST(ServiceRenewal, ACeremonyEndsAThiefsLine) {
  Renewing one;
  one.Wear();
  const crypto::P256PrivateKey thief = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate stolen, one.Renew(one.present, RequestFor(thief)));
  const crypto::Certificate anew = one.Certified(one.key, Service::kDelivery), admin = one.Certified(one.key, Service::kAdmin);
  one.Wear();
  const crypto::P256PrivateKey second = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(crypto::Certificate line, one.Renew(anew, RequestFor(one.next)));
  const auto superseded = StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("certificate_superseded: "));
  EXPECT_THAT(one.Renew(stolen, RequestFor(second)), superseded);
  EXPECT_OK(one.Renew(admin, RequestFor(second), Service::kAdmin).status()) << "each service has lines of its own";
  // The right one goes on for as long as it likes, and is not forgotten meanwhile.
  for (int i = 0; i < 5; ++i) {
    one.Wear();
    ASSERT_OK(one.renewal.ForgetEnded());
    ASSERT_OK_AND_ASSIGN(line, one.Renew(line, RequestFor(crypto::P256PrivateKey::Generate())));
    EXPECT_FALSE(one.Renew(stolen, RequestFor(second)).ok());
  }
}

// The thief renews until the ceremony's certificate is half over; what is known of the line outlives each of its certificates.
TEST(ServiceRenewal, AThiefsLineIsKnownForAsLongAsItRenews) {
  Renewing one;
  one.Wear();
  ASSERT_OK_AND_ASSIGN(crypto::Certificate stolen, one.Renew(one.present, RequestFor(crypto::P256PrivateKey::Generate())));
  one.world.clock().Advance(absl::Hours(24));
  const crypto::Certificate anew = one.Certified(one.key, Service::kDelivery);
  one.world.clock().Advance(kHalf - absl::Hours(23));
  ASSERT_OK_AND_ASSIGN(stolen, one.Renew(stolen, RequestFor(crypto::P256PrivateKey::Generate())));
  one.world.clock().Advance(absl::Hours(24));
  ASSERT_OK(one.Renew(anew, RequestFor(one.next)).status());
  one.world.clock().Advance(kHalf - absl::Hours(12));
  ASSERT_OK(one.renewal.ForgetEnded());
  EXPECT_THAT(one.Renew(stolen, RequestFor(crypto::P256PrivateKey::Generate())),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("certificate_superseded: ")));
}

TEST(ServiceRenewal, NotBeforeHalfItsLifeIsOver) {
  Renewing one;
  one.world.clock().Advance(kHalf - absl::Seconds(1));
  EXPECT_THAT(one.Renew(one.present, RequestFor(one.next)), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("renewal_early: ")));
  one.world.clock().Advance(absl::Seconds(1));
  EXPECT_OK(one.Renew(one.present, RequestFor(one.next)).status());
}

TEST(ServiceRenewal, NotAfterItsEnd) {
  Renewing one;
  one.world.clock().Advance(kLife);
  EXPECT_THAT(one.Renew(one.present, RequestFor(one.next)), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("certificate_expired: ")));
  EXPECT_EQ(one.world.LastEvent("service.certificate_refused").reason, "certificate_expired");
}

TEST(ServiceRenewal, OneServiceGetsNothingForAnother) {
  Renewing one;
  const crypto::Certificate admin = one.Certified(one.key, Service::kAdmin), keyserver = one.Certified(one.key, Service::kKeyserver);
  one.Wear();
  const auto refused = StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("not_authorised: "));
  EXPECT_THAT(one.Renew(admin, RequestFor(one.next)), refused);
  EXPECT_THAT(one.Renew(keyserver, RequestFor(one.next)), refused);
  EXPECT_THAT(one.Renew(one.present, RequestFor(one.next), Service::kAdmin), refused);
  EXPECT_OK(one.Renew(admin, RequestFor(one.next), Service::kAdmin).status());
}

TEST(ServiceRenewal, ADevicesCertificateAndAnotherOrganisationsAreNone) {
  Renewing one;
  TestDevice device = one.world.Enrol(kAlice);
  World other;
  other.clock().Advance(kHalf);
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate foreign,
                       other.organisation().issuer().ServiceTls(one.key.spki(), Service::kDelivery, {"delivery.example.org"}, {},
                                                                one.world.clock().Now(), kLife));
  // The right name under the right issuer, but for role signatures.
  crypto::LeafSpec spec;
  spec.spki = one.key.spki();
  spec.uris = one.present.uris();
  spec.purpose = crypto::Purpose::kRoleSignature;
  spec.validity = ValidFrom(one.world.clock().Now(), kLife);
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate role,
                       crypto::IssueLeaf(one.world.organisation().keys().issuing, one.world.organisation().keys().issuing_key, spec));
  one.Wear();
  for (const crypto::Certificate& each : {device.tls, device.credential, foreign, role}) {
    SCOPED_TRACE(each.uris().back());
    EXPECT_FALSE(one.Renew(each, RequestFor(one.next)).ok());
  }
}

TEST(ServiceRenewal, TheKeyIsNewAndProvedAndNobodyElses) {
  Renewing one;
  one.Wear();
  const auto malformed = StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("request_malformed: "));
  EXPECT_THAT(one.Renew(one.present, RequestFor(one.key)), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_not_new: ")));
  EXPECT_THAT(one.Renew(one.present, {}), malformed);
  EXPECT_THAT(one.Renew(one.present, AsBytes("nonsense")), malformed);
  Bytes unproved = RequestFor(one.next);
  unproved.back() ^= 1;
  EXPECT_THAT(one.Renew(one.present, unproved), malformed);
  EXPECT_OK(one.Renew(one.present, RequestFor(one.next)).status()) << "refusals cost it nothing";
}

TEST(ServiceRenewal, WhatHasEndedIsForgotten) {
  Renewing one;
  one.Wear();
  ASSERT_OK(one.Renew(one.present, RequestFor(one.next)).status());
  EXPECT_THAT(one.world.Dump(), ::testing::HasSubstr("succession"));
  ASSERT_OK(one.renewal.ForgetEnded());
  EXPECT_THAT(one.world.Dump(), ::testing::HasSubstr("succession"));
  one.world.clock().Advance(kLife + absl::Seconds(1));
  ASSERT_OK(one.renewal.ForgetEnded());
  EXPECT_THAT(one.world.Dump(), ::testing::Not(::testing::HasSubstr("succession")));
}

TEST(OwnCertificate, RenewsForANewKeyAndTheConfiguredNames) {
  World world;
  OwnCertificate& own = world.organisation().own();
  const crypto::Certificate first = own.certificate();
  EXPECT_EQ(first, world.organisation().keys().service_certificate);
  ASSERT_OK_AND_ASSIGN(bool renewed, own.Renew(world.clock().Now()));
  EXPECT_FALSE(renewed);
  world.clock().Advance(kHalf + absl::Seconds(1));
  ASSERT_OK_AND_ASSIGN(renewed, own.Renew(world.clock().Now()));
  EXPECT_TRUE(renewed);
  EXPECT_NE(own.certificate().spki(), first.spki());
  EXPECT_THAT(own.certificate().dns_names(), ElementsAre("localhost"));
  EXPECT_EQ(crypto::P256PrivateKey::FromPem(own.KeyPem())->spki(), own.certificate().spki());
  EXPECT_OK(crypto::VerifyChain(own.certificate(), {world.organisation().keys().issuing}, world.organisation().keys().root,
                                world.clock().Now(), crypto::Purpose::kTlsPeer));
}

TEST(OwnCertificate, IsNotShownUnderAnIssuingAuthorityThatHasEnded) {
  World world;
  world.clock().Advance(kIssuingLife + absl::Hours(1));
  EXPECT_THAT(world.organisation().own().Renew(world.clock().Now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("own_certificate_unusable: ")));
}

// A connection that was opened before the renewal was shown the former certificate, and goes on until that ends.
TEST(OwnCertificate, ADevicesOpenConnectionSurvivesTheRenewal) {
  World world;
  world.administrator();
  world.clock().Advance(kHalf - absl::Hours(1));
  TestDevice device = world.Enrol(kAlice);
  world.clock().Advance(absl::Hours(1) + absl::Seconds(1));
  ASSERT_OK(world.organisation().own().Renew(world.clock().Now()).status());
  const auto ask = [&](const crypto::Certificate& shown) {
    keys::v1::OpenChannelResponse channel;
    CHECK(world.devices().OpenChannel(&device.tls, channel).ok());
    device.nonce = *identity::ToFixed<32>(AsBytes(channel.nonce()));
    device.counter = 0;
    keys::v1::GetOwnAccountResponse response;
    return world.devices().GetOwnAccount(
        &device.tls, SignRequest(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest(), shown), response);
  };
  const crypto::Certificate former = world.organisation().keys().service_certificate;
  EXPECT_OK(ask(former));
  EXPECT_OK(ask(world.organisation().own().certificate()));
  Renewing other;
  EXPECT_THAT(ask(other.present), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("request_signature_invalid: ")));
  EXPECT_EQ(world.organisation().own().Shown(former.not_after() - absl::Seconds(1)).size(), 2u);
  EXPECT_EQ(world.organisation().own().Shown(former.not_after()).size(), 1u);
}

}  // namespace
}  // namespace plumbline::keyserver
