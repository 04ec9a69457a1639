// Credentials that end and are renewed, as the others in a group see it: one that has ended takes nobody out and stops nobody, and one
// that is replaced is the one that the directory names.
#include <gmock/gmock.h>

#include "client/directory.h"
#include "client/group_rules.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using identity::GroupProfile;
using identity::GroupRole;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

constexpr absl::Duration kPastTheEnd = absl::Hours(24 * 201);  // of everybody's credential

// Alice owns a group with Bob and Carol; Dave is not in it. All four credentials end after 200 days.
struct Crew {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now(), absl::Hours(24 * 1000)};
  crypto::Ed25519KeyPair directory = crypto::Ed25519KeyPair::Generate();
  Device alice{organisation, "alice", clock, &directory}, bob{organisation, "bob", clock, &directory},
      carol{organisation, "carol", clock, &directory}, dave{organisation, "dave", clock, &directory};
  Mailbox bob_intake = bob.AddMailbox({}), carol_intake = carol.AddMailbox({}), dave_intake = dave.AddMailbox({});
  std::string conversation;

  Crew() {
    GroupProfile profile;
    profile.conversation_id = identity::RandomFixed<32>();
    profile.name = "crew";
    profile.people = {{alice.user(), GroupRole::kOwner, 0}, {bob.user(), GroupRole::kMember, 0}, {carol.user(), GroupRole::kMember, 0}};
    conversation = ConversationKey(profile.conversation_id);
    const Mailbox mailbox = alice.AddMailbox(RandomBytes(32));
    CHECK(alice.conversations->Create(profile, {bob.AddKeyPackage(bob_intake), carol.AddKeyPackage(carol_intake)}, mailbox).ok());
    Deliver(TakeFromOutbox(alice));
  }

  void Deliver(const std::vector<OutgoingEnvelope>& envelopes) {
    for (Device* device : {&alice, &bob, &carol, &dave}) {
      for (const OutgoingEnvelope& envelope : envelopes) {
        if (!ValueOf(device->stores->mailboxes.Find(envelope.mailbox_id)).has_value()) continue;
        EXPECT_EQ(GiveTo(*device, {envelope}), std::vector<Taken>{Taken::kDone}) << device->user();
      }
    }
  }
  OpenGroup GroupOf(Device& device) { return *ValueOf(device.conversations->SendingGroup(conversation)); }
  absl::Status Commit(Device& by, const Conversations::Changes& changes) {
    OpenGroup group = GroupOf(by);
    RETURN_IF_ERROR(by.conversations->StageCommit(group, changes));
    Deliver(TakeFromOutbox(by));
    return absl::OkStatus();
  }
  uint64_t EpochOf(Device& device) { return GroupOf(device).state.epoch(); }
  mls::Credential CredentialSeenBy(Device& by, const Device& of) {
    for (const mls::Member& member : GroupOf(by).state.members()) {
      if (ValueOf(NamesOf(member.credential)).user == of.user()) return member.credential;
    }
    CHECK(false);
  }

  // Gives the device a credential of a year from now on, for `key` if there is one.
  Bytes Certificate(const Device& of, absl::Duration life = absl::Hours(24 * 365)) {
    const crypto::Certificate present = ValueOf(crypto::Certificate::Parse(of.self->account().mls_certificate));
    crypto::LeafSpec spec;
    spec.spki = present.spki();
    spec.uris = present.uris();
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = {clock.Now() - absl::Minutes(10), clock.Now() + life};
    return organisation.Leaf(spec).der();
  }
  void Renew(Device& device) { device.self->UseCredential(Certificate(device), organisation.issuing.der()); }

  identity::DirectoryRecord RecordOf(const Device& person, uint64_t version = 3) {
    identity::DirectoryRecord record;
    record.user = person.user();
    record.display_name = "x";
    record.version = version;
    record.previous_hash = identity::RandomFixed<32>();
    record.status = identity::RecordStatus::kActive;
    identity::RecordDevice device;
    device.device_id = person.self->device();
    device.label = "laptop";
    device.mls_signature_public_key = *identity::ToFixed<32>(person.self->mls_public_key());
    device.credential_hash = Sha256(person.self->account().mls_certificate);
    record.devices.push_back(device);
    return record;
  }
  identity::RecordEvidence Sign(const identity::DirectoryRecord& record, const crypto::Ed25519KeyPair& key) {
    const Bytes encoded = identity::Encode(record);
    return {encoded, *identity::ToFixed<64>(key.Sign(identity::kDirectoryRecordLabel, encoded))};
  }
  // What the device itself holds of its person.
  void Tell(Device& device, const identity::DirectoryRecord& record) {
    const identity::RecordEvidence shown = Sign(record, directory);
    Change change = ValueOf(device.stores->store.Begin());
    CHECK(device.stores->contacts.SetRecord(change, record, shown.record, shown.signature, true).ok());
    CHECK(change.Commit().ok());
  }
};

