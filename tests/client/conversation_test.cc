#include <gmock/gmock.h>

#include "client/gate.h"
#include "client/roster.h"
#include "common/identity/frame.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Conversation, CarriesTextsBothWays) {
  TwoPeople two;
  two.Connect();
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "hello"));
  GiveTo(two.alice, two.Say(two.bob, two.alice.user(), "good morning"));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("hello", "good morning"));
  EXPECT_THAT(two.alice.Texts(), ElementsAre("hello", "good morning"));
}

TEST(Conversation, NamesTheSenderOfTheCredential) {
  TwoPeople two;
  two.Connect();
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "hello"));
  ASSERT_OK_AND_ASSIGN(const std::vector<Entry> entries, two.bob.stores->history.InState(EntryState::kNew));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].sender, two.alice.user());
  EXPECT_EQ(entries[0].conversation, two.alice.user());
}

TEST(Conversation, SkipsAnEnvelopeItHasSeen) {
  TwoPeople two;
  two.Connect();
  const std::vector<OutgoingEnvelope> sent = two.Say(two.alice, two.bob.user(), "once");
  EXPECT_THAT(GiveTo(two.bob, sent), ElementsAre(Taken::kDone));
  EXPECT_THAT(GiveTo(two.bob, sent), ElementsAre(Taken::kDuplicate));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("once"));
}

TEST(Conversation, ShowsAGapAndTheLateMessage) {
  TwoPeople two;
  two.Connect();
  const auto first = two.Say(two.alice, two.bob.user(), "first");
  const auto second = two.Say(two.alice, two.bob.user(), "second");
  const auto third = two.Say(two.alice, two.bob.user(), "third");
  GiveTo(two.bob, first);
  GiveTo(two.bob, third);
  EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre("messages_missing"));
  GiveTo(two.bob, second);
  EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre("messages_missing", "message_late"));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("first", "third", "second"));
}

// Sends `frame` as `from` would, whatever its chain says.
std::vector<OutgoingEnvelope> SendFrame(Device& from, Device& to, const identity::Frame& frame) {
  std::optional<OpenGroup> group = testing::ValueOf(from.conversations->SendingGroup(to.user()));
  const Bytes message = testing::ValueOf(group->state.Protect(identity::Encode(frame), {}));
  group->stored.state = group->state.Serialize();
  Change change = testing::ValueOf(from.stores->store.Begin());
  CHECK(from.stores->groups.Update(change, group->stored).ok());
  CHECK(change.Commit().ok());
  std::vector<OutgoingEnvelope> envelopes;
  for (const RosterDevice& device : testing::ValueOf(RosterOf(group->state))) {
    if (device.leaf == group->state.own_leaf()) continue;
    envelopes.push_back(testing::ValueOf(SealEnvelope(*device.address, {identity::EnvelopeKind::kMessage, message})));
  }
  return envelopes;
}

// What `to` finds in an envelope, which it has not taken yet and can still take.
identity::Frame FrameIn(Device& from, Device& to, const OutgoingEnvelope& envelope, const Clock& clock) {
  const std::optional<Mailbox> mailbox = testing::ValueOf(to.stores->mailboxes.Find(envelope.mailbox_id));
  const identity::EnvelopeContent content = testing::ValueOf(OpenEnvelope(*mailbox, envelope.envelope_id, envelope.sealed));
  std::optional<OpenGroup> group = testing::ValueOf(to.conversations->SendingGroup(from.user()));
  const mls::Processed processed = testing::ValueOf(group->state.Process(content.payload, to.self->authentication(), clock.Now()));
  return testing::ValueOf(identity::ParseFrame(std::get<mls::ApplicationMessage>(processed).plaintext.view()));
}

TEST(Conversation, EachMessageCarriesTheNewestCheckpointThatItsSenderKnows) {
  TwoPeople two;
  two.Connect();
  const auto say = [&](const std::string& text) {
    const std::vector<OutgoingEnvelope> sent = two.Say(two.alice, two.bob.user(), text);
    const identity::Frame frame = FrameIn(two.alice, two.bob, sent.at(0), two.clock);
    EXPECT_EQ(ToString(frame.body), text);
    GiveTo(two.bob, sent);
    return frame.seen;
  };
  const auto sees = [&](const KnownLog& log) {
    Change change = testing::ValueOf(two.alice.stores->store.Begin());
    CHECK(two.alice.stores->log.Set(change, log).ok());
    CHECK(change.Commit().ok());
  };
  EXPECT_EQ(say("it has not read the log"), std::nullopt);
  KnownLog log;
  sees(log);
  EXPECT_EQ(say("it has its policy and no leaf"), std::nullopt);
  for (const uint8_t size : {2, 5}) {
    log.seen.size = size;
    log.seen.root.fill(size);
    log.seen.signature.fill(static_cast<uint8_t>(size + 1));
    sees(log);
    EXPECT_EQ(say("one"), log.seen);
    two.alice.Reopen();
    EXPECT_EQ(say("another"), log.seen);
  }
  EXPECT_EQ(two.bob.Texts().size(), 6u);
}

