// Somebody new who could be taken for somebody known: said at the first look-up, when they write first, and when they are brought
// into a group. The class of Teams' and Slack's look-alike guests, inside of one organisation.
#include "client/resemblance.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "client/engine.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using identity::Likeness;
using identity::Lookalike;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string At(const std::string& name) { return "mimi://example.org/u/" + name; }

identity::DirectoryRecord RecordOf(const Device& device, const std::string& display_name) {
  identity::DirectoryRecord record;
  record.user = device.self->user();
  record.display_name = display_name;
  record.version = 1;
  identity::RecordDevice listed;
  listed.device_id = device.self->device();
  listed.label = "laptop";
  listed.mls_signature_public_key = *identity::ToFixed<32>(device.self->mls_public_key());
  listed.credential_hash = Sha256(device.self->account().mls_certificate);
  record.devices = {listed};
  return record;
}

void Know(Device& who, const Device& whom, const std::string& display_name, bool shown = true) {
  const identity::DirectoryRecord record = RecordOf(whom, display_name);
  Change change = ValueOf(who.stores->store.Begin());
  CHECK(who.stores->contacts.SetRecord(change, record, identity::Encode(record), Bytes(64), /*proved=*/true).ok());
  if (shown) CHECK(who.stores->contacts.SetShown(change, record.user, DevicesHash(record)).ok());
  CHECK(change.Commit().ok());
}

std::vector<std::string> Warnings(Device& device) {
  std::vector<std::string> texts;
  for (const Entry& entry : ValueOf(device.stores->history.InConversation("", 1000))) {
    if (entry.kind == EntryKind::kNotice && entry.detail == "looks_like") texts.push_back(ToString(entry.body));
  }
  return texts;
}

// Alice knows Bob; others look like one of them.
struct Scene {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock}, bob{organisation, "bob", clock}, twin{organisation, "b0b", clock},
      double_alice{organisation, "a1ice", clock}, carol{organisation, "carol", clock};
  Mailbox alice_intake = alice.AddMailbox({});

  Scene() {
    Know(alice, alice, "Alice Archer");
    Know(alice, bob, "Bob Baker");
  }
  void WritesFirst(Device& from) {
    CHECK(from.conversations->Create(std::nullopt, {alice.AddKeyPackage(alice_intake)}, from.AddMailbox(RandomBytes(32))).ok());
    CHECK(GiveTo(alice, TakeFromOutbox(from)) == std::vector<Taken>{Taken::kDone});
  }
};

// A directory that knows everybody of the scene; nothing else answers.
class OnlyDirectory final : public Network {
 public:
  OnlyDirectory(Device& trusting, const testing::TestOrganisation& organisation, const Clock& clock)
      : key_(trusting.self->working_key()), directory_(organisation, clock) {}
  void Add(const Device& device, const std::string& display_name) {
    keys::v1::SignedRecord out;
    out.set_record(ToString(identity::Encode(RecordOf(device, display_name))));
    out.set_signature(ToString(key_.Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    out.add_credentials(ToString(device.self->account().mls_certificate));
    directory_.Append(out);
  }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest& request) override {
    return directory_.LookUp(request.user());
  }
  int look_ups() const { return directory_.look_ups; }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) override {
    return directory_.ReadLog(request);
  }

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(const keys::v1::PublishKeyPackagesRequest&) override {
    return Never();
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return Never(); }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override { return Never(); }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(const keys::v1::DrawTokensRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(const keys::v1::DrawGrantsRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(const keys::v1::RenewCertificateRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest&) override { return Never(); }
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest&) override { return Never(); }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override { return Never(); }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override { return Never(); }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t, EventQueue&) override { return Never(); }

 private:
  static absl::Status Never() { return absl::UnimplementedError("a look-up does not call this"); }
  const crypto::Ed25519KeyPair& key_;
  TestDirectory directory_;
};

struct Online : Scene {
  OnlyDirectory directory{alice, organisation, clock};
  Engine engine{*alice.stores, *alice.self, directory, clock};
  Online() {
    directory.Add(bob, "Bob Baker");
    directory.Add(twin, "Robert");
    directory.Add(double_alice, "Mallory");
    directory.Add(carol, "B\u043Eb Baker");
    Change change = ValueOf(alice.stores->store.Begin());
    for (uint8_t i = 0; i < 20; ++i) {
      CHECK(alice.stores->supply.AddToken(change, {Bytes{i}, {}}, tokens::kPurposeDirectory, clock.Now() + absl::Hours(1)).ok());
    }
    CHECK(change.Commit().ok());
  }
};

