// A device's credential is renewed when it is due, kept before it is used, and followed by key packages.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "client/directory.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/labels.h"
#include "mls/key_package.h"
#include "tests/client/supplies_scene.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::TestOrganisation;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

// A credential of 200 days; a key server that gives the next one for as long, or what `change` makes of it.
struct Renewable : Scene {
  crypto::LeafSpec Spec() {
    const crypto::Certificate present = Present();
    crypto::LeafSpec spec;
    spec.spki = present.spki();
    spec.uris = present.uris();
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = {clock.Now() - absl::Minutes(10), clock.Now() + absl::Hours(24 * 200)};
    return spec;
  }
  crypto::Certificate Present() { return ValueOf(crypto::Certificate::Parse(alice.self->account().mls_certificate)); }
  Bytes Kept() { return ValueOf(alice.stores->account.Get())->mls_certificate; }
  keys::v1::RenewCredentialResponse Answer(const Bytes& leaf) {
    keys::v1::RenewCredentialResponse response;
    response.add_mls_certificates(ToString(leaf));
    response.add_mls_certificates(ToString(organisation.issuing.der()));
    return response;
  }
  void Give(const Bytes& leaf) {
    services.renew_credential = [this, leaf](const auto&) -> absl::StatusOr<keys::v1::RenewCredentialResponse> { return Answer(leaf); };
  }
  void Give() { Give(organisation.Leaf(Spec()).der()); }
};

TEST(Credential, IsLeftAloneForTwoThirdsOfItsLife) {
  Renewable s;
  s.AdvanceDays(132);
  ASSERT_OK_AND_ASSIGN(const auto renewed, s.supplies.RenewCredential());
  EXPECT_FALSE(renewed);
  EXPECT_TRUE(s.services.credential_renewals.empty());
}

TEST(Credential, IsRenewedAndKeptBeforeItIsUsed) {
  Renewable s;
  s.AdvanceDays(134);
  EXPECT_FALSE(s.supplies.RenewCredential().ok());  // nothing answers
  EXPECT_EQ(s.Kept(), s.Present().der());
  s.Give();
  ASSERT_OK_AND_ASSIGN(auto renewed, s.supplies.RenewCredential());
  ASSERT_TRUE(renewed);
  EXPECT_EQ(s.Kept(), renewed->certificate);
  // What was asked: the working key's word for this device, this key and the credential that there was.
  const keys::v1::RenewCredentialRequest& asked = s.services.credential_renewals.back();
  ASSERT_OK_AND_ASSIGN(const auto renewal, identity::ParseCredentialRenewal(AsBytes(asked.renewal())));
  EXPECT_EQ(renewal.user, s.alice.user());
  EXPECT_EQ(renewal.device_id, s.alice.self->device());
  EXPECT_EQ(renewal.former_credential_hash, Sha256(s.Present().der()));
  EXPECT_EQ(renewal.time_unix, static_cast<uint64_t>(absl::ToUnixSeconds(s.clock.Now())));
  EXPECT_OK(s.alice.self->working_key().public_key().Verify(identity::kCredentialRenewalLabel, AsBytes(asked.renewal()), AsBytes(asked.signature())));
  s.alice.self->UseCredential(renewed->certificate, renewed->issuing);
  const size_t before = s.services.credential_renewals.size();
  ASSERT_OK_AND_ASSIGN(renewed, s.supplies.RenewCredential());
  EXPECT_FALSE(renewed);
  EXPECT_EQ(s.services.credential_renewals.size(), before);
}

