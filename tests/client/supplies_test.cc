// What is renewed before it ends: the TLS certificate, mailboxes, key packages, tokens. The
// services are played by one object that answers as they do and remembers what it was asked.
#include "client/device_certificate.h"
#include "client/supplies.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "client/directory.h"
#include "client/organisation_keys.h"
#include "common/file.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/mailbox_address.h"
#include "common/tokens/redeemer.h"
#include "mls/key_package.h"
#include "tests/client/people.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::TestOrganisation;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

// The key server and the delivery server for what Supplies asks of them. Anything else is refused.
class Services final : public Network {
 public:
  explicit Services(const Clock& clock) : clock_(clock) {}

  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest& request) override {
    published.push_back(request);
    keys::v1::PublishKeyPackagesResponse response;
    response.set_available(static_cast<uint32_t>(request.key_packages_size()));
    return response;
  }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override {
    keys::v1::GetTokenKeysResponse response;
    const tokens::Mint& now = successor ? *successor : mint;
    for (const tokens::TokenKey& key : offered) response.add_token_keys(ToString(now.Signed(key)));
    for (const char* purpose : {"delivery", "directory"})
      if (offered.empty()) response.add_token_keys(ToString(now.Signed(mint.KeyFor(purpose, Time()))));
    return response;
  }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(
      const keys::v1::DrawTokensRequest& request) override {
    drawn.push_back(request);
    keys::v1::DrawTokensResponse response;
    for (const std::string& each : request.token_requests()) {
      const auto asked = ValueOf(tokens::ParseTokenRequest(AsBytes(each)));
      response.add_token_responses(
          ToString(tokens::Encode(tokens::Mint::Answer(request.purpose(), asked))));
    }
    if (change_answer) change_answer(response);
    return response;
  }
  // What is new in the log, as far as it is about keys for tokens.
  absl::Status ReadLogInto(Stores& stores) {
    ++syncs;
    if (say_replaced) say_replaced();
    Change change = ValueOf(stores.store.Begin());
    for (const char* purpose : {"delivery", "directory"})
      RETURN_IF_ERROR(stores.log.SetTokenKey(change, mint.KeyFor(purpose, Time()).leaf));
    return change.Commit();
  }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(
      const keys::v1::DrawGrantsRequest& request) override {
    keys::v1::DrawGrantsResponse response;
    for (uint32_t i = 0; i < request.count(); ++i) {
      response.add_grants(ToString(identity::Encode(*identity::IssueGrant(role, Time()))));
    }
    return response;
  }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(
      const keys::v1::RenewCertificateRequest& request) override {
    ++renewals;
    return renew ? renew(request) : absl::UnavailableError("server_unreachable: nothing answers");
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest& request) override {
    credential_renewals.push_back(request);
    return renew_credential ? renew_credential(request) : absl::UnavailableError("server_unreachable: nothing answers");
  }
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest& request) override {
    if (!open_answer.ok()) return std::exchange(open_answer, absl::OkStatus());
    opened.insert(request.mailbox_id());
    return absl::OkStatus();
  }

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(
      const keys::v1::ClaimKeyPackagesRequest&) override {
    return claimed;
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t,
                                                         EventQueue&) override {
    return NotHere();
  }

  const crypto::Ed25519KeyPair role = crypto::Ed25519KeyPair::Generate();
  const tokens::Mint mint{"example.org", tokens::TestTokensRole()};
  std::optional<tokens::Mint> successor;   // once the key of the tokens role was replaced
  std::function<void()> say_replaced;      // what the log says then
  std::vector<tokens::TokenKey> offered;  // in the place of those of now
  std::function<void(keys::v1::DrawTokensResponse&)> change_answer;
  std::vector<keys::v1::DrawTokensRequest> drawn;
  int syncs = 0;
  absl::Duration ahead;  // of the device's clock, compared to the services'
  std::function<absl::StatusOr<keys::v1::RenewCertificateResponse>(
      const keys::v1::RenewCertificateRequest&)>
      renew;
  std::function<absl::StatusOr<keys::v1::RenewCredentialResponse>(const keys::v1::RenewCredentialRequest&)> renew_credential;
  std::vector<keys::v1::RenewCredentialRequest> credential_renewals;
  keys::v1::ClaimKeyPackagesResponse claimed;
  absl::Status open_answer;  // for the next OpenMailbox only
  int renewals = 0;
  std::set<std::string> opened;
  std::vector<keys::v1::PublishKeyPackagesRequest> published;

  absl::Time Time() const { return clock_.Now() - ahead; }

 private:
  static absl::Status NotHere() {
    return absl::UnimplementedError("not_here: supplies do not ask for this");
  }
  const Clock& clock_;
};

