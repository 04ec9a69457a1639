// What is renewed before it ends: the TLS certificate, mailboxes, key packages, tokens.
#include "client/device_certificate.h"
#include "client/supplies.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "client/organisation_keys.h"
#include "common/file.h"
#include "common/identity/grant.h"
#include "common/identity/mailbox_address.h"
#include "common/tokens/redeemer.h"
#include "mls/key_package.h"
#include "tests/client/supplies_scene.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::TestOrganisation;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

// The mailbox that a published key package names.
identity::MailboxId MailboxIn(const std::string& key_package) {
  const mls::KeyPackage parsed = ValueOf(mls::ParseKeyPackageMessage(AsBytes(key_package)));
  const Bytes* address =
      mls::FindExtension(parsed.leaf_node.extensions, identity::kMailboxAddressExtension);
  CHECK(address != nullptr);
  return ValueOf(identity::ParseMailboxAddress(*address)).mailbox_id;
}

uint32_t EndOfGrant(absl::Time issued) {
  return (identity::DayOf(issued) + identity::kGrantLifeDays) / identity::kGrantDaysApart * identity::kGrantDaysApart;
}

TEST(Mailboxes, AreKeptWhileTheyHaveDaysLeft) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(const Mailbox first, s.supplies.EnsureMailbox({}));
  EXPECT_TRUE(first.open);
  EXPECT_EQ(first.expires_day, EndOfGrant(s.clock.Now()));
  s.AdvanceDays(static_cast<int>(first.expires_day - identity::DayOf(s.clock.Now())) - 5);
  ASSERT_OK_AND_ASSIGN(const Mailbox same, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(same.id, first.id);
  EXPECT_EQ(s.services.opened.size(), 1u);
}

TEST(Mailboxes, AreReplacedBeforeTheyEndAndTheOldOneIsStillRead) {
  Scene s;
  const Bytes group = RandomBytes(32);
  ASSERT_OK_AND_ASSIGN(const Mailbox first, s.supplies.EnsureMailbox(group));
  s.AdvanceDays(static_cast<int>(first.expires_day - identity::DayOf(s.clock.Now())) - 4);
  ASSERT_OK_AND_ASSIGN(const Mailbox second, s.supplies.EnsureMailbox(group));
  EXPECT_NE(second.id, first.id);
  EXPECT_TRUE(second.open);
  EXPECT_EQ(s.services.opened.size(), 2u);
  // Both are in the store, and so both are fetched; the newer one is the group's.
  EXPECT_EQ(s.Mailboxes().size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::optional<Mailbox> named,
                       s.alice.stores->mailboxes.FindFor(group));
  EXPECT_EQ(named->id, second.id);
}

// From before mailboxes had places: the server puts what waited in them where this leads.
TEST(Mailboxes, OfBeforeBeginAtAPlaceThatFollowsFromTheirId) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(const Mailbox opened, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(opened.begin, opened.place);
  EXPECT_FALSE(opened.begin == identity::MailboxPlace::Former(opened.id));
  ASSERT_OK(s.alice.stores->store.db().Execute("UPDATE mailbox SET begin_place = NULL, place = NULL"));
  ASSERT_OK_AND_ASSIGN(const std::optional<Mailbox> former, s.alice.stores->mailboxes.Find(opened.id));
  EXPECT_EQ(former->begin, identity::MailboxPlace::Former(opened.id));
  EXPECT_EQ(former->place, former->begin);
}