// However much of its life is left; and by another authority, for the former one's signature is worth nothing soon.
TEST(Credential, IsRenewedWhenItsAuthorityWasReplaced) {
  Renewable s;
  s.AdvanceDays(1);
  s.Give();
  crypto::ReplacedIssuers replaced;
  replaced.Add(s.organisation.issuing, s.clock.Now() + absl::Hours(48));
  s.alice.self->issuers()->Replace(replaced);
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const crypto::Certificate next = ValueOf(crypto::MakeIssuing(s.organisation.root, s.organisation.root_key, key.spki(), "Test issuing",
                                                               {s.clock.Now() - absl::Hours(1), s.clock.Now() + absl::Hours(24 * 300)}));
  crypto::LeafSpec spec = s.Spec();
  spec.validity.not_after = s.clock.Now() + absl::Hours(47);
  const auto give = [&](const crypto::LeafSpec& of) {
    keys::v1::RenewCredentialResponse response;
    response.add_mls_certificates(ToString(ValueOf(crypto::IssueLeaf(next, key, of)).der()));
    response.add_mls_certificates(ToString(next.der()));
    s.services.renew_credential = [response](const auto&) -> absl::StatusOr<keys::v1::RenewCredentialResponse> { return response; };
  };
  give(spec);
  EXPECT_THAT(s.supplies.RenewCredential(), StatusIs(absl::StatusCode::kInternal, HasSubstr("key_server_answer: "))) << "sooner than the former one";
  give(s.Spec());
  ASSERT_OK_AND_ASSIGN(const auto renewed, s.supplies.RenewCredential());
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->issuing, next.der());
  s.alice.self->UseCredential(renewed->certificate, renewed->issuing);
  ASSERT_OK_AND_ASSIGN(const auto again, s.supplies.RenewCredential());
  EXPECT_FALSE(again);
}

TEST(Credential, IsRenewedLongAfterItsEndToo) {
  Renewable s;
  s.AdvanceDays(290);
  s.Give();
  ASSERT_OK_AND_ASSIGN(const auto renewed, s.supplies.RenewCredential());
  EXPECT_TRUE(renewed);
}

TEST(Credential, IsNotReplacedByOneThatIsNotThisDevicesOrNoBetter) {
  Renewable s;
  s.AdvanceDays(134);
  const auto with = [&](const std::function<void(crypto::LeafSpec&)>& change) {
    crypto::LeafSpec spec = s.Spec();
    change(spec);
    return s.organisation.Leaf(spec).der();
  };
  const TestOrganisation elsewhere(s.clock.Now());
  const std::vector<std::pair<std::string, Bytes>> answers = {
      {"another key", with([](auto& spec) { spec.spki = crypto::Ed25519Spki(crypto::Ed25519KeyPair::Generate().public_key()); })},
      {"another person", with([](auto& spec) { spec.uris[0] = "mimi://example.org/u/bob"; })},
      {"another device", with([](auto& spec) { spec.uris[1] = "mimi://example.org/d/00000000000000000000000000000000"; })},
      {"another purpose", with([](auto& spec) { spec.purpose = crypto::Purpose::kRoleSignature; })},
      {"another organisation", elsewhere.Leaf(s.Spec()).der()},
      {"over", with([](auto& spec) { spec.validity.not_before -= absl::Hours(24 * 300), spec.validity.not_after -= absl::Hours(24 * 201); })},
      {"ends no later", with([&](auto& spec) { spec.validity.not_after = s.Present().not_after(); })},
      {"the same", s.Present().der()},
      {"junk", ToBytes(AsBytes("junk"))}};
  for (const auto& [what, leaf] : answers) {
    SCOPED_TRACE(what);
    s.Give(leaf);
    EXPECT_THAT(s.supplies.RenewCredential(), StatusIs(absl::StatusCode::kInternal, HasSubstr("key_server_answer: ")));
    EXPECT_EQ(s.Kept(), s.Present().der());
  }
  s.Give();
  EXPECT_OK(s.supplies.RenewCredential()) << "the control";
}

// Killed between the store and whatever comes next, the device finds its new credential at the next start, and publishes under it.
TEST(Credential, KeyPackagesFollowItAndFormerOnesAreKeptForWhoHasThem) {
  Renewable s;
  s.AdvanceDays(134);
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 1u);
  const size_t published = s.KeyPackageCount();
  s.Give();
  ASSERT_OK_AND_ASSIGN(auto renewed, s.supplies.RenewCredential());
  ASSERT_TRUE(renewed);
  s.alice.self->UseCredential(renewed->certificate, renewed->issuing);
  s.supplies.SetAvailable(kKeyPackages);
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 2u);
  const auto& batch = s.services.published.back();
  EXPECT_EQ(batch.key_packages_size(), static_cast<int>(kKeyPackages));
  EXPECT_FALSE(batch.last_resort_key_package().empty());
  for (const std::string& each : batch.key_packages()) {
    EXPECT_EQ(ValueOf(mls::ParseKeyPackageMessage(AsBytes(each))).leaf_node.credential, s.alice.self->credential());
  }
  EXPECT_EQ(s.KeyPackageCount(), 2 * published);
  ASSERT_OK(s.supplies.Prepare());
  EXPECT_EQ(s.services.published.size(), 2u);
}