Conversations::Changes WithDave(Crew& crew) {
  Conversations::Changes changes;
  changes.profile = ValueOf(PeopleOf(crew.GroupOf(crew.alice).state)).profile;
  changes.profile->people.push_back({crew.dave.user(), GroupRole::kMember, crew.EpochOf(crew.alice) + 1});
  changes.adds = {crew.dave.AddKeyPackage(crew.dave_intake)};
  return changes;
}

// Carol's credential ended meanwhile: the others go on, and somebody new comes in with her leaf in the tree.
TEST(EndedCredential, OfAThirdMemberStopsNobody) {
  Crew crew;
  crew.clock.Advance(kPastTheEnd);
  for (Device* device : {&crew.alice, &crew.bob, &crew.dave}) crew.Renew(*device);
  ASSERT_OK(crew.Commit(crew.alice, WithDave(crew)));
  EXPECT_EQ(crew.EpochOf(crew.bob), crew.EpochOf(crew.alice));
  EXPECT_EQ(crew.EpochOf(crew.carol), crew.EpochOf(crew.alice));
  EXPECT_EQ(crew.EpochOf(crew.dave), crew.EpochOf(crew.alice)) << "a Welcome with an ended credential in its tree";
  ASSERT_OK(crew.dave.conversations->AddText(crew.conversation, "hello"));
  ASSERT_TRUE(ValueOf(crew.dave.conversations->EncryptNext(crew.conversation)));
  crew.Deliver(TakeFromOutbox(crew.dave));
  EXPECT_EQ(crew.carol.Texts(), std::vector<std::string>{"hello"});
}

// A commit that was made before the committer's credential ended and is read after: the leaf keeps what was judged when it came in.
TEST(EndedCredential, OfTheCommitterItselfIsNotJudgedAnew) {
  Crew crew;
  crew.clock.Advance(kPastTheEnd);
  ASSERT_OK(crew.Commit(crew.carol, {}));
  EXPECT_EQ(crew.EpochOf(crew.bob), crew.EpochOf(crew.carol));
}

TEST(EndedCredential, NobodyComesInWithOne) {
  Crew crew;
  crew.clock.Advance(kPastTheEnd);
  EXPECT_THAT(crew.Commit(crew.alice, WithDave(crew)), StatusIs(absl::StatusCode::kUnauthenticated));
  crew.Renew(crew.dave);
  EXPECT_OK(crew.Commit(crew.alice, WithDave(crew)));
}

TEST(EndedCredential, IsNotGenuineWhereItNeverWas) {
  Crew crew;
  const Authentication& judge = crew.alice.self->authentication();
  const mls::Credential credential = crew.bob.self->credential();
  crew.clock.Advance(kPastTheEnd);
  EXPECT_OK(judge.ValidateMember(credential, crew.bob.self->mls_public_key(), crew.clock.Now()));
  EXPECT_FALSE(judge.Validate(credential, crew.bob.self->mls_public_key(), crew.clock.Now()).ok());
  EXPECT_FALSE(judge.ValidateMember(credential, crew.carol.self->mls_public_key(), crew.clock.Now()).ok());
  EXPECT_FALSE(judge.ValidateMember(credential, crew.bob.self->mls_public_key(), crew.clock.Now() - absl::Hours(24 * 300)).ok()) << "not yet";
  testing::TestOrganisation elsewhere(crew.clock.Now() - kPastTheEnd);
  const Authentication stranger(elsewhere.root, "example.org");
  EXPECT_FALSE(stranger.ValidateMember(credential, crew.bob.self->mls_public_key(), crew.clock.Now()).ok());
}

