// What a commit may do to a conversation: each rule by a commit that breaks it and nothing else. The commits are made with the MLS
// library itself, as a hostile member would; the client's own steps refuse to make them.
#include "client/group_rules.h"

#include <gmock/gmock.h>

#include "client/group_notices.h"
#include "common/identity/record.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using identity::GroupPerson;
using identity::GroupProfile;
using identity::GroupRole;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Alice owns a group with Bob and Carol; Dave is not in it.
struct Crew {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock}, bob{organisation, "bob", clock}, carol{organisation, "carol", clock},
      dave{organisation, "dave", clock};
  Mailbox bob_intake = bob.AddMailbox({}), carol_intake = carol.AddMailbox({}), dave_intake = dave.AddMailbox({});
  crypto::Ed25519KeyPair directory = crypto::Ed25519KeyPair::Generate();
  crypto::Ed25519PublicKey directory_now = directory.public_key();  // the key that counts
  std::optional<identity::DirectoryRecord> known;  // of anybody, seen before
  std::string conversation;

  Crew() {
    GroupProfile profile;
    profile.conversation_id = identity::RandomFixed<32>();
    profile.name = "crew";
    profile.people = {{alice.user(), GroupRole::kOwner, 0}, {bob.user(), GroupRole::kMember, 0},
                      {carol.user(), GroupRole::kMember, 0}};
    conversation = ConversationKey(profile.conversation_id);
    const Mailbox mailbox = alice.AddMailbox(RandomBytes(32));
    CHECK(alice.conversations->Create(profile, {bob.AddKeyPackage(bob_intake), carol.AddKeyPackage(carol_intake)}, mailbox).ok());
    const std::vector<OutgoingEnvelope> welcomes = TakeFromOutbox(alice);
    for (Device* device : {&bob, &carol}) {
      for (const OutgoingEnvelope& envelope : welcomes) {
        if (!ValueOf(device->stores->mailboxes.Find(envelope.mailbox_id)).has_value()) continue;
        CHECK(GiveTo(*device, {envelope}) == std::vector<Taken>{Taken::kDone});
      }
    }
  }

  mls::Group GroupOf(Device& device) { return std::move(ValueOf(device.conversations->SendingGroup(conversation))->state); }
  GroupProfile Profile() { return *ValueOf(PeopleOf(GroupOf(alice))).profile; }
  mls::LeafIndex LeafOf(const Device& device) {
    for (const RosterDevice& member : ValueOf(PeopleOf(GroupOf(alice))).roster) {
      if (member.names.user == device.user()) return member.leaf;
    }
    CHECK(false);
  }

  struct Commit {
    std::optional<GroupProfile> profile;
    std::vector<mls::LeafIndex> removes;
    std::vector<mls::KeyPackage> adds;
    identity::CommitEvidence evidence;
    std::optional<Bytes> raw_evidence;
    std::optional<identity::GroupData> data;
  };
  // Makes the commit as `by` and judges it as everybody else would.
  absl::Status Judge(Device& by, const Commit& commit) {
    mls::Group group = GroupOf(by);
    mls::CommitParams params;
    params.adds = commit.adds;
    params.removes = commit.removes;
    params.authenticated_data = commit.raw_evidence.value_or(identity::Encode(commit.evidence));
    if (commit.profile.has_value() || commit.data.has_value()) {
      mls::Extensions extensions = group.group_context_extensions();
      for (mls::Extension& extension : extensions) {
        if (commit.profile.has_value() && extension.type == identity::kGroupProfileExtension) {
          extension.data = identity::Encode(*commit.profile);
        }
        if (commit.data.has_value() && extension.type == identity::kGroupDataExtension) {
          extension.data = identity::Encode(*commit.data);
        }
      }
      params.group_context_extensions = std::move(extensions);
    }
    const mls::StagedCommit staged = ValueOf(group.Commit(std::move(params), by.self->authentication(), clock.Now()));
    return CheckCommit(group, staged,
                       {directory_now, [this](const std::string&) -> absl::StatusOr<std::optional<identity::DirectoryRecord>> { return known; }});
  }

  // A directory record of that person with these devices.
  identity::RecordEvidence Record(const Device& person, bool listed, uint64_t version = 7,
                                  identity::RecordStatus status = identity::RecordStatus::kActive) {
    identity::DirectoryRecord record;
    record.user = person.user();
    record.display_name = "x";
    record.version = version;
    record.previous_hash = identity::RandomFixed<32>();
    record.status = status;
    if (listed) {
      identity::RecordDevice device;
      device.device_id = person.self->device();
      device.label = "laptop";
      record.devices.push_back(device);
    }
    const Bytes encoded = identity::Encode(record);
    return {encoded, *identity::ToFixed<64>(directory.Sign("plumbline directory record v1", encoded))};
  }

  identity::LeaveRequest LeaveRequestOf(Device& person, Device& signer,
                                        const std::function<void(identity::LeaveRequest&)>& change = [](auto&) {}) {
    identity::LeaveRequest request;
    request.conversation_id = Profile().conversation_id;
    request.user = person.user();
    request.since = identity::FindPerson(Profile(), person.user())->since;
    request.device_id = person.self->device();
    change(request);
    return identity::SignLeaveRequest(
        request, ValueOf(crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(signer.self->account().mls_seed.view()))));
  }
};