// One start of the client, after which the device uses what its store has.
void RunOnce(Renewable& s) {
  s.alice.self->UseCredential(s.Kept(), s.organisation.issuing.der());
  Supplies supplies(*s.alice.stores, *s.alice.self, s.services, s.clock);
  auto renewed = supplies.RenewCredential();
  CHECK(renewed.ok());
  if (*renewed) s.alice.self->UseCredential((*renewed)->certificate, (*renewed)->issuing);
  CHECK(supplies.Prepare().ok());
}

// Killed at any commit of its store, before it or after, the device ends up with the one new credential and key packages under it.
TEST(Credential, IsRenewedOnceWhereverTheDeviceIsKilled) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    Renewable s;
    s.AdvanceDays(134);
    ASSERT_OK(s.supplies.Prepare());
    const Bytes next = s.organisation.Leaf(s.Spec()).der();
    s.Give(next);
    s.alice.Close();
    const pid_t child = fork();
    if (child == 0) {
      s.alice.Reopen();
      int seen = 0;
      s.alice.store().ObserveCommits([&](bool) {
        if (seen++ == n) kill(getpid(), SIGKILL);
      });
      RunOnce(s);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
    s.alice.Reopen();
    EXPECT_TRUE(s.Kept() == next || s.Kept() == s.Present().der());
    RunOnce(s);
    EXPECT_EQ(s.Kept(), next);
    size_t good = 0;
    for (const StoredKeyPackage& each : ValueOf(s.alice.stores->supply.KeyPackages(true))) {
      good += ValueOf(mls::KeyPackageBundle::Parse(each.bundle.view())).key_package.leaf_node.credential == s.alice.self->credential();
    }
    EXPECT_EQ(good, kKeyPackages + 1);
    EXPECT_TRUE(ValueOf(s.alice.stores->supply.KeyPackages(false)).empty());
    if (!WIFEXITED(status)) continue;
    EXPECT_GE(n, 6);  // the credential, the key packages, that they are published
    break;
  }
}

// Of a key server that gives one out nevertheless: a commit with it would be refused, and so keep everything else in it from happening.
TEST(Credential, AKeyPackageOfSomebodyUnderAnEndedOneIsLeftOut) {
  Renewable s;
  Device bob{s.organisation, "bob", s.clock};
  Directory directory(*s.alice.stores, *s.alice.self, s.services, s.supplies, s.clock);
  s.supplies.SyncWith([&s] { return s.services.ReadLogInto(*s.alice.stores); });
  identity::RecordDevice listed;
  listed.device_id = bob.self->device();
  listed.mls_signature_public_key = ValueOf(identity::ToFixed<32>(bob.self->mls_public_key()));
  s.AdvanceDays(190);
  keys::v1::ClaimedKeyPackage& offered = *s.services.claimed.add_key_packages();
  offered.set_device_id(ToString(listed.device_id));
  offered.set_key_package(ToString(mls::EncodeKeyPackageMessage(bob.AddKeyPackage(bob.AddMailbox({})))));
  EXPECT_EQ(ValueOf(directory.Claim(bob.user(), {listed})).size(), 1u);
  s.AdvanceDays(11);
  EXPECT_EQ(ValueOf(directory.Claim(bob.user(), {listed})).size(), 0u);
}

TEST(Credential, NoKeyPackageOutlivesIt) {
  Renewable s;
  s.AdvanceDays(190);  // ten days before its end; mailboxes live longer
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 1u);
  const mls::KeyPackage first = ValueOf(mls::ParseKeyPackageMessage(AsBytes(s.services.published[0].key_packages(0))));
  EXPECT_LE(first.leaf_node.lifetime.not_after, static_cast<uint64_t>(absl::ToUnixSeconds(s.Present().not_after())));
  s.AdvanceDays(6);  // nothing that could be used before it ends is made
  ASSERT_OK(s.supplies.Prepare());
  EXPECT_EQ(s.services.published.size(), 1u);
}

}  // namespace
}  // namespace plumbline::client