struct Scene {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  Services services{clock};
  Supplies supplies{*alice.stores, *alice.self, services, clock};
  Scene() {
    supplies.SyncWith([this] { return services.ReadLogInto(*alice.stores); });
  }

  void AdvanceDays(int days) { clock.Advance(absl::Hours(24 * days)); }
  std::vector<Mailbox> Mailboxes() { return ValueOf(alice.stores->mailboxes.All()); }
  size_t KeyPackageCount() {
    return ValueOf(alice.stores->supply.KeyPackages(true)).size() +
           ValueOf(alice.stores->supply.KeyPackages(false)).size();
  }
};

// The mailbox that a published key package names.
identity::MailboxId MailboxIn(const std::string& key_package) {
  const mls::KeyPackage parsed = ValueOf(mls::ParseKeyPackageMessage(AsBytes(key_package)));
  const Bytes* address =
      mls::FindExtension(parsed.leaf_node.extensions, identity::kMailboxAddressExtension);
  CHECK(address != nullptr);
  return ValueOf(identity::ParseMailboxAddress(*address)).mailbox_id;
}

TEST(Mailboxes, AreKeptWhileTheyHaveDaysLeft) {
  Scene s;
  ASSERT_OK_AND_ASSIGN(const Mailbox first, s.supplies.EnsureMailbox({}));
  EXPECT_TRUE(first.open);
  EXPECT_EQ(first.expires_day, identity::DayOf(s.clock.Now()) + identity::kGrantLifeDays);
  s.AdvanceDays(29);
  ASSERT_OK_AND_ASSIGN(const Mailbox same, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(same.id, first.id);
  EXPECT_EQ(s.services.opened.size(), 1u);
}

TEST(Mailboxes, AreReplacedBeforeTheyEndAndTheOldOneIsStillRead) {
  Scene s;
  const Bytes group = RandomBytes(32);
  ASSERT_OK_AND_ASSIGN(const Mailbox first, s.supplies.EnsureMailbox(group));
  s.AdvanceDays(30);
  ASSERT_OK_AND_ASSIGN(const Mailbox second, s.supplies.EnsureMailbox(group));
  EXPECT_NE(second.id, first.id);
  EXPECT_TRUE(second.open);
  EXPECT_EQ(second.expires_day, first.expires_day + 30);
  EXPECT_EQ(s.services.opened.size(), 2u);
  // Both are in the store, and so both are fetched; the newer one is the group's.
  EXPECT_EQ(s.Mailboxes().size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::optional<Mailbox> named,
                       s.alice.stores->mailboxes.FindFor(group));
  EXPECT_EQ(named->id, second.id);
}

// A grant was drawn long ago and has almost ended itself: it is not what a mailbox is made from.
TEST(Mailboxes, AreNotMadeFromAGrantThatIsAboutToEnd) {
  Scene s;
  ASSERT_OK(s.supplies.EnsureMailbox({}));  // draws two, uses one
  s.AdvanceDays(31);
  ASSERT_OK_AND_ASSIGN(const Mailbox second, s.supplies.EnsureMailbox({}));
  EXPECT_EQ(second.expires_day, identity::DayOf(s.clock.Now()) + identity::kGrantLifeDays);
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