// Look-ups: a device whose credential has ended is listed as before, and so are the person's others.
TEST(EndedCredential, HidesNobodyInTheDirectory) {
  Crew crew;
  const identity::DirectoryRecord record = crew.RecordOf(crew.bob);
  const identity::RecordEvidence shown = crew.Sign(record, crew.directory);
  keys::v1::SignedRecord offered;
  offered.set_record(ToString(shown.record));
  offered.set_signature(ToString(shown.signature));
  offered.add_credentials(ToString(crew.bob.self->account().mls_certificate));
  const crypto::Ed25519PublicKey key = crew.directory.public_key();
  const std::vector<crypto::Certificate> authorities = {crew.organisation.issuing};
  const auto verify = [&] {
    return VerifyRecord(offered, crew.bob.user(), {key, crew.organisation.root, authorities, crew.clock.Now()});
  };
  EXPECT_OK(verify());
  crew.clock.Advance(kPastTheEnd);
  EXPECT_OK(verify());
  crew.clock.Advance(-2 * kPastTheEnd);
  EXPECT_THAT(verify(), StatusIs(absl::StatusCode::kUnauthenticated)) << "not yet valid";
}

TEST(RenewedCredential, GoesIntoTheLeafWithTheNextCommitOnceTheDirectoryNamesIt) {
  Crew crew;
  crew.clock.Advance(absl::Hours(24 * 150));
  const mls::Credential former = crew.bob.self->credential();
  crew.Renew(crew.bob);
  ASSERT_OK(crew.Commit(crew.bob, {}));
  EXPECT_EQ(crew.CredentialSeenBy(crew.alice, crew.bob), former) << "nothing that the others could check it by";
  crew.Tell(crew.bob, crew.RecordOf(crew.bob));
  EXPECT_TRUE(ValueOf(crew.bob.conversations->CredentialDiffers(crew.GroupOf(crew.bob).state)));
  ASSERT_OK(crew.Commit(crew.bob, {}));
  for (Device* device : {&crew.alice, &crew.bob, &crew.carol}) {
    EXPECT_EQ(crew.CredentialSeenBy(*device, crew.bob), crew.bob.self->credential());
  }
  EXPECT_FALSE(ValueOf(crew.bob.conversations->CredentialDiffers(crew.GroupOf(crew.bob).state)));
}

// Somebody who comes back after their credential's end, with the renewal first.
TEST(RenewedCredential, BringsBackWhoWasAwayForLonger) {
  Crew crew;
  crew.clock.Advance(kPastTheEnd);
  crew.Renew(crew.carol);
  crew.Tell(crew.carol, crew.RecordOf(crew.carol));
  ASSERT_OK(crew.Commit(crew.carol, {}));
  EXPECT_EQ(crew.CredentialSeenBy(crew.alice, crew.carol), crew.carol.self->credential());
}

using Known = absl::StatusOr<std::optional<identity::DirectoryRecord>>;

