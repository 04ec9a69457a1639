// A device's credential is renewed for its own key by its own working key, when it is due and once; the record changes in exactly that.
#include "keyserver/credential_desk.h"

#include <gtest/gtest.h>

#include "keyserver/views.h"
#include "tests/keyserver/credentials.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr absl::Duration kDue = absl::Hours(24 * 250);  // of a year, when less than a third is left

struct Scene {
  Scene() {
    world.clock().Advance(kDue);
    for (TestDevice* each : {&device, &other, &bob}) Refresh(world, *each);
  }
  identity::DirectoryRecord Record(const char* user = kAlice) {
    return *identity::ParseDirectoryRecord(world.accounts().Find(user)->record.bytes);
  }
  World world;
  TestDevice device = world.Enrol(kAlice), other = world.Enrol(kAlice), bob = world.Enrol(kBob);
};

TEST(RenewCredential, IsForTheSameKeyAndNamesAndChangesNothingElse) {
  Scene s;
  const identity::DirectoryRecord before = s.Record();
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate next, Renew(s.world, s.device, kAlice));
  EXPECT_EQ(next.uris(), s.device.credential.uris());
  EXPECT_EQ(next.ed25519_key(), s.device.credential.ed25519_key());
  EXPECT_EQ(next.not_after(), s.world.clock().Now() + kCredentialLife);
  const identity::DirectoryRecord after = s.Record();
  identity::DirectoryRecord expected = before;
  ++expected.version;
  expected.previous_hash = Sha256(Encode(before));
  expected.cause = after.cause;
  for (identity::RecordDevice& each : expected.devices) {
    if (each.device_id == s.device.id) each.credential_hash = Sha256(next.der());
  }
  EXPECT_EQ(after, expected);
  const audit::Record event = s.world.LastEvent("device.credential_renewed");
  EXPECT_EQ(event.actor, s.device.tls.uris()[0]);
  EXPECT_EQ(s.Record(kBob).version, 2u);
  s.world.Restart();
  EXPECT_EQ(Encode(s.Record()), Encode(after));
}

TEST(RenewCredential, IsForTheDevicesOwnAndByItsOwnWorkingKey) {
  Scene s;
  const std::string before = s.world.Dump();
  const auto refused = StatusIs(kDenied, StartsWith("renewal_invalid: "));
  const auto renewal = RenewalOf(s.world, s.device, kAlice);
  EXPECT_THAT(Ask(s.world, s.device, Signed(renewal, s.other.keys.working_key)), refused) << "another device's working key";
  EXPECT_THAT(Ask(s.world, s.device, Signed(renewal, s.device.keys.mls_key)), refused) << "another key of the device";
  EXPECT_THAT(Ask(s.world, s.other, Signed(renewal, s.device.keys.working_key)), refused) << "relayed by another device";
  EXPECT_THAT(Ask(s.world, s.device, Signed(RenewalOf(s.world, s.other, kAlice), s.device.keys.working_key)), refused) << "for another device";
  EXPECT_THAT(Renew(s.world, s.device, kBob), refused) << "in another person's name";
  auto changed = renewal;
  changed.mls_signature_public_key = *identity::ToFixed<32>(s.other.keys.mls_key.public_key().view());
  EXPECT_THAT(Ask(s.world, s.device, Signed(changed, s.device.keys.working_key)), refused) << "for another key";
  for (const int64_t seconds : {-601, 601}) {
    changed = renewal;
    changed.time_unix = static_cast<uint64_t>(static_cast<int64_t>(renewal.time_unix) + seconds);
    EXPECT_THAT(Ask(s.world, s.device, Signed(changed, s.device.keys.working_key)), refused) << seconds;
  }
  keys::v1::RenewCredentialRequest malformed = Signed(renewal, s.device.keys.working_key);
  malformed.mutable_renewal()->push_back('x');
  EXPECT_THAT(Ask(s.world, s.device, malformed), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("request_malformed: ")));
  // The request itself needs the working key as well.
  keys::v1::RenewCredentialResponse response;
  keys::v1::SignedRequest request = s.world.Sign(s.device, "RenewCertificate", Signed(renewal, s.device.keys.working_key));
  EXPECT_THAT(s.world.credentials().RenewCredential(&s.device.tls, request, response),
              StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("request_signature_invalid: ")));
  EXPECT_EQ(s.world.Dump(), before);
}

