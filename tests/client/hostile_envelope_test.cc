// Whatever is put into a mailbox: a notice at most, and the group as it was.
#include <gmock/gmock.h>

#include "client/gate.h"
#include "client/roster.h"
#include "mls/crypto/hpke.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What must not change: group state and messages.
struct Untouched {
  explicit Untouched(Device& device) : device_(device), state_(State()), texts_(device.Texts()) {}
  void Check() {
    EXPECT_EQ(State(), state_);
    EXPECT_EQ(device_.Texts(), texts_);
  }

 private:
  std::vector<Bytes> State() {
    std::vector<Bytes> states;
    for (const StoredGroup& group : testing::ValueOf(device_.stores->groups.All())) {
      states.push_back(ToBytes(group.state.view()));
    }
    return states;
  }
  Device& device_;
  std::vector<Bytes> state_;
  std::vector<std::string> texts_;
};

// Offers `sealed` under a fresh id; it must be written off with `reason` and change nothing else.
void ExpectWrittenOff(Device& device, const identity::MailboxId& mailbox, const identity::EnvelopeId& id, ByteView sealed,
                      const std::string& reason) {
  Untouched before(device);
  const size_t notices = device.Texts(EntryKind::kNotice).size();
  ASSERT_OK_AND_ASSIGN(const TakenEnvelope taken, device.inbox->Take(mailbox, id, sealed));
  EXPECT_EQ(taken.taken, Taken::kDone);
  before.Check();
  const std::vector<std::string> after = device.Texts(EntryKind::kNotice);
  ASSERT_EQ(after.size(), notices + 1);
  EXPECT_EQ(after.back(), reason);
}

void ExpectContentWrittenOff(Device& device, const Mailbox& mailbox, const identity::EnvelopeContent& content,
                             const std::string& reason) {
  const OutgoingEnvelope envelope = testing::ValueOf(SealEnvelope(AddressOf(mailbox, kTestServer), content));
  ExpectWrittenOff(device, mailbox.id, envelope.envelope_id, envelope.sealed, reason);
}

TEST(HostileEnvelope, RandomBytesOfEveryShape) {
  TwoPeople two;
  two.Connect();
  for (const size_t size : {0u, 1u, 31u, 48u, 1023u, 1024u, 1025u, 1152u, 65536u}) {
    SCOPED_TRACE(size);
    ExpectWrittenOff(two.bob, two.bob_intake.id, identity::RandomFixed<16>(), RandomBytes(size), "envelope_malformed");
  }
}

TEST(HostileEnvelope, EveryBitCounts) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope sent = two.Say(two.alice, two.bob.user(), "hello").front();
  for (size_t at = 0; at < sent.sealed.size(); at += 37) {
    SCOPED_TRACE(at);
    Bytes changed = sent.sealed;
    changed[at] ^= 0x10;
    ExpectWrittenOff(two.bob, sent.mailbox_id, identity::RandomFixed<16>(), changed, "envelope_malformed");
  }
}

TEST(HostileEnvelope, AnotherIdOrMailboxDoesNotOpen) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope sent = two.Say(two.alice, two.bob.user(), "hello").front();
  ExpectWrittenOff(two.bob, sent.mailbox_id, identity::RandomFixed<16>(), sent.sealed, "envelope_malformed");
  const Mailbox other = two.bob.AddMailbox(RandomBytes(32));
  ExpectWrittenOff(two.bob, other.id, sent.envelope_id, sent.sealed, "envelope_malformed");
}

TEST(HostileEnvelope, PaddingThatIsNotZero) {
  TwoPeople two;
  two.Connect();
  Bytes padded = testing::ValueOf(identity::EncodePadded({identity::EnvelopeKind::kMessage, RandomBytes(10)}));
  padded.back() = 1;
  mls::HpkeSender sender = testing::ValueOf(mls::SetupHpkeSender(mls::AeadId::kChaCha20Poly1305, two.bob_intake.hpke_public,
                                                                 identity::EnvelopeInfo(two.bob_intake.id)));
  const identity::EnvelopeId id = identity::RandomFixed<16>();
  const Bytes sealed = Concat({sender.kem_output, testing::ValueOf(sender.context.Seal(id, padded))});
  ExpectWrittenOff(two.bob, two.bob_intake.id, id, sealed, "envelope_malformed");
}