TEST(Resemblance, TheFirstLookUpSaysWhomSomebodyCouldBeTakenFor) {
  Online scene;
  EXPECT_THAT(ValueOf(scene.engine.CheckPerson(At("b0b"))).looks_like, ElementsAre(Lookalike{At("bob"), Likeness::kReadsAlike}));
  EXPECT_THAT(ValueOf(scene.engine.CheckPerson(At("a1ice"))).looks_like, ElementsAre(Lookalike{At("alice"), Likeness::kReadsAlike}))
      << "also for oneself";
  EXPECT_THAT(ValueOf(scene.engine.CheckPerson(At("carol"))).looks_like, ElementsAre(Lookalike{At("bob"), Likeness::kSameDisplayName}))
      << "with a Cyrillic o";
}

TEST(Resemblance, OnceSomebodyWasShownTheRecordsOfAllAreNotReadAgain) {
  Online scene;
  const PersonView first = ValueOf(scene.engine.CheckPerson(At("b0b")));
  ASSERT_OK(scene.engine.MarkShown({first}));
  EXPECT_THAT(ValueOf(scene.engine.CheckPerson(At("b0b"))).looks_like, IsEmpty());
}

// Only the first time is the key server asked about somebody; after that the log tells, and only while it does.
TEST(LookUp, WhoIsFollowedIsNotAskedAbout) {
  Online scene;
  Supplies supplies{*scene.alice.stores, *scene.alice.self, scene.directory, scene.clock};
  Directory directory{*scene.alice.stores, *scene.alice.self, scene.directory, supplies, scene.clock};
  ContactStore& contacts = scene.alice.stores->contacts;
  const auto asked = [&] {
    const int before = scene.directory.look_ups();
    EXPECT_OK(directory.LookUp(At("b0b")));
    return scene.directory.look_ups() - before;
  };
  EXPECT_EQ(asked(), 1);
  EXPECT_EQ(asked(), 0);
  const Contact held = *ValueOf(contacts.Find(At("b0b")));
  Change change = ValueOf(scene.alice.stores->store.Begin());
  ASSERT_OK(contacts.SetRecord(change, held.parsed, held.record, held.signature, /*proved=*/false));
  ASSERT_OK(change.Commit());
  EXPECT_EQ(asked(), 1) << "the key server's word alone";
  Change forget = ValueOf(scene.alice.stores->store.Begin());
  ASSERT_OK(contacts.SetPlace(forget, At("b0b"), std::nullopt));
  ASSERT_OK(forget.Commit());
  EXPECT_EQ(asked(), 1) << "where the log has them is forgotten";
  EXPECT_EQ(asked(), 0);
  scene.clock.Advance(kOldestCheckpoint + absl::Hours(1));
  EXPECT_THAT(directory.LookUp(At("b0b")).status(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("directory_stale: ")));
}

TEST(Resemblance, NobodyIsLikeHimself) {
  Scene scene;
  EXPECT_THAT(ValueOf(ResemblancesOf(scene.alice.stores->contacts, At("bob"), "Bob Baker")), IsEmpty());
  EXPECT_THAT(ValueOf(ResemblancesOf(scene.alice.stores->contacts, At("dave"), "")), IsEmpty());
}

TEST(Resemblance, WhoWritesFirstIsAnnouncedOnce) {
  Scene scene;
  scene.WritesFirst(scene.twin);
  EXPECT_THAT(Warnings(scene.alice), ElementsAre(AllOf(HasSubstr("LOOK-ALIKE: b0b is easily read as bob"), HasSubstr("two people"))));
  EXPECT_EQ(ValueOf(scene.alice.stores->history.InConversation(At("b0b"), 10)).size(), 1u) << "in the conversation itself";
  scene.WritesFirst(scene.carol);
  EXPECT_EQ(Warnings(scene.alice).size(), 1u);
}

TEST(Resemblance, WhoWasShownBeforeIsNotAnnouncedAgain) {
  Scene scene;
  Know(scene.alice, scene.twin, "Robert");
  scene.WritesFirst(scene.twin);
  scene.WritesFirst(scene.bob);
  EXPECT_THAT(Warnings(scene.alice), IsEmpty());
}

TEST(Resemblance, WhoWasLookedUpAndNotShownIs) {
  Scene scene;
  Know(scene.alice, scene.twin, "Robert", /*shown=*/false);
  scene.WritesFirst(scene.twin);
  EXPECT_EQ(Warnings(scene.alice).size(), 1u);
}

