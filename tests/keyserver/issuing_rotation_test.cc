// The issuing authority is replaced, in whole or not at all: devices go on, certificates come from the next one, and what the former one
// certified ends when the root says.
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identity/trust.h"
#include "keyserver/role_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/service_renewal.h"
#include "keyserver/store/sqlcipher_succession_store.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/credentials.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/kept_world.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::StatusIs;
using ::testing::StartsWith;

constexpr absl::Duration kDay = absl::Hours(24);

struct Authority : KeptWorld {
  absl::StatusOr<RoleRotated> Rotate(const std::string& folder, absl::Duration life) {
    return RotateIssuing(At(folder), TestPassphrase(), life, world.clock(), testing::kCheap);
  }
  // In this world, which goes on with it. Channels are gone.
  RoleRotated RotateHere(absl::Duration life) {
    const std::string folder = Kept(absl::StrCat("here", ++count));
    RoleRotated out = *Rotate(folder, life);
    world.GoBack(folder);
    return out;
  }
  absl::Status GetOwn(TestDevice& device) {
    keys::v1::GetOwnAccountResponse response;
    return world.devices().GetOwnAccount(&device.tls, world.Sign(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest()), response);
  }
  absl::StatusOr<std::vector<crypto::Certificate>> RenewTls(TestDevice& device) {
    keys::v1::RenewCertificateRequest body;
    body.set_tls_csr(ToString(crypto::CertificateRequest::Create(device.keys.tls_key)));
    keys::v1::RenewCertificateResponse response;
    RETURN_IF_ERROR(world.devices().RenewCertificate(&device.tls, world.Sign(device, "RenewCertificate", body), response));
    return std::vector<crypto::Certificate>{*crypto::Certificate::Parse(AsBytes(response.tls_certificates(0))),
                                            *crypto::Certificate::Parse(AsBytes(response.tls_certificates(1)))};
  }
  void Execute(const char* sql) {
    MutexLock lock(world.connection().mutex());
    CHECK(world.connection().database().Execute(sql).ok());
  }
  int count = 0;
};

TEST(RotateIssuing, MakesANewAuthorityAndTheRootNamesTheFormersEnd) {
  Authority one;
  const std::string folder = one.Kept("run");
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(folder, TestPassphrase()));
  ASSERT_OK_AND_ASSIGN(const RoleRotated done, one.Rotate(folder, 3 * kDay));
  EXPECT_EQ(done.number, 1u);
  EXPECT_EQ(done.former_ends, one.world.clock().Now() + 3 * kDay);
  EXPECT_FALSE(fs::exists(folder + "/keys.next"));
  {
    ASSERT_OK_AND_ASSIGN(const KeyRing after, UnsealKeyRing(folder, TestPassphrase()));
    EXPECT_NE(after.issuing_key.spki(), before.issuing_key.spki());
    EXPECT_EQ(after.issuing.spki(), after.issuing_key.spki());
    EXPECT_OK(crypto::VerifyIssuing(after.issuing, after.root, one.world.clock().Now()));
    EXPECT_EQ(after.issuing.not_after(), one.world.clock().Now() + kIssuingLife);
    EXPECT_EQ(done.next, ToHex(Sha256(after.issuing.spki())));
    EXPECT_EQ(done.former, ToHex(Sha256(before.issuing.spki())));
    EXPECT_TRUE(crypto::IsIssuedBy(after.service_certificate, after.issuing));
    EXPECT_NE(after.service_key.spki(), before.service_key.spki());
    EXPECT_EQ(after.directory.key.public_key(), before.directory.key.public_key());
    ASSERT_OK_AND_ASSIGN(const identity::TrustedKeys trusted, after.Trusted());
    EXPECT_EQ(trusted.authorities(), (std::vector<crypto::Certificate>{after.issuing, before.issuing}));
    EXPECT_EQ(trusted.replaced().EndOf(before.issuing), done.former_ends);
    // The former private key is not kept.
    const Secret ring = after.Serialize();
    const ByteView former = before.issuing_key.der();
    EXPECT_EQ(std::search(ring.view().begin(), ring.view().end(), former.begin(), former.end()), ring.view().end());
  }
  one.world.GoBack(folder);
  const audit::Record event = one.world.LastEvent("key.rotated");
  EXPECT_EQ(event.subject, "issuing");
  EXPECT_EQ(event.details.at("former_ends"), absl::FormatTime(absl::RFC3339_sec, done.former_ends, absl::UTCTimeZone()));
  // As clients, services and a newcomer judge it.
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportTrust(one.world.config(), TestPassphrase()));
  ASSERT_OK_AND_ASSIGN(const identity::OrganisationTrust trust, identity::ParseTrustBundle(text, kDomain, one.world.clock().Now()));
  EXPECT_EQ(trust.Keys().replaced().EndOf(before.issuing), done.former_ends);
}