TEST(RenewCredential, IsNotEarlyAndNotTwice) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.clock().Advance(absl::Hours(24 * 243));
  Refresh(world, device);
  const std::string before = world.Dump();
  EXPECT_THAT(Renew(world, device, kAlice), StatusIs(kPrecondition, StartsWith("renewal_early: ")));
  EXPECT_EQ(world.Dump(), before);
  world.clock().Advance(absl::Hours(24));
  Refresh(world, device);
  ASSERT_OK_AND_ASSIGN(device.credential, Renew(world, device, kAlice));
  const std::string after = world.Dump();
  EXPECT_THAT(Renew(world, device, kAlice), StatusIs(kPrecondition, StartsWith("renewal_early: ")));
  EXPECT_EQ(world.Dump(), after);
}

// The answer was lost, or somebody sends the request again: the present credential, and nothing is made.
TEST(RenewCredential, AskedAgainGivesTheSame) {
  Scene s;
  const keys::v1::RenewCredentialRequest request = Signed(RenewalOf(s.world, s.device, kAlice), s.device.keys.working_key);
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate first, Ask(s.world, s.device, request));
  const std::string after = s.world.Dump();
  EXPECT_EQ(*Ask(s.world, s.device, request), first) << "the same bytes";
  s.world.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(*Renew(s.world, s.device, kAlice), first) << "signed anew";
  EXPECT_EQ(s.world.Dump(), after);
  s.world.clock().Advance(absl::Minutes(6));
  EXPECT_THAT(Ask(s.world, s.device, request), StatusIs(kDenied, StartsWith("renewal_invalid: "))) << "of before";
}

TEST(RenewCredential, AnIssuingAuthorityThatEndsFirstIsNamed) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  for (int i = 0; i < 2; ++i) {  // the second one is cut to the authority's end, two years after the ceremony
    world.clock().Advance(absl::Hours(24 * (i == 0 ? 300 : 280)));
    Refresh(world, device);
    ASSERT_OK_AND_ASSIGN(device.credential, Renew(world, device, kAlice));
  }
  EXPECT_EQ(device.credential.not_after(), world.organisation().issuer().issuing().not_after());
  world.clock().Advance(absl::Hours(24 * 120));
  Refresh(world, device);
  const std::string before = world.Dump();
  EXPECT_THAT(Renew(world, device, kAlice), StatusIs(kPrecondition, StartsWith("renewal_early: the issuing authority ends")));
  EXPECT_EQ(world.Dump(), before);
}

TEST(RenewCredential, ASuspendedPersonAndARemovedDeviceGetNone) {
  Scene s;
  const auto asks = [&](TestDevice& device, const char* user) {
    return s.world.Sign(device, "RenewCredential", Signed(RenewalOf(s.world, device, user), device.keys.working_key));
  };
  const keys::v1::SignedRequest suspended = asks(s.bob, kBob), removed = asks(s.device, kAlice);
  s.world.Suspend(kBob);
  ASSERT_OK(s.world.Change(identity::Action::kRevokeDevice, kAlice, Encode(identity::RevokeDeviceParameters{s.device.id})));
  keys::v1::RenewCredentialResponse response;
  EXPECT_THAT(s.world.credentials().RenewCredential(&s.bob.tls, suspended, response), StatusIs(kDenied, StartsWith("account_suspended: ")));
  EXPECT_THAT(s.world.credentials().RenewCredential(&s.device.tls, removed, response), StatusIs(kDenied, StartsWith("device_revoked: ")));
  EXPECT_EQ(response.mls_certificates_size(), 0);
}