auto Forbidden(absl::string_view rule) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(rule)));
}

GroupProfile Without(GroupProfile profile, const std::string& user) {
  std::erase_if(profile.people, [&](const GroupPerson& p) { return p.user == user; });
  return profile;
}

TEST(GroupRules, NothingChangedIsAlwaysAllowed) {
  Crew crew;
  EXPECT_OK(crew.Judge(crew.bob, {}));
}

TEST(GroupRules, OnlyAnOwnerNamesTheGroup) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->name = "another";
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden("only an owner names a group"));
  EXPECT_OK(crew.Judge(crew.alice, commit));
}

TEST(GroupRules, OnlyAnOwnerBringsSomebodyIn) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->people.push_back({crew.dave.user(), GroupRole::kMember, 2});
  commit.adds = {crew.dave.AddKeyPackage(crew.dave_intake)};
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden("only an owner brings somebody in"));
  EXPECT_OK(crew.Judge(crew.alice, commit));
}

TEST(GroupRules, NobodysDeviceComesInWithoutItsPerson) {
  Crew crew;
  Crew::Commit commit;
  commit.adds = {crew.dave.AddKeyPackage(crew.dave_intake)};
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("belongs to nobody in its profile"));
}

TEST(GroupRules, OnlyAnOwnerGivesARole) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->people[1].role = GroupRole::kOwner;
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden("only an owner gives or takes a role"));
  EXPECT_OK(crew.Judge(crew.alice, commit));
}

TEST(GroupRules, AGroupKeepsAnOwner) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->people[0].role = GroupRole::kMember;
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("a group keeps at least one owner"));
}

TEST(GroupRules, AStayBeginsWithItsEpoch) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->people[1].since = 1;  // Bob's stay, moved: his earlier request to leave would no longer count, or count again
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("a stay begins with the epoch that brings it"));
  commit.profile = crew.Profile();
  commit.profile->people.push_back({crew.dave.user(), GroupRole::kMember, 1});
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("a stay begins with the epoch that brings it"));
}

// Whoever is in it does not begin anew: an older wish to leave would no longer hold, or hold again.
TEST(GroupRules, AStayIsNotBegunAgain) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->people[1].since = crew.GroupOf(crew.alice).epoch() + 1;
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("a stay begins with the epoch that brings it"));
}

TEST(GroupRules, TheConversationKeepsItsIdentity) {
  Crew crew;
  Crew::Commit commit{crew.Profile()};
  commit.profile->conversation_id[0] ^= 1;
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("the conversation's identity is fixed"));
  commit.profile = crew.Profile();
  commit.profile->predecessor = RandomBytes(32);
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("the conversation's identity is fixed"));
  Crew::Commit data;
  data.data = ValueOf(DataOf(crew.GroupOf(crew.alice)));
  data.data->handle[0] ^= 1;
  EXPECT_THAT(crew.Judge(crew.alice, data), Forbidden("the group's data is fixed"));
}

TEST(GroupRules, AMemberTakesOutOnlyWhoAskedForIt) {
  Crew crew;
  Crew::Commit commit{Without(crew.Profile(), crew.carol.user())};
  commit.removes = {crew.LeafOf(crew.carol)};
  const char* const rule = "only an owner takes somebody out who did not ask for it";
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  EXPECT_OK(crew.Judge(crew.alice, commit));
  commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.carol, crew.bob)};  // signed by Bob, not by Carol
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.bob, crew.bob)};  // somebody else's
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  // Carol's own, well signed, but not for this: another stay, another group, of a device that is not in it.
  const identity::DeviceId bobs = crew.bob.self->device(), carols = crew.carol.self->device();
  commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.carol, crew.bob, [&](auto& r) { r.device_id = bobs; })};
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));  // Bob's device speaks for nobody else
  commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.bob, crew.carol, [&](auto& r) { r.device_id = carols; })};
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));  // nor hers for him
  for (const auto& change : {+[](identity::LeaveRequest& r) { r.since = 5; }, +[](identity::LeaveRequest& r) { r.conversation_id[0] ^= 1; },
                             +[](identity::LeaveRequest& r) { r.device_id[0] ^= 1; }}) {
    commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.carol, crew.carol, change)};
    EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  }
  commit.evidence.leave_requests = {crew.LeaveRequestOf(crew.carol, crew.carol)};
  EXPECT_OK(crew.Judge(crew.bob, commit));
}