// A grant was drawn long ago and has almost ended itself: it is not what a mailbox is made from.
TEST(Mailboxes, AreNotMadeFromAGrantThatIsAboutToEnd) {
  Scene s;
  ASSERT_OK(s.supplies.EnsureMailbox({}));  // draws two, uses one
  s.AdvanceDays(31);
  ASSERT_OK_AND_ASSIGN(const Mailbox second, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(second.expires_day, EndOfGrant(s.clock.Now()));
}

TEST(Mailboxes, AreMadeFromAnotherGrantIfOneIsSpent) {
  Scene s;
  s.services.open_answer = absl::AlreadyExistsError("grant_spent: used");
  EXPECT_FALSE(s.supplies.EnsureMailbox({}).ok());
  EXPECT_TRUE(s.Mailboxes().empty());
  ASSERT_OK_AND_ASSIGN(const Mailbox mailbox, s.supplies.EnsureMailbox({}));
  EXPECT_TRUE(mailbox.open);
}

TEST(Mailboxes, AreOpenedAgainWithTheSameGrantWhenTheAnswerWasLost) {
  Scene s;
  s.services.open_answer = absl::UnavailableError("connection_lost: try again");
  EXPECT_THAT(s.supplies.EnsureMailbox({}), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_EQ(s.Mailboxes().size(), 1u);
  const identity::MailboxId id = s.Mailboxes().front().id;
  ASSERT_OK_AND_ASSIGN(const Mailbox mailbox, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(mailbox.id, id);
}

TEST(KeyPackages, ArePublishedOnceAndNameTheIntakeMailbox) {
  Scene s;
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 1u);
  const auto& batch = s.services.published.front();
  EXPECT_EQ(batch.key_packages_size(), static_cast<int>(kKeyPackages));
  ASSERT_EQ(s.Mailboxes().size(), 1u);
  EXPECT_EQ(MailboxIn(batch.key_packages(0)), s.Mailboxes().front().id);
  EXPECT_EQ(MailboxIn(batch.last_resort_key_package()), s.Mailboxes().front().id);
  const mls::KeyPackage last =
      ValueOf(mls::ParseKeyPackageMessage(AsBytes(batch.last_resort_key_package())));
  EXPECT_TRUE(last.last_resort());
}

// No key package outlives the mailbox it names, and before that mailbox ends others are published
// that name the next.
TEST(KeyPackages, AreReplacedWithTheIntakeMailboxTheyName) {
  Scene s;
  ASSERT_OK(s.supplies.Prepare());
  const Mailbox first = ValueOf(s.supplies.EnsureMailbox({}));
  for (const std::string& message : s.services.published.front().key_packages()) {
    const mls::KeyPackage parsed = ValueOf(mls::ParseKeyPackageMessage(AsBytes(message)));
    EXPECT_LE(parsed.leaf_node.lifetime.not_after,
              static_cast<uint64_t>(absl::ToUnixSeconds(
                  absl::UnixEpoch() + absl::Hours(24) * (first.expires_day + 1))));
  }
  s.AdvanceDays(30);
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 2u);
  const auto& batch = s.services.published.back();
  EXPECT_EQ(batch.key_packages_size(), static_cast<int>(kKeyPackages));
  const Mailbox second = ValueOf(s.supplies.EnsureMailbox({}));
  EXPECT_NE(second.id, first.id);
  for (const std::string& message : batch.key_packages()) EXPECT_EQ(MailboxIn(message), second.id);
  EXPECT_EQ(MailboxIn(batch.last_resort_key_package()), second.id);
  // Whoever claimed one of the old ones a moment ago can still be answered.
  EXPECT_EQ(s.KeyPackageCount(), 2 * (kKeyPackages + 1));
}

// The first mailbox was closed for good: what names its successor is in the hands of others.
TEST(KeyPackages, AreForgottenWithTheIntakeMailboxTheyNameAndNoOthers) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(const Mailbox first, s.supplies.EnsureMailbox({}));
  ASSERT_OK(s.supplies.Prepare());
  s.AdvanceDays(30);
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.KeyPackageCount(), 2 * (kKeyPackages + 1));
  ASSERT_OK(s.supplies.Forget(first.id));
  EXPECT_EQ(s.KeyPackageCount(), kKeyPackages + 1);
  for (const StoredKeyPackage& stored : ValueOf(s.alice.stores->supply.KeyPackages(true))) {
    const mls::KeyPackageBundle bundle = ValueOf(mls::KeyPackageBundle::Parse(stored.bundle.view()));
    EXPECT_NE(MailboxIn(ToString(mls::EncodeKeyPackageMessage(bundle.key_package))), first.id);
  }
}