TEST(RotateIssuing, DevicesGoOnAndTheirNextCertificatesAreOfTheNextAuthority) {
  Authority one;
  const crypto::Certificate former = one.world.organisation().keys().issuing;
  one.RotateHere(absl::ZeroDuration());
  const crypto::Certificate next = one.world.organisation().keys().issuing;
  EXPECT_OK(one.GetOwn(one.alice)) << "its key is known, whoever certified it";
  ASSERT_OK_AND_ASSIGN(const auto chain, one.RenewTls(one.alice));
  EXPECT_EQ(chain[1], next);
  EXPECT_OK(crypto::VerifyChain(chain[0], {chain[1]}, one.world.organisation().keys().root, one.world.clock().Now(), crypto::Purpose::kTlsClient,
                                one.world.organisation().replaced()));
  keys::v1::RenewUnlockCertificateResponse unlock;
  ASSERT_OK(one.world.unlock().RenewUnlockCertificate(
      &one.alice.tls, one.world.Sign(one.alice, "RenewUnlockCertificate", keys::v1::RenewUnlockCertificateRequest()), unlock));
  EXPECT_EQ(*crypto::Certificate::Parse(AsBytes(unlock.issuing_certificate())), next);
  // Its credential is the former authority's, of this morning, and due all the same.
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate credential, Renew(one.world, one.alice, kAlice));
  EXPECT_TRUE(crypto::IsIssuedBy(credential, next));
  // Who enrols now is the next one's.
  const TestDevice carol = one.world.Enrol("mimi://example.org/u/carol");
  EXPECT_EQ(carol.issuing, next);
  EXPECT_TRUE(crypto::IsIssuedBy(carol.credential, next));
  EXPECT_FALSE(former == next);
}

// Key packages are published under the credential that the device has.
TEST(RotateIssuing, KeyPackagesCarryTheAuthorityOfTheirCredential) {
  Authority one;
  one.RotateHere(3 * kDay);
  const auto publish = [&](const TestDevice& as) {
    keys::v1::PublishKeyPackagesRequest body;
    body.add_key_packages(MakeKeyPackage(as, one.world.clock().Now()));
    keys::v1::PublishKeyPackagesResponse response;
    return one.world.devices().PublishKeyPackages(&one.alice.tls, one.world.Sign(one.alice, "PublishKeyPackages", body), response);
  };
  EXPECT_OK(publish(one.alice));
  const crypto::Certificate former = one.alice.issuing;
  one.alice.issuing = one.world.organisation().keys().issuing;
  EXPECT_THAT(publish(one.alice), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_package_invalid: ")));
  ASSERT_OK_AND_ASSIGN(one.alice.credential, Renew(one.world, one.alice, kAlice));
  EXPECT_OK(publish(one.alice));
  one.alice.issuing = former;
  EXPECT_THAT(publish(one.alice), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_package_invalid: ")));
}

// Of a device that enrolled before its key was kept nothing is known but what the authority said.
TEST(RotateIssuing, AnOlderDeviceComesBackWithItsWorkingKey) {
  Authority one;
  one.Execute("UPDATE device SET tls_key_hash = x''");
  one.RotateHere(kDay);
  EXPECT_OK(one.GetOwn(one.bob)) << "the former authority counts still";
  one.world.clock().Advance(kDay);
  EXPECT_THAT(one.GetOwn(one.alice), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("authority_replaced: ")));
  EXPECT_OK(one.RenewTls(one.alice).status());
  EXPECT_OK(one.GetOwn(one.alice)) << "its key is kept since";
}

TEST(RotateIssuing, AServiceRenewsUnderTheFormerAuthorityUntilItsEnd) {
  Authority one;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const auto certify = [&] {
    return *one.world.organisation().issuer().ServiceTls(key.spki(), identity::Service::kDelivery, {"d"}, {}, one.world.clock().Now(), 14 * kDay);
  };
  const crypto::Certificate present = certify();
  const auto renew = [&](const crypto::Certificate& shown, const crypto::P256PrivateKey& next) {
    SqlcipherSuccessionStore store(one.world.connection());
    ServiceRenewal renewal(one.world.organisation(), one.world.clock(), store, one.world.refusals());
    return renewal.Renew(identity::Service::kDelivery, shown, crypto::CertificateRequest::Create(next));
  };
  one.world.clock().Advance(8 * kDay);
  const crypto::P256PrivateKey next = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate before, renew(present, next));
  one.RotateHere(kDay);
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate again, renew(present, next));
  EXPECT_EQ(again, before) << "an answer that was lost";
  EXPECT_FALSE(*one.world.organisation().IssuerOf(again) == one.world.organisation().keys().issuing);
  const crypto::Certificate line = certify();
  EXPECT_TRUE(crypto::IsIssuedBy(line, one.world.organisation().keys().issuing));
  one.world.clock().Advance(kDay);
  EXPECT_THAT(renew(present, next), StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("not_authorised: ")));
  one.world.clock().Advance(8 * kDay);
  EXPECT_OK(renew(line, crypto::P256PrivateKey::Generate()).status());
}