TEST(GroupRules, ADeviceGoesOnlyWhenTheDirectoryNoLongerListsIt) {
  Crew crew;
  Crew::Commit commit;
  commit.removes = {crew.LeafOf(crew.carol)};
  const char* const rule = "a device is taken out only when the directory no longer lists it";
  for (Device* by : {&crew.bob, &crew.alice}) EXPECT_THAT(crew.Judge(*by, commit), Forbidden(rule));  // owners too
  commit.evidence.records = {crew.Record(crew.carol, /*listed=*/true)};
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  commit.evidence.records = {crew.Record(crew.dave, /*listed=*/false)};  // somebody else's record
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  commit.evidence.records = {crew.Record(crew.carol, /*listed=*/false)};
  EXPECT_OK(crew.Judge(crew.bob, commit));
  const auto seen = [&](bool listed, uint64_t version) {
    return *identity::ParseDirectoryRecord(crew.Record(crew.carol, listed, version).record);
  };
  crew.known = seen(true, 8);  // an older record than one seen here shows nothing
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  crew.known = seen(true, 7);
  commit.evidence.records[0].signature[0] ^= 1;
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden(rule));
  commit.evidence.records = {crew.Record(crew.carol, /*listed=*/true, 7, identity::RecordStatus::kSuspended)};
  EXPECT_OK(crew.Judge(crew.bob, commit));
}

// The key that signed the evidence may have ended before the commit was read; what the directory has said here meanwhile counts.
TEST(GroupRules, WhatIsKnownHereCountsLikeEvidence) {
  Crew crew;
  Crew::Commit commit;
  commit.removes = {crew.LeafOf(crew.carol)};
  commit.evidence.records = {crew.Record(crew.carol, /*listed=*/false)};
  const crypto::Ed25519KeyPair next = crypto::Ed25519KeyPair::Generate();
  crew.directory_now = next.public_key();
  EXPECT_THAT(crew.Judge(crew.bob, commit), Forbidden("a device is taken out only when the directory no longer lists it"));
  crew.known = *identity::ParseDirectoryRecord(crew.Record(crew.carol, /*listed=*/false).record);
  EXPECT_OK(crew.Judge(crew.bob, commit));
}

TEST(GroupRules, ADeviceThatFellBehindIsTakenOutAndInInOneCommit) {
  Crew crew;
  Crew::Commit commit;
  commit.removes = {crew.LeafOf(crew.carol)};
  commit.adds = {crew.carol.AddKeyPackage(crew.carol_intake)};
  EXPECT_OK(crew.Judge(crew.bob, commit));
}

TEST(GroupRules, EvidenceThatCannotBeReadForbidsTheCommit) {
  Crew crew;
  Crew::Commit commit;
  commit.raw_evidence = Bytes{1, 2, 3};
  EXPECT_THAT(crew.Judge(crew.alice, commit), Forbidden("not_permitted"));
}

TEST(GroupRules, ADirectConversationKeepsItsTwoPeople) {
  TwoPeople two;
  two.Connect();
  Device carol(two.organisation, "carol", two.clock);
  const Mailbox intake = carol.AddMailbox({});
  std::optional<OpenGroup> group = ValueOf(two.alice.conversations->SendingGroup(two.bob.user()));
  const RuleContext context = ValueOf(two.bob.conversations->Rules());
  mls::CommitParams third;
  third.adds = {carol.AddKeyPackage(intake)};
  EXPECT_THAT(CheckCommit(group->state,
                          ValueOf(group->state.Commit(std::move(third), two.alice.self->authentication(), two.clock.Now())), context),
              Forbidden("exactly two people"));
  mls::CommitParams alone;
  alone.removes = {mls::LeafIndex{1}};
  EXPECT_THAT(CheckCommit(group->state,
                          ValueOf(group->state.Commit(std::move(alone), two.alice.self->authentication(), two.clock.Now())), context),
              Forbidden("exactly two people"));
  mls::CommitParams another;  // two people, but not these
  another.adds = {carol.AddKeyPackage(intake)};
  another.removes = {mls::LeafIndex{1}};
  EXPECT_THAT(CheckCommit(group->state,
                          ValueOf(group->state.Commit(std::move(another), two.alice.self->authentication(), two.clock.Now())), context),
              Forbidden("a direct conversation keeps its two people"));
}