TEST(Conversation, MarksAFrameThatDoesNotFollow) {
  TwoPeople two;
  two.Connect();
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "first"));
  identity::Frame forged{2, identity::RandomFixed<32>(), identity::kTextMediaType, ToBytes(AsBytes("another past"))};
  GiveTo(two.bob, SendFrame(two.alice, two.bob, forged));
  EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre("chain_broken"));
  forged.sequence = 1;
  forged.previous_hash = {};
  GiveTo(two.bob, SendFrame(two.alice, two.bob, forged));
  EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre("chain_broken", "message_repeated"));
}

TEST(Conversation, BothMadeOneAndSendInTheSame) {
  TwoPeople two;
  const auto to_bob = two.Begin(two.alice, two.bob, two.bob_intake);
  const auto to_alice = two.Begin(two.bob, two.alice, two.alice_intake);
  GiveTo(two.bob, to_bob);
  GiveTo(two.alice, to_alice);
  ASSERT_OK_AND_ASSIGN(const auto at_alice, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK_AND_ASSIGN(const auto at_bob, two.bob.conversations->SendingGroup(two.alice.user()));
  EXPECT_EQ(at_alice->stored.id, at_bob->stored.id);
  ASSERT_OK_AND_ASSIGN(const auto both, two.alice.stores->groups.InConversation(two.bob.user()));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_LE(Sha256(at_alice->stored.id), Sha256(both[0].id));
  EXPECT_LE(Sha256(at_alice->stored.id), Sha256(both[1].id));
}

TEST(Conversation, WhatWasSentInTheOtherGroupIsReadToo) {
  TwoPeople two;
  const auto to_bob = two.Begin(two.alice, two.bob, two.bob_intake);
  const auto to_alice = two.Begin(two.bob, two.alice, two.alice_intake);
  const auto from_alice = two.Say(two.alice, two.bob.user(), "from alice");  // each still knows only their own group
  const auto from_bob = two.Say(two.bob, two.alice.user(), "from bob");
  for (const auto& part : {to_bob, from_alice}) GiveTo(two.bob, part);
  for (const auto& part : {to_alice, from_bob}) GiveTo(two.alice, part);
  EXPECT_THAT(two.alice.Texts(), ElementsAre("from alice", "from bob"));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("from bob", "from alice"));
}

TEST(Conversation, TextWaitsWhileACommitIsOnItsWay) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.bob.conversations->SendingGroup(two.alice.user()));
  const Mailbox mailbox = two.bob.AddMailbox(group->stored.id);
  ASSERT_OK(two.bob.conversations->StageCommit(*group, {{}, {}, AddressOf(mailbox, kTestServer)}));
  ASSERT_OK(two.bob.conversations->AddText(two.alice.user(), "later").status());
  EXPECT_THAT(two.bob.conversations->EncryptNext(two.alice.user()).value(), false);
  GiveTo(two.alice, TakeFromOutbox(two.bob));
  EXPECT_THAT(two.bob.conversations->EncryptNext(two.alice.user()).value(), true);
  GiveTo(two.alice, TakeFromOutbox(two.bob));
  EXPECT_THAT(two.alice.Texts(), ElementsAre("later"));
}

TEST(Conversation, MessagesGoToTheMailboxThatTheLeafCarriesNow) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.bob.conversations->SendingGroup(two.alice.user()));
  const Mailbox mailbox = two.bob.AddMailbox(group->stored.id);
  ASSERT_OK(two.bob.conversations->StageCommit(*group, {{}, {}, AddressOf(mailbox, kTestServer)}));
  GiveTo(two.alice, TakeFromOutbox(two.bob));
  const auto sent = two.Say(two.alice, two.bob.user(), "to the new one");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].mailbox_id, mailbox.id);
  GiveTo(two.bob, sent);
  EXPECT_THAT(two.bob.Texts(), ElementsAre("to the new one"));
}

TEST(Conversation, ALosingCommitIsDroppedAndTheWinnerApplied) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> at_alice, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> at_bob, two.bob.conversations->SendingGroup(two.alice.user()));
  const Mailbox alice_new = two.alice.AddMailbox(RandomBytes(32));
  const Mailbox bob_new = two.bob.AddMailbox(at_bob->stored.id);
  ASSERT_OK(two.alice.conversations->StageCommit(*at_alice, {{}, {}, AddressOf(alice_new, kTestServer)}));
  ASSERT_OK(two.bob.conversations->StageCommit(*at_bob, {{}, {}, AddressOf(bob_new, kTestServer)}));
  GiveTo(two.bob, TakeFromOutbox(two.alice));  // the server took Alice's
  ASSERT_OK_AND_ASSIGN(const auto pending, two.bob.stores->outbox.PendingCommit(at_bob->stored.id));
  EXPECT_FALSE(pending.has_value());
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "after"));
  GiveTo(two.alice, two.Say(two.bob, two.alice.user(), "so say I"));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("after", "so say I"));
  EXPECT_THAT(two.alice.Texts(), ElementsAre("after", "so say I"));
}