TEST(KeyPackages, AreForgottenWhenTheirTimeIsOver) {
  Scene s;
  ASSERT_OK(s.supplies.Prepare());
  s.AdvanceDays(40);
  ASSERT_OK(s.supplies.Prepare());
  EXPECT_EQ(s.KeyPackageCount(), kKeyPackages + 1);
  for (const StoredKeyPackage& stored : ValueOf(s.alice.stores->supply.KeyPackages(true))) {
    EXPECT_GT(stored.not_after, s.clock.Now());
  }
}

TEST(KeyPackages, AreMadeAgainWhenTheServerHasFewLeft) {
  Scene s;
  ASSERT_OK(s.supplies.Prepare());
  s.supplies.SetAvailable(kKeyPackagesLow);
  ASSERT_OK(s.supplies.Prepare());
  EXPECT_EQ(s.services.published.size(), 1u);
  s.supplies.SetAvailable(kKeyPackagesLow - 1);
  ASSERT_OK(s.supplies.Prepare());
  ASSERT_EQ(s.services.published.size(), 2u);
  EXPECT_EQ(s.services.published.back().key_packages_size(),
            static_cast<int>(kKeyPackages - kKeyPackagesLow + 1));
  EXPECT_EQ(s.services.published.back().last_resort_key_package(), "");  // that one is not used up
}

absl::Status TokenIsGood(Scene& s, const char* purpose) {
  ASSIGN_OR_RETURN(const StoredToken token, s.supplies.TakeToken(purpose));
  const tokens::Redeemer redeemer("example.org", purpose);
  return redeemer.Check(token.token, token.token_key, tokens::TestTokensRole().public_key(), s.services.Time()).status();
}

TEST(Tokens, AreDrawnInBatchesForEachPurposeAndTakenOnce) {
  Scene s;
  std::set<Bytes> seen;
  for (uint32_t i = 0; i < kTokenBatch + 1; ++i) {
    ASSERT_OK_AND_ASSIGN(const StoredToken token, s.supplies.TakeToken("delivery"));
    EXPECT_TRUE(seen.insert(token.token).second);
  }
  EXPECT_EQ(s.services.drawn.size(), 2u);
  EXPECT_EQ(s.services.syncs, 1);  // the key is known by then
  EXPECT_OK(TokenIsGood(s, "delivery"));
  EXPECT_OK(TokenIsGood(s, "directory"));
  // Requests say nothing that could be recognised: no two are alike.
  std::set<std::string> requests;
  for (const auto& request : s.services.drawn)
    for (const std::string& each : request.token_requests()) EXPECT_TRUE(requests.insert(each).second);
}

TEST(Tokens, AreDrawnAnewWithTheNextKey) {
  Scene s;
  ASSERT_OK(TokenIsGood(s, "delivery"));
  s.clock.Advance(absl::Hours(1) + absl::Minutes(9));  // what is left has ended
  EXPECT_OK(TokenIsGood(s, "delivery"));
  EXPECT_EQ(s.services.syncs, 2);
  EXPECT_EQ(s.services.drawn.size(), 2u);
}