TEST(GroupRules, AGroupSaysWhatItIs) {
  Crew crew;
  const auto without = [&](uint16_t type) {
    mls::Group group = crew.GroupOf(crew.alice);
    mls::CommitParams params;
    mls::Extensions extensions = group.group_context_extensions();
    std::erase_if(extensions, [&](const mls::Extension& e) { return e.type == type; });
    params.group_context_extensions = std::move(extensions);
    mls::StagedCommit staged = ValueOf(group.Commit(std::move(params), crew.alice.self->authentication(), crew.clock.Now()));
    return PeopleOf(*staged.next).status();
  };
  const auto not_one = [](const char* why) { return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)); };
  EXPECT_THAT(without(identity::kGroupDataExtension), not_one("not_a_conversation: the group does not say what it is"));
  EXPECT_THAT(without(identity::kGroupProfileExtension), not_one("not_a_conversation: a group without its profile"));
}

TEST(GroupRules, WithoutAnOwnerPresentTheFirstLeafDecides) {
  Crew crew;
  // Alice's account is suspended: Bob takes her device out, her name stays in the profile.
  std::optional<OpenGroup> group = ValueOf(crew.bob.conversations->SendingGroup(crew.conversation));
  mls::CommitParams params;
  params.removes = {crew.LeafOf(crew.alice)};
  mls::StagedCommit staged =
      ValueOf(group->state.Commit(std::move(params), crew.bob.self->authentication(), crew.clock.Now()));
  const GroupPeople people = ValueOf(PeopleOf(*staged.next));
  EXPECT_THAT(people.owners(), ElementsAre(crew.bob.user()));
}

TEST(GroupRules, AnOwnerWhoIsPresentDecidesAndNotTheFirstLeaf) {
  Crew crew;
  mls::Group group = crew.GroupOf(crew.alice);
  mls::CommitParams params;
  GroupProfile profile = crew.Profile();
  for (GroupPerson& person : profile.people) {
    if (person.user == crew.carol.user()) person.role = GroupRole::kOwner;
  }
  mls::Extensions extensions = group.group_context_extensions();
  for (mls::Extension& extension : extensions) {
    if (extension.type == identity::kGroupProfileExtension) extension.data = identity::Encode(profile);
  }
  params.group_context_extensions = std::move(extensions);
  mls::StagedCommit promoted = ValueOf(group.Commit(std::move(params), crew.alice.self->authentication(), crew.clock.Now()));
  EXPECT_THAT(ValueOf(PeopleOf(*promoted.next)).owners(), ElementsAre(crew.alice.user(), crew.carol.user()));
  ASSERT_OK(group.AdvanceTo(*std::move(promoted.next)));
  mls::CommitParams without_bob;
  without_bob.removes = {crew.LeafOf(crew.bob)};
  mls::StagedCommit staged =
      ValueOf(group.Commit(std::move(without_bob), crew.alice.self->authentication(), crew.clock.Now()));
  EXPECT_THAT(ValueOf(PeopleOf(*staged.next)).owners(), ElementsAre(crew.alice.user(), crew.carol.user()));
}

// The receiving client applies none of it and says so; its state stays what it was.
TEST(GroupRules, AForbiddenCommitChangesNothingAtItsReceiver) {
  Crew crew;
  std::optional<OpenGroup> group = ValueOf(crew.bob.conversations->SendingGroup(crew.conversation));
  Conversations::Changes changes;
  changes.profile = crew.Profile();
  changes.profile->name = "bob's";
  EXPECT_THAT(crew.bob.conversations->StageCommit(*group, changes), Forbidden("only an owner names a group"));
  EXPECT_THAT(TakeFromOutbox(crew.bob), IsEmpty());
}