// Carol, who owns the group, brings in somebody who looks like Bob: Alice is told, by nobody's leave.
TEST(Resemblance, WhoIsBroughtIntoAGroupIsAnnounced) {
  Scene scene;
  Mailbox twin_intake = scene.twin.AddMailbox({});
  identity::GroupProfile profile;
  profile.conversation_id = identity::RandomFixed<32>();
  profile.name = "crew";
  profile.people = {{At("alice"), identity::GroupRole::kMember, 0}, {At("carol"), identity::GroupRole::kOwner, 0}};
  const std::string conversation = ConversationKey(profile.conversation_id);
  ASSERT_OK(scene.carol.conversations->Create(profile, {scene.alice.AddKeyPackage(scene.alice_intake)}, scene.carol.AddMailbox(RandomBytes(32))));
  GiveTo(scene.alice, TakeFromOutbox(scene.carol));
  EXPECT_THAT(Warnings(scene.alice), IsEmpty());
  std::optional<OpenGroup> group = ValueOf(scene.carol.conversations->SendingGroup(conversation));
  Conversations::Changes changes;
  changes.profile = *ValueOf(PeopleOf(group->state)).profile;
  changes.profile->people.insert(changes.profile->people.begin() + 1, {At("b0b"), identity::GroupRole::kMember, group->state.epoch() + 1});
  changes.adds = {scene.twin.AddKeyPackage(twin_intake)};
  ASSERT_OK(scene.carol.conversations->StageCommit(*group, changes));
  for (const OutgoingEnvelope& envelope : TakeFromOutbox(scene.carol)) {
    if (ValueOf(scene.alice.stores->mailboxes.Find(envelope.mailbox_id)).has_value()) GiveTo(scene.alice, {envelope});
  }
  EXPECT_THAT(scene.alice.Texts(EntryKind::kNotice), Contains("person_added"));
  EXPECT_THAT(Warnings(scene.alice), ElementsAre(HasSubstr("b0b is easily read as bob, whom this device knows")));
}

// The same for whoever is in a group that one is brought into.
TEST(Resemblance, WhoIsInAGroupThatOneComesIntoIsAnnounced) {
  Scene scene;
  identity::GroupProfile profile;
  profile.conversation_id = identity::RandomFixed<32>();
  profile.name = "crew";
  profile.people = {{At("alice"), identity::GroupRole::kMember, 0}, {At("b0b"), identity::GroupRole::kOwner, 0}};
  ASSERT_OK(scene.twin.conversations->Create(profile, {scene.alice.AddKeyPackage(scene.alice_intake)}, scene.twin.AddMailbox(RandomBytes(32))));
  GiveTo(scene.alice, TakeFromOutbox(scene.twin));
  EXPECT_THAT(Warnings(scene.alice), ElementsAre(HasSubstr("b0b is easily read as bob")));
}

TEST(Resemblance, AnotherOrganisationIsNamedAndItsLookalikeToo) {
  Online scene;
  const auto resolved = [&](const std::string& typed) { return scene.engine.ResolveName(typed).status(); };
  EXPECT_THAT(resolved("mimi://elsewhere.net/u/bob"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("other_organisation: elsewhere.net is OUTSIDE your organisation"), Not(HasSubstr("LOOK-ALIKE")))));
  for (const char* domain : {"examp1e.org", "exarnple.org", "example-org", "exampel.org", "example.orq"}) {
    EXPECT_THAT(resolved(absl::StrCat("mimi://", domain, "/u/bob")),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("OUTSIDE"), HasSubstr("LOOK-ALIKE: it only looks like example.org"))))
        << domain;
  }
}

TEST(Resemblance, IsSaidInWordsAndNames) {
  const Reader reader{At("alice"), "example.org"};
  EXPECT_THAT(DescribeResemblance(At("a1ice"), {At("alice"), Likeness::kReadsAlike}, reader), HasSubstr("a1ice is easily read as you, alice."));
  EXPECT_THAT(DescribeResemblance(At("robert.bakr"), {At("robert.baker"), Likeness::kOneLetter}, reader),
              HasSubstr("is nearly spelt like robert.baker"));
  EXPECT_THAT(DescribeResemblance(At("bob2"), {At("bob"), Likeness::kSameDisplayName}, reader), HasSubstr("is called the same as bob"));
  EXPECT_STREQ(LikenessName(Likeness::kReadsAlike), "reads_alike");
  EXPECT_STREQ(LikenessName(Likeness::kOneLetter), "one_letter");
  EXPECT_STREQ(LikenessName(Likeness::kSameDisplayName), "same_display_name");
}

}  // namespace
}  // namespace plumbline::client