// Each rule by a commit that breaks it alone, made with the MLS library as a hostile member would.
TEST(RenewedCredential, IsTheOneThatTheDirectoryNamesAndALaterOne) {
  Crew crew;
  crew.clock.Advance(absl::Hours(24 * 150));
  const mls::Credential former = crew.bob.self->credential();
  const Bytes sooner = crew.Certificate(crew.bob, absl::Hours(24 * 50));
  crew.Renew(crew.bob);
  const mls::Credential renewed = crew.bob.self->credential();
  const identity::DirectoryRecord record = crew.RecordOf(crew.bob);
  std::optional<identity::DirectoryRecord> known = record;  // a newer record, which names another
  ++known->version;
  known->devices[0].credential_hash[0] ^= 1;
  const auto judge = [&](const mls::Credential& credential, std::vector<identity::RecordEvidence> shown) {
    mls::Group group = std::move(crew.GroupOf(crew.bob).state);
    mls::CommitParams params;
    params.leaf.credential = credential;
    params.include_pending_proposals = false;
    identity::CommitEvidence evidence;
    evidence.records = std::move(shown);
    params.authenticated_data = identity::Encode(evidence);
    const mls::StagedCommit staged = ValueOf(group.Commit(std::move(params), crew.bob.self->authentication(), crew.clock.Now()));
    return CheckCommit(group, staged, {crew.directory.public_key(), [&](const std::string&) -> Known { return known; }});
  };
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("replaced only by a later one that the directory names"));
  EXPECT_OK(judge(renewed, {crew.Sign(record, crew.directory)})) << "also for who knows a newer record";
  EXPECT_THAT(judge(renewed, {}), refused) << "no record";
  EXPECT_THAT(judge(renewed, {crew.Sign(record, crypto::Ed25519KeyPair::Generate())}), refused) << "signed by another key";
  const auto changed = [&](const std::function<void(identity::DirectoryRecord&)>& change) {
    identity::DirectoryRecord other = record;
    change(other);
    return crew.Sign(other, crew.directory);
  };
  EXPECT_THAT(judge(renewed, {changed([](auto& r) { r.devices[0].credential_hash[0] ^= 1; })}), refused) << "that names another";
  EXPECT_THAT(judge(renewed, {changed([](auto& r) { r.devices[0].device_id[0] ^= 1; })}), refused) << "of another device";
  EXPECT_THAT(judge(renewed, {changed([](auto& r) { r.devices[0].mls_signature_public_key[0] ^= 1; })}), refused) << "for another key";
  EXPECT_THAT(judge(renewed, {changed([&](auto& r) { r.user = crew.carol.user(); })}), refused) << "of another person";
  EXPECT_THAT(judge(mls::Credential::X509({sooner, crew.organisation.issuing.der()}),
                    {changed([&](auto& r) { r.devices[0].credential_hash = Sha256(sooner); })}),
              refused)
      << "one that ends sooner";
  EXPECT_OK(judge(former, {})) << "no change";
  known = record;
  EXPECT_OK(judge(renewed, {crew.Sign(record, crypto::Ed25519KeyPair::Generate())})) << "known here, whatever became of the key that signed it";
}

TEST(RenewedCredential, TheKeyStays) {
  Crew crew;
  const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  crypto::LeafSpec spec;
  spec.spki = crypto::Ed25519Spki(key.public_key());
  spec.uris = ValueOf(crypto::Certificate::Parse(crew.bob.self->account().mls_certificate)).uris();
  spec.purpose = crypto::Purpose::kMlsCredential;
  spec.validity = {crew.clock.Now() - absl::Minutes(10), crew.clock.Now() + absl::Hours(24 * 365)};
  const Bytes certificate = crew.organisation.Leaf(spec).der();
  identity::DirectoryRecord record = crew.RecordOf(crew.bob);
  record.devices[0].credential_hash = Sha256(certificate);
  record.devices[0].mls_signature_public_key = *identity::ToFixed<32>(key.public_key().view());
  mls::Group group = std::move(crew.GroupOf(crew.bob).state);
  mls::CommitParams params;
  params.leaf.credential = mls::Credential::X509({certificate, crew.organisation.issuing.der()});
  params.leaf.signature_key = mls::SignatureKeyPair{mls::SignaturePrivateKey{Secret::CopyOf(key.seed())}, key.public_key().ToBytes()};
  identity::CommitEvidence evidence;
  evidence.records = {crew.Sign(record, crew.directory)};
  params.authenticated_data = identity::Encode(evidence);
  const mls::StagedCommit staged = ValueOf(group.Commit(std::move(params), crew.bob.self->authentication(), crew.clock.Now()));
  EXPECT_THAT(CheckCommit(group, staged, {crew.directory.public_key(), [](const std::string&) -> Known { return std::nullopt; }}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a device keeps its key")));
}

}  // namespace
}  // namespace plumbline::client