// A decision of another device between the look and the act: the renewal looks again.
TEST(RenewCredential, TheStoreRefusesAnAccountThatHasChanged) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(Account account, s.world.accounts().Find(kAlice));
  ASSERT_OK(Renew(s.world, s.other, kAlice));
  const std::string before = s.world.Dump();
  EXPECT_THAT(s.world.accounts().RenewCredential(account.devices[0], Sha256(account.devices[0].credential), account.revision, account.record,
                                                 {}, {}),
              StatusIs(absl::StatusCode::kAborted, StartsWith("state_changed: ")));
  EXPECT_EQ(s.world.Dump(), before);
}

absl::Status Publish(World& world, TestDevice& device, const std::vector<std::string>& packages, const std::string& last_resort) {
  keys::v1::PublishKeyPackagesRequest body;
  for (const std::string& each : packages) body.add_key_packages(each);
  body.set_last_resort_key_package(last_resort);
  keys::v1::PublishKeyPackagesResponse response;
  return world.devices().PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", body), response);
}

std::vector<std::string> Claimed(World& world, TestDevice& by, absl::string_view user) {
  keys::v1::ClaimKeyPackagesRequest request;
  request.set_user(std::string(user));
  request.set_cipher_suite(static_cast<uint32_t>(mls::SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519));
  tokens::Show(request, world.Token(by));
  keys::v1::ClaimKeyPackagesResponse response;
  CHECK(world.directory().ClaimKeyPackages(request, response).ok());
  std::vector<std::string> out;
  for (const auto& each : response.key_packages()) out.push_back(each.key_package());
  return out;
}

// Those under the former credential are given out until there are others, so that nobody finds none; then never again.
TEST(RenewCredential, KeyPackagesUnderTheFormerOneAreReplacedAsSoonAsThereAreOthers) {
  Scene s;
  const absl::Time now = s.world.clock().Now();
  const KeyPackageOptions last{.last_resort = true};
  const std::string old = MakeKeyPackage(s.bob, now), old_last = MakeKeyPackage(s.bob, now, last);
  ASSERT_OK(Publish(s.world, s.bob, {old, MakeKeyPackage(s.bob, now)}, old_last));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate next, Renew(s.world, s.bob, kBob));
  EXPECT_EQ(Claimed(s.world, s.device, kBob), std::vector<std::string>{old});
  EXPECT_THAT(Publish(s.world, s.bob, {MakeKeyPackage(s.bob, now)}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_package_invalid: ")))
      << "under the former one";
  s.bob.credential = next;
  const std::string fresh = MakeKeyPackage(s.bob, now), fresh_last = MakeKeyPackage(s.bob, now, last);
  ASSERT_OK(Publish(s.world, s.bob, {fresh}, fresh_last));
  EXPECT_EQ(Claimed(s.world, s.device, kBob), std::vector<std::string>{fresh});
  EXPECT_EQ(Claimed(s.world, s.device, kBob), std::vector<std::string>{fresh_last});
}

TEST(RenewCredential, NoKeyPackageOutlivesItsCredential) {
  Scene s;
  const KeyPackageOptions long_lived{.life = absl::Hours(24 * 116)};  // the credential has 115 days left
  EXPECT_THAT(Publish(s.world, s.bob, {MakeKeyPackage(s.bob, s.world.clock().Now(), long_lived)}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_package_invalid: it lives longer than its credential")));
}

// The log's feed tells every version with the certificates that it names, the former ones too.
TEST(RenewCredential, OlderVersionsAreStillToldWithTheirCertificates) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate next, Renew(s.world, s.bob, kBob));
  ASSERT_OK_AND_ASSIGN(const FeedPage page, s.world.directory_store().ReadLog(0, 1000, 1 << 20, /*opened=*/true));
  std::vector<std::vector<Bytes>> told;
  for (const FeedLeaf& leaf : page.leaves) {
    if (leaf.opened && leaf.opened->user == kBob) told.push_back(leaf.opened->credentials);
  }
  const std::vector<std::vector<Bytes>> expected = {{}, {s.bob.credential.der()}, {next.der()}};
  EXPECT_EQ(told, expected);
}

}  // namespace
}  // namespace plumbline::keyserver