TEST(HostileEnvelope, WellSealedNonsenseOfEveryKind) {
  TwoPeople two;
  two.Connect();
  using identity::EnvelopeKind;
  for (int i = 0; i < 40; ++i) {
    const Bytes noise = RandomBytes(static_cast<size_t>(i) * 7);
    ExpectContentWrittenOff(two.bob, two.bob_intake, {EnvelopeKind::kMessage, noise}, "envelope_malformed");
    ExpectContentWrittenOff(two.bob, two.bob_intake, {EnvelopeKind::kCommit, noise}, "envelope_malformed");
    ExpectContentWrittenOff(two.bob, two.bob_intake, {EnvelopeKind::kWelcome, noise}, "envelope_malformed");
  }
  ExpectContentWrittenOff(two.bob, two.bob_intake, {EnvelopeKind::kBody, RandomBytes(10)}, "envelope_unsupported");
}

// The content of an envelope as its recipient sees it.
identity::EnvelopeContent Inside(Device& owner, const OutgoingEnvelope& envelope) {
  const std::optional<Mailbox> mailbox = testing::ValueOf(owner.stores->mailboxes.Find(envelope.mailbox_id));
  return testing::ValueOf(OpenEnvelope(*mailbox, envelope.envelope_id, envelope.sealed));
}

TEST(HostileEnvelope, TruncatedMessagesAndWelcomes) {
  TwoPeople two;
  const OutgoingEnvelope welcome = two.Begin(two.alice, two.bob, two.bob_intake).front();
  const Bytes whole = Inside(two.bob, welcome).payload;
  for (size_t size = 0; size < whole.size(); size += whole.size() / 29) {
    SCOPED_TRACE(size);
    ExpectContentWrittenOff(two.bob, two.bob_intake,
                            {identity::EnvelopeKind::kWelcome, ToBytes(ByteView(whole).first(size))}, "envelope_malformed");
  }
  GiveTo(two.bob, {welcome});
  const Bytes message = Inside(two.bob, two.Say(two.alice, two.bob.user(), "hello").front()).payload;
  for (size_t size = 0; size < message.size(); size += 11) {
    SCOPED_TRACE(size);
    ExpectContentWrittenOff(two.bob, two.bob_intake,
                            {identity::EnvelopeKind::kMessage, ToBytes(ByteView(message).first(size))}, "envelope_malformed");
  }
}

TEST(HostileEnvelope, AMessageSealedAnewIsUnreadableTheSecondTime) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope sent = two.Say(two.alice, two.bob.user(), "once").front();
  const identity::EnvelopeContent content = Inside(two.bob, sent);
  GiveTo(two.bob, {sent});
  ExpectContentWrittenOff(two.bob, two.bob_intake, content, "message_unreadable");
  EXPECT_THAT(two.bob.Texts(), ElementsAre("once"));
}

TEST(HostileEnvelope, AWelcomeTwice) {
  TwoPeople two;
  const OutgoingEnvelope welcome = two.Begin(two.alice, two.bob, two.bob_intake).front();
  const identity::EnvelopeContent content = Inside(two.bob, welcome);
  GiveTo(two.bob, {welcome});
  ExpectContentWrittenOff(two.bob, two.bob_intake, content, "welcome_unknown");
}