TEST(RotateIssuing, AgainAndBesideRoles) {
  Authority one;
  const crypto::Certificate first = one.world.organisation().keys().issuing;
  const RoleRotated a = one.RotateHere(30 * kDay);
  const crypto::Certificate second = one.world.organisation().keys().issuing;
  {
    const std::string folder = one.Kept("role");
    ASSERT_OK(RotateRole(one.At(folder), TestPassphrase(), identity::Role::kGrants, kDay, one.world.clock(), testing::kCheap).status());
    one.world.GoBack(folder);
  }
  one.world.clock().Advance(kDay);
  const RoleRotated b = one.RotateHere(absl::ZeroDuration());
  EXPECT_EQ(b.number, 3u);
  EXPECT_EQ(b.former, a.next);
  const Organisation& now = one.world.organisation();
  EXPECT_EQ(now.replaced().EndOf(first), a.former_ends) << "a later replacement does not move an earlier end";
  EXPECT_EQ(now.replaced().EndOf(second), b.former_ends);
  EXPECT_EQ(now.replaced().EndOf(now.keys().issuing), absl::InfiniteFuture());
  EXPECT_EQ(*now.IssuerOf(one.alice.credential), first);
  ASSERT_OK_AND_ASSIGN(const identity::OrganisationKeys statement, now.keys().Statement());
  EXPECT_EQ(statement.authorities.size(), 3u);
  EXPECT_EQ(statement.keys.size(), 4u) << "the former key of grants has ended";
  EXPECT_OK(one.GetOwn(one.alice));
}

// In a process of its own, which is killed.
TEST(IssuingRotationChild, Rotates) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  config::v1::KeyserverConfig config;
  config.set_organisation_domain(kDomain);
  config.set_display_name("Example");
  config.add_dns_names("localhost");
  config.mutable_limits()->mutable_service_certificate_life()->set_seconds(14 * 86400);
  config.set_data_dir(folder);
  ASSERT_OK(RotateIssuing(config, TestPassphrase(), kDay, FakeClock(), testing::kCheap).status());
}

TEST(RotateIssuing, KilledAtEachWrite) {
  Authority one;
  const std::string start = one.Kept("start"), folder = one.scratch / "run", count = one.scratch / "count";
  const auto run = [&](const std::string& kind, int at) {
    CopyFolder(start, folder);
    return RunFaulted("IssuingRotationChild.Rotates", {{"ROTATE_FOLDER", folder}}, kind, at, count);
  };
  ASSERT_EQ(run("kill", 0), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 10);
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(start, TestPassphrase()));
  for (const char* kind : {"kill", "torn", "power"}) {
    int old = 0, rotated = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      const int status = run(kind, n);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      ASSERT_OK_AND_ASSIGN(KeyRing keys, UnsealKeyRing(folder, TestPassphrase()));
      ASSERT_OK(FinishRotation(one.At(folder), TestPassphrase(), keys, testing::kCheap));
      ASSERT_OK_AND_ASSIGN(const auto connection, OpenForRotation(one.At(folder), keys, one.world.clock()));
      ASSERT_OK(CheckRoleKeys(*connection, keys));
      const bool is_new = keys.Statement()->number == 1;
      EXPECT_EQ(keys.issuing.spki() != before.issuing.spki(), is_new);
      EXPECT_EQ(keys.issuing.spki(), keys.issuing_key.spki());
      EXPECT_TRUE(crypto::IsIssuedBy(keys.service_certificate, keys.issuing));
      ++(is_new ? rotated : old);
      for (const auto& entry : fs::directory_iterator(folder)) {
        EXPECT_FALSE(absl::StrContains(entry.path().filename().string(), "keys.next")) << entry.path();
      }
    }
    std::printf("rotation of the issuing authority, %s at each of %d changes: the former one %d times, the new one %d times\n", kind, changes, old,
                rotated);
    EXPECT_GT(old, 0);
    EXPECT_GT(rotated, 0);
  }
}

}  // namespace
}  // namespace plumbline::keyserver