// A successor made by `by`, as Bob receives it.
std::vector<std::string> OfferSuccessor(Crew& crew, Device& by, GroupProfile profile, const std::vector<mls::KeyPackage>& others) {
  const StoredGroup former = std::move(ValueOf(by.conversations->SendingGroup(crew.conversation))->stored);
  if (profile.predecessor.empty()) profile.predecessor = former.id;
  CHECK(by.conversations->CreateSuccessor(former, profile, others, by.AddMailbox(RandomBytes(32))).ok());
  for (const OutgoingEnvelope& envelope : TakeFromOutbox(by)) {
    if (ValueOf(crew.bob.stores->mailboxes.Find(envelope.mailbox_id)).has_value()) GiveTo(crew.bob, {envelope});
  }
  std::vector<std::string> said = crew.bob.Texts(EntryKind::kNotice);
  said.erase(said.begin());  // group_joined
  return said;
}

TEST(GroupSuccessor, OfAnOwnerIsTaken) {
  Crew crew;
  const std::vector<mls::KeyPackage> bob = {crew.bob.AddKeyPackage(crew.bob_intake)};
  EXPECT_THAT(OfferSuccessor(crew, crew.alice, Without(crew.Profile(), crew.carol.user()), bob), ElementsAre("group_continued"));
  const std::optional<OpenGroup> now = ValueOf(crew.bob.conversations->SendingGroup(crew.conversation));
  ASSERT_TRUE(now.has_value());
  EXPECT_THAT(ValueOf(PeopleOf(now->state)).users(), ElementsAre(crew.alice.user(), crew.bob.user()));
}

TEST(GroupSuccessor, OfAMemberIsRefused) {
  Crew crew;
  GroupProfile profile = crew.Profile();
  const mls::Group before = crew.GroupOf(crew.bob);
  EXPECT_THAT(OfferSuccessor(crew, crew.carol, profile, {crew.bob.AddKeyPackage(crew.bob_intake)}), ElementsAre("conversation_taken"));
  EXPECT_EQ(crew.GroupOf(crew.bob).group_id(), before.group_id());
}

TEST(GroupSuccessor, WithSomebodyNewIsRefused) {
  Crew crew;
  GroupProfile profile = crew.Profile();
  profile.people.push_back({crew.dave.user(), GroupRole::kMember, 0});
  EXPECT_THAT(OfferSuccessor(crew, crew.alice, profile,
                             {crew.bob.AddKeyPackage(crew.bob_intake), crew.dave.AddKeyPackage(crew.dave_intake)}),
              ElementsAre("conversation_taken"));
}

// Somebody was left out while the group was renewed more than once: they never saw the one before.
TEST(GroupSuccessor, OfAGroupThatIsNotKnownHereIsJudgedByTheLastOneThatIs) {
  for (const bool by_owner : {true, false}) {
    Crew crew;
    GroupProfile profile = crew.Profile();
    profile.predecessor = RandomBytes(32);
    Device& by = by_owner ? crew.alice : crew.carol;
    EXPECT_THAT(OfferSuccessor(crew, by, profile, {crew.bob.AddKeyPackage(crew.bob_intake)}),
                ElementsAre(by_owner ? "group_continued" : "conversation_taken"));
  }
}

TEST(GroupSuccessor, OfAGroupThatIsNotKnownHereWithSomebodyNewIsRefused) {
  Crew crew;
  GroupProfile profile = crew.Profile();
  profile.predecessor = RandomBytes(32);
  profile.people.push_back({crew.dave.user(), GroupRole::kMember, 0});
  EXPECT_THAT(OfferSuccessor(crew, crew.alice, profile,
                             {crew.bob.AddKeyPackage(crew.bob_intake), crew.dave.AddKeyPackage(crew.dave_intake)}),
              ElementsAre("conversation_taken"));
}

TEST(GroupNotices, SayWhoDidWhat) {
  Crew crew;
  const GroupPeople before = ValueOf(PeopleOf(crew.GroupOf(crew.alice)));
  GroupPeople after = before;
  after.profile->name = "new";
  std::erase_if(after.profile->people, [&](const GroupPerson& p) { return p.user == crew.carol.user(); });
  std::erase_if(after.roster, [&](const RosterDevice& d) { return d.names.user == crew.carol.user(); });
  const Reader reader{crew.bob.user(), "example.org"};
  std::vector<std::string> said;
  for (const Announcement& a : DescribeChange(before, after, {crew.alice.user(), false, {}}, reader)) said.push_back(a.text);
  EXPECT_THAT(said, ElementsAre("alice renamed the group from \"crew\" to \"new\".", "alice removed carol."));
  said.clear();
  for (const Announcement& a : DescribeChange(before, after, {crew.bob.user(), true, {crew.carol.user()}}, reader)) said.push_back(a.text);
  EXPECT_THAT(said, ElementsAre("You renamed the group from \"crew\" to \"new\".", "carol left."));
}

}  // namespace
}  // namespace plumbline::client