TEST(HostileEnvelope, AWelcomeToALastResortKeyTwice) {
  TwoPeople two;
  const Mailbox mailbox = two.alice.AddMailbox(RandomBytes(32));
  ASSERT_OK(two.alice.conversations->Create(std::nullopt, {two.bob.AddKeyPackage(two.bob_intake, true)}, mailbox));
  const OutgoingEnvelope welcome = TakeFromOutbox(two.alice).front();
  const identity::EnvelopeContent content = Inside(two.bob, welcome);
  GiveTo(two.bob, {welcome});
  ExpectContentWrittenOff(two.bob, two.bob_intake, content, "welcome_repeated");
}

// The class of group invitations that are used again after somebody was taken out: what invited Bob brings him back neither from
// the server, which can only deliver the same envelope, nor sealed anew by a member.
TEST(HostileEnvelope, AWelcomeAgainAfterARemoval) {
  TwoPeople two;
  identity::GroupProfile profile;
  profile.conversation_id = identity::RandomFixed<32>();
  profile.name = "crew";
  profile.people = {{two.alice.user(), identity::GroupRole::kOwner, 0}, {two.bob.user(), identity::GroupRole::kMember, 0}};
  const std::string conversation = ConversationKey(profile.conversation_id);
  const Mailbox mailbox = two.alice.AddMailbox(RandomBytes(32));
  ASSERT_OK(two.alice.conversations->Create(profile, {two.bob.AddKeyPackage(two.bob_intake)}, mailbox));
  const OutgoingEnvelope welcome = TakeFromOutbox(two.alice).front();
  const identity::EnvelopeContent content = Inside(two.bob, welcome);
  ASSERT_EQ(GiveTo(two.bob, {welcome}), std::vector<Taken>{Taken::kDone});
  std::optional<OpenGroup> group = ValueOf(two.alice.conversations->SendingGroup(conversation));
  Conversations::Changes changes;
  changes.profile = profile;
  changes.profile->people.pop_back();
  for (const RosterDevice& device : ValueOf(PeopleOf(group->state)).roster) {
    if (device.names.user == two.bob.user()) changes.removes.push_back(device.leaf);
  }
  ASSERT_OK(two.alice.conversations->StageCommit(*group, changes));
  GiveTo(two.bob, TakeFromOutbox(two.alice));
  const auto is_out = [&] { return ValueOf(two.bob.stores->groups.Find(mailbox.group_id))->status == GroupStatus::kLeft; };
  ASSERT_TRUE(is_out());
  EXPECT_EQ(GiveTo(two.bob, {welcome}), std::vector<Taken>{Taken::kDuplicate});
  ExpectContentWrittenOff(two.bob, two.bob_intake, content, "welcome_unknown");
  EXPECT_TRUE(is_out());
}

TEST(HostileEnvelope, AWelcomeFromAnotherOrganisation) {
  TwoPeople two;
  testing::TestOrganisation elsewhere(two.clock.Now());
  Device mallory(elsewhere, "alice", two.clock);
  // Mallory believes Bob; it is Bob who must not believe Mallory.
  mls::CreateGroupParams params;
  params.group_id = RandomBytes(32);
  params.credential = mallory.self->credential();
  params.lifetime = mls::Lifetime::From(two.clock.Now() - absl::Hours(1), absl::Hours(24));
  params.capabilities = OwnCapabilities();
  params.leaf_extensions = LeafExtensions(AddressOf(two.alice_intake, kTestServer));
  params.group_context_extensions = {{identity::kGroupDataExtension, identity::Encode(identity::GroupData{})}};
  ASSERT_OK_AND_ASSIGN(mls::Group group, mls::Group::Create(std::move(params), mallory.self->mls_keys()));
  mls::CommitParams commit;
  commit.adds = {two.bob.AddKeyPackage(two.bob_intake)};
  ASSERT_OK_AND_ASSIGN(const mls::StagedCommit staged,
                       group.Commit(std::move(commit), two.bob.self->authentication(), two.clock.Now()));
  ExpectContentWrittenOff(two.bob, two.bob_intake, {identity::EnvelopeKind::kWelcome, *staged.welcome}, "welcome_refused");
  ASSERT_OK_AND_ASSIGN(const std::vector<StoredGroup> groups, two.bob.stores->groups.All());
  EXPECT_THAT(groups, IsEmpty());
}