// Of one epoch the log shows one key to everybody; a key of this device's own would be its name.
TEST(Tokens, AreNotDrawnUnderAnotherKeyThanTheLogs) {
  Scene s;
  tokens::TokenKey own = s.services.mint.KeyFor("delivery", s.clock.Now());
  own.key = tokens::Mint::Key(2).public_key();
  own.leaf.token_key_id = tokens::TokenKeyId(own.key);
  s.services.offered = {s.services.mint.KeyFor("delivery", s.clock.Now()), own};
  EXPECT_THAT(s.supplies.TakeToken("delivery"),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_key_other: ")));
  s.services.offered = {own};
  EXPECT_THAT(s.supplies.TakeToken("delivery"),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_key_other: ")));
  // One of a later epoch that the log does not show is not used either.
  ++own.leaf.epoch;
  s.services.offered = {own};
  EXPECT_THAT(s.supplies.TakeToken("delivery"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("token_key_unknown: ")));
  EXPECT_TRUE(s.services.drawn.empty());
  s.services.offered.clear();
  EXPECT_OK(TokenIsGood(s, "delivery"));
}

TEST(Tokens, AreNotDrawnUnderAKeyOfAnotherOrganisation) {
  Scene s;
  tokens::TokenKey foreign = s.services.mint.KeyFor("delivery", s.clock.Now());
  foreign.domain = "example.com";
  s.services.offered = {foreign};
  EXPECT_THAT(s.supplies.TakeToken("delivery"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("not this organisation's")));
  EXPECT_TRUE(s.services.drawn.empty());
}

// The key of the tokens role was replaced since this device last read the log.
TEST(Tokens, AreDrawnUnderAKeyWhoseSignerTheLogHasYetToName) {
  Scene s;
  ASSERT_OK(s.supplies.TakeToken("delivery").status());
  {
    Change change = ValueOf(s.alice.stores->store.Begin());
    ASSERT_OK(s.alice.stores->supply.RemoveTokens(change, "delivery"));
    ASSERT_OK(change.Commit());
  }
  const identity::KeyAuthority authority("example.org", s.clock.Now(), s.organisation.root, s.organisation.root_key);
  const crypto::Ed25519KeyPair next = crypto::Ed25519KeyPair::Generate(), directory = crypto::Ed25519KeyPair::Generate();
  s.services.successor.emplace("example.org", next);
  const int before = s.services.syncs;
  EXPECT_THAT(s.supplies.TakeToken("delivery"), StatusIs(absl::StatusCode::kInternal, HasSubstr("token_key_unsigned: ")));
  EXPECT_EQ(s.services.syncs, before + 1);
  s.services.say_replaced = [&] {
    const identity::OrganisationKeys keys{"example.org",
                                          1,
                                          {{authority.RoleCertificate(identity::Role::kDirectory, directory), 0},
                                           {authority.RoleCertificate(identity::Role::kGrants, s.services.role), 0},
                                           {authority.RoleCertificate(identity::Role::kTokens, next), 0},
                                           {authority.RoleCertificate(identity::Role::kAudit, directory), 0}}};
    EXPECT_OK(TakeOrganisationKeys(*s.alice.stores, *s.alice.self, authority.Sign(keys), s.clock.Now()));
  };
  EXPECT_OK(s.supplies.TakeToken("delivery").status());
  EXPECT_EQ(s.services.syncs, before + 2);
}

TEST(Mailboxes, AreOpenedWithAnotherGrantIfTheKeyThatSignedTheFirstHasEnded) {
  Scene s;
  s.services.open_answer = absl::UnauthenticatedError("grant_invalid: the grant is not signed by a key that counts");
  ASSERT_OK_AND_ASSIGN(const Mailbox mailbox, s.supplies.EnsureMailbox({}));
  EXPECT_TRUE(mailbox.open);
  EXPECT_EQ(s.Mailboxes().size(), 1u);
  s.services.open_answer = absl::UnauthenticatedError("grant_invalid: and so is all that it signed");
  ASSERT_OK_AND_ASSIGN(const Mailbox other, s.supplies.EnsureMailbox(RandomBytes(32)));
  EXPECT_TRUE(other.open);
}

TEST(Tokens, ThatAreWronglySignedAreNotKept) {
  Scene s;
  const auto unusable = StatusIs(absl::StatusCode::kInternal, HasSubstr("key_server_answer: "));
  for (const std::function<void(keys::v1::DrawTokensResponse&)>& change :
       {std::function([](keys::v1::DrawTokensResponse& r) { (*r.mutable_token_responses(19))[100] ^= 1; }),
        std::function([](keys::v1::DrawTokensResponse& r) { r.mutable_token_responses()->RemoveLast(); }),
        std::function([](keys::v1::DrawTokensResponse& r) { r.mutable_token_responses()->SwapElements(0, 1); }),
        std::function([](keys::v1::DrawTokensResponse& r) { r.mutable_token_responses(0)->pop_back(); })}) {
    s.services.change_answer = change;
    EXPECT_THAT(s.supplies.TakeToken("delivery"), unusable);
  }
  s.services.change_answer = nullptr;
  const size_t before = s.services.drawn.size();
  EXPECT_OK(TokenIsGood(s, "delivery"));
  EXPECT_EQ(s.services.drawn.size(), before + 1);  // nothing of the former answers was there
}

TEST(Tokens, ThatAServiceDoesNotTakeAreDroppedOnceAndTheLogIsRead) {
  Scene s;
  ASSERT_OK(TokenIsGood(s, "delivery"));
  int used = 0;
  const auto refuse = [&](int times) {
    used = 0;
    return s.supplies.WithToken("delivery", [&](const StoredToken&) -> absl::StatusOr<int> {
      if (++used <= times) return absl::UnauthenticatedError("token_void: all of them");
      return used;
    });
  };
  ASSERT_OK_AND_ASSIGN(const int second, refuse(1));
  EXPECT_EQ(second, 2);
  EXPECT_EQ(s.services.syncs, 2);
  EXPECT_EQ(s.services.drawn.size(), 2u);
  EXPECT_THAT(refuse(9), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_void")));
  EXPECT_EQ(used, 2);
}

TEST(Tokens, SayByHowMuchTheClockIsAhead) {
  Scene s;
  ASSERT_OK(s.supplies.TakeToken("delivery").status());
  s.services.ahead = absl::Hours(9);
  EXPECT_THAT(s.supplies.TakeToken("directory"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("clock_ahead: this device's clock is 8 hours or more ahead")));
  s.services.ahead = absl::Hours(24 * 8 + 2);
  EXPECT_THAT(s.supplies.TakeToken("directory"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is 8 days or more ahead")));
}

TEST(Tokens, OfADeviceThatIsBehindAreUsed) {
  Scene s;
  s.services.ahead = -absl::Hours(1);
  EXPECT_OK(s.supplies.TakeToken("delivery").status());
}

TEST(Tokens, AreNotDrawnWhereTheLogShowsNoKey) {
  Scene s;
  s.supplies.SyncWith([] { return absl::OkStatus(); });
  EXPECT_THAT(s.supplies.TakeToken("delivery"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("token_keys_missing: ")));
  s.supplies.SyncWith([] { return absl::UnavailableError("directory_stale: for days"); });
  EXPECT_THAT(s.supplies.TakeToken("delivery"), StatusIs(absl::StatusCode::kUnavailable));
}

// A TLS identity on disk as enrolment leaves it: seven days, for a device of this organisation.
struct Identity {
  explicit Identity(Scene& s) : scene(s) {
    CHECK(WriteFileAtomically(key_path, AsBytes(ToString(key.ToPem().view())), 0600).ok());
    Write(Issue(key.spki(), absl::Hours(24 * 7)));
    scene.services.renew = [this](const keys::v1::RenewCertificateRequest& request)
        -> absl::StatusOr<keys::v1::RenewCertificateResponse> {
      ASSIGN_OR_RETURN(const auto asked,
                       crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
      return Answer(Issue(asked.spki(), absl::Hours(24 * 7)));
    };
  }
  crypto::Certificate Issue(const Bytes& spki, absl::Duration life,
                            const std::string& device = "mimi://example.org/d/1") {
    crypto::LeafSpec spec = scene.organisation.Spec(key, crypto::Purpose::kTlsClient);
    spec.spki = spki;
    spec.uris = {device};
    spec.validity = {scene.clock.Now(), scene.clock.Now() + life};
    return scene.organisation.Leaf(spec);
  }
  keys::v1::RenewCertificateResponse Answer(const crypto::Certificate& leaf) const {
    keys::v1::RenewCertificateResponse response;
    response.add_tls_certificates(ToString(leaf.der()));
    response.add_tls_certificates(ToString(scene.organisation.issuing.der()));
    return response;
  }
  void Write(const crypto::Certificate& leaf) const {
    CHECK(WriteFileAtomically(path, AsBytes(crypto::ToPemChain({leaf, scene.organisation.issuing})),
                              0600)
              .ok());
  }
  crypto::Certificate OnDisk() const {
    return ValueOf(crypto::Certificate::ParsePem(ValueOf(ReadTextFile(path, 65536))));
  }
  absl::StatusOr<bool> Renew() { return RenewDeviceCertificate(key_path, path, scene.alice.self->root(), scene.services, scene.clock); }

  Scene& scene;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const testing::ScratchDir folder;
  const std::string key_path = folder / "tls.key", path = folder / "tls.crt";
};

TEST(Certificate, IsLeftAloneForHalfOfItsLife) {
  Scene s;
  Identity identity(s);
  s.clock.Advance(absl::Hours(24 * 3));
  ASSERT_OK_AND_ASSIGN(const bool renewed, identity.Renew());
  EXPECT_FALSE(renewed);
  EXPECT_EQ(s.services.renewals, 0);
}

TEST(Certificate, IsRenewedForTheSameKeyFromHalfOfItsLifeOn) {
  Scene s;
  Identity identity(s);
  s.clock.Advance(absl::Hours(24 * 4));
  ASSERT_OK_AND_ASSIGN(const bool renewed, identity.Renew());
  EXPECT_TRUE(renewed);
  EXPECT_EQ(identity.OnDisk().spki(), identity.key.spki());
  EXPECT_EQ(identity.OnDisk().not_after(), s.clock.Now() + absl::Hours(24 * 7));
  EXPECT_EQ(std::filesystem::status(identity.path).permissions(), std::filesystem::perms(0600));
  ASSERT_OK_AND_ASSIGN(const bool again, identity.Renew());
  EXPECT_FALSE(again);
}

// Whatever the key server answers that is not a good certificate of this device: the old one stays.
TEST(Certificate, IsNotReplacedByOneThatIsNotThisDevices) {
  Scene s;
  Identity identity(s);
  const crypto::Certificate before = identity.OnDisk();
  s.clock.Advance(absl::Hours(24 * 4));
  const TestOrganisation elsewhere(s.clock.Now());
  crypto::LeafSpec foreign = elsewhere.Spec(identity.key, crypto::Purpose::kTlsClient);
  foreign.uris = before.uris();
  foreign.validity = {s.clock.Now(), s.clock.Now() + absl::Hours(24)};
  crypto::LeafSpec server = s.organisation.Spec(identity.key, crypto::Purpose::kTlsServer);
  server.uris = before.uris();
  server.validity = foreign.validity;
  keys::v1::RenewCertificateResponse short_chain =
      identity.Answer(identity.Issue(identity.key.spki(), absl::Hours(24)));
  short_chain.mutable_tls_certificates()->RemoveLast();
  keys::v1::RenewCertificateResponse junk = identity.Answer(before);
  junk.set_tls_certificates(0, "junk");
  s.clock.Advance(-absl::Hours(48));
  const crypto::Certificate over = identity.Issue(identity.key.spki(), absl::Hours(24));
  s.clock.Advance(absl::Hours(48));
  const std::vector<std::pair<std::string, keys::v1::RenewCertificateResponse>> answers = {
      {"another key",
       identity.Answer(identity.Issue(crypto::P256PrivateKey::Generate().spki(), absl::Hours(24)))},
      {"another device", identity.Answer(identity.Issue(identity.key.spki(), absl::Hours(24),
                                                        "mimi://example.org/d/2"))},
      {"another organisation", identity.Answer(elsewhere.Leaf(foreign))},
      {"another purpose", identity.Answer(s.organisation.Leaf(server))},
      {"over", identity.Answer(over)},
      {"one certificate", short_chain},
      {"not a certificate", junk},
      {"nothing", keys::v1::RenewCertificateResponse()},
  };
  for (const auto& [what, answer] : answers) {
    SCOPED_TRACE(what);
    s.services.renew = [&answer = answer](const auto&) { return answer; };
    EXPECT_FALSE(identity.Renew().ok());
    EXPECT_TRUE(identity.OnDisk() == before);
  }
}

TEST(Certificate, StaysWhenTheKeyServerIsAway) {
  Scene s;
  Identity identity(s);
  const crypto::Certificate before = identity.OnDisk();
  s.clock.Advance(absl::Hours(24 * 4));
  s.services.renew = nullptr;
  EXPECT_THAT(identity.Renew(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(identity.OnDisk() == before);
}

}  // namespace
}  // namespace plumbline::client