TEST(Conversation, AnEnvelopeOfALaterEpochWaitsForTheCommit) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}));
  const auto commit = TakeFromOutbox(two.alice);
  const auto message = two.Say(two.alice, two.bob.user(), "of the next epoch");
  EXPECT_THAT(GiveTo(two.bob, message), ElementsAre(Taken::kBehind));
  EXPECT_THAT(two.bob.Texts(), IsEmpty());
  GiveTo(two.bob, commit);
  EXPECT_THAT(GiveTo(two.bob, message), ElementsAre(Taken::kDone));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("of the next epoch"));
}

TEST(Conversation, ALaterEpochThatCannotBeFetchedIsWrittenDown) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{}, {}, AddressOf(two.alice_intake, kTestServer)}));
  TakeFromOutbox(two.alice);
  const auto message = two.Say(two.alice, two.bob.user(), "lost").front();
  ASSERT_OK_AND_ASSIGN(const TakenEnvelope taken,
                       two.bob.inbox->Take(message.mailbox_id, message.envelope_id, message.sealed, /*give_up=*/true));
  EXPECT_EQ(taken.taken, Taken::kDone);
  EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre("commit_missing"));
}

TEST(Conversation, ThirdPersonCannotBeAdded) {
  TwoPeople two;
  two.Connect();
  Device carol(two.organisation, "carol", two.clock);
  const Mailbox intake = carol.AddMailbox({});
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  EXPECT_THAT(two.alice.conversations->StageCommit(*group, {{carol.AddKeyPackage(intake)}, {}, std::nullopt}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not_permitted")));
}

TEST(Conversation, SecondDeviceOfAPersonJoinsAndReads) {
  TwoPeople two;
  two.Connect();
  Device tablet(two.organisation, "bob", two.clock);
  const Mailbox intake = tablet.AddMailbox({});
  ASSERT_OK_AND_ASSIGN(std::optional<OpenGroup> group, two.alice.conversations->SendingGroup(two.bob.user()));
  ASSERT_OK(two.alice.conversations->StageCommit(*group, {{tablet.AddKeyPackage(intake)}, {}, std::nullopt}));
  for (const OutgoingEnvelope& envelope : TakeFromOutbox(two.alice)) {
    GiveTo(envelope.mailbox_id == intake.id ? tablet : two.bob, {envelope});
  }
  for (const OutgoingEnvelope& envelope : two.Say(two.alice, two.bob.user(), "to both")) {
    GiveTo(envelope.mailbox_id == intake.id ? tablet : two.bob, {envelope});
  }
  EXPECT_THAT(two.bob.Texts(), ElementsAre("to both"));
  EXPECT_THAT(tablet.Texts(), ElementsAre("to both"));
  EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), Contains("device_added"));
}

TEST(Conversation, RefusedByEveryMailboxIsSaid) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK_AND_ASSIGN(const int64_t id, two.alice.conversations->AddText(two.bob.user(), "into the void"));
  ASSERT_OK(two.alice.conversations->EncryptNext(two.bob.user()).status());
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> item, two.alice.stores->outbox.Next(0));
  ASSERT_OK(two.alice.conversations->MessageAnswered(*item, {{item->envelopes[0].envelope_id, Delivered::kRefused}}));
  ASSERT_OK_AND_ASSIGN(const std::optional<Entry> entry, two.alice.stores->history.Find(id));
  EXPECT_EQ(entry->state, EntryState::kFailed);
  EXPECT_THAT(two.alice.Texts(EntryKind::kNotice), ElementsAre("mailbox_refused"));
}

TEST(AddText, RefusesWhatCannotBeSent) {
  TwoPeople two;
  const std::string& bob = two.bob.user();
  EXPECT_THAT(two.alice.conversations->AddText(bob, ""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text_empty")));
  EXPECT_THAT(two.alice.conversations->AddText(bob, "\xff"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text_not_utf8")));
  EXPECT_THAT(two.alice.conversations->AddText(bob, std::string(kMaxText + 1, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text_too_long")));
}

TEST(Conversation, CarriesTheLongestText) {
  TwoPeople two;
  two.Connect();
  const std::string longest(kMaxText, 'x');
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), longest));
  EXPECT_THAT(two.bob.Texts(), ElementsAre(longest));
}

}  // namespace
}  // namespace plumbline::client