// Alice's commit as Bob receives it, its gate record changed by `change` and signed again with this epoch's gate key.
OutgoingEnvelope CommitWith(TwoPeople& two, const std::function<void(identity::GateRecord&)>& change) {
  std::optional<OpenGroup> group = testing::ValueOf(two.alice.conversations->SendingGroup(two.bob.user()));
  const GateKeys keys = DeriveGateKeys(group->state, group->stored.handle);
  CHECK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}).ok());
  const std::optional<OutboxItem> item = testing::ValueOf(two.alice.stores->outbox.Next(0));
  identity::EnvelopeContent content = Inside(two.bob, item->envelopes.front());
  identity::CommitPayload payload = testing::ValueOf(identity::ParseCommitPayload(content.payload));
  change(payload.gate);
  payload.gate.signature =
      testing::ValueOf(identity::ToFixed<64>(keys.gate.Sign("plumbline gate v1", identity::Encode(payload.gate.move))));
  return testing::ValueOf(SealEnvelope(AddressOf(two.bob_intake, kTestServer),
                                       {identity::EnvelopeKind::kCommit, identity::Encode(payload)}));
}

TEST(HostileEnvelope, ACommitWithAnotherNextKeyIsNotApplied) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope commit = CommitWith(two, [](identity::GateRecord& r) { r.move.next_public_key[0] ^= 1; });
  ExpectWrittenOff(two.bob, commit.mailbox_id, commit.envelope_id, commit.sealed, "gate_mismatch");
}

TEST(HostileEnvelope, ACommitWithAnotherHandleOrEpochIsNotApplied) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope handle = CommitWith(two, [](identity::GateRecord& r) { r.move.handle[0] ^= 1; });
  ExpectWrittenOff(two.bob, handle.mailbox_id, handle.envelope_id, handle.sealed, "gate_mismatch");
  TwoPeople again;
  again.Connect();
  const OutgoingEnvelope epoch = CommitWith(again, [](identity::GateRecord& r) { ++r.move.epoch; });
  ExpectWrittenOff(again.bob, epoch.mailbox_id, epoch.envelope_id, epoch.sealed, "gate_mismatch");
}

TEST(HostileEnvelope, ACommitUnderAnotherSignatureIsNotApplied) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}));
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> item, two.alice.stores->outbox.Next(0));
  identity::CommitPayload payload = testing::ValueOf(identity::ParseCommitPayload(Inside(two.bob, item->envelopes[0]).payload));
  payload.gate.signature[0] ^= 1;
  ExpectContentWrittenOff(two.bob, two.bob_intake, {identity::EnvelopeKind::kCommit, identity::Encode(payload)}, "gate_mismatch");
}

TEST(HostileEnvelope, ACommitWithoutItsRecordIsNotApplied) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}));
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> item, two.alice.stores->outbox.Next(0));
  const identity::CommitPayload payload =
      testing::ValueOf(identity::ParseCommitPayload(Inside(two.bob, item->envelopes[0]).payload));
  ExpectContentWrittenOff(two.bob, two.bob_intake, {identity::EnvelopeKind::kMessage, payload.mls_message}, "envelope_malformed");
}

TEST(HostileEnvelope, AFetchedCommitWithAnotherKeyIsNotApplied) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}));
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> item, two.alice.stores->outbox.Next(0));
  const identity::CommitPayload payload =
      testing::ValueOf(identity::ParseCommitPayload(Inside(two.bob, item->envelopes[0]).payload));
  Untouched before(two.bob);
  EXPECT_THAT(two.bob.inbox->TakeFetchedCommit(group->stored.id, payload.mls_message, RandomBytes(32)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  before.Check();
  EXPECT_OK(two.bob.inbox->TakeFetchedCommit(group->stored.id, payload.mls_message, payload.gate.move.next_public_key));
}

}  // namespace
}  // namespace plumbline::client
