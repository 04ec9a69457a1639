// A device that fell behind asks one member, who takes it out and in again; nobody else's request is followed.
#include "client/resync.h"

#include <gmock/gmock.h>

#include "client/sealing.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

auto Refused(absl::string_view why) { return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(why))); }

// Bob's group is marked as lost and he asks; the envelope is on its way to Alice.
OutgoingEnvelope Ask(TwoPeople& two) {
  std::optional<OpenGroup> group = ValueOf(two.bob.conversations->SendingGroup(two.alice.user()));
  CHECK(two.bob.inbox->FallBehind(group->stored.id).ok());
  const StoredGroup lost = *ValueOf(two.bob.stores->groups.Find(group->stored.id));
  CHECK(ValueOf(AskToReturn(*two.bob.stores, *two.bob.self, two.clock, lost, two.bob_intake)));
  return TakeFromOutbox(two.bob).front();
}

identity::ResyncRequest RequestIn(Device& alice, const OutgoingEnvelope& envelope) {
  const Mailbox mailbox = *ValueOf(alice.stores->mailboxes.Find(envelope.mailbox_id));
  const identity::EnvelopeContent content = ValueOf(OpenEnvelope(mailbox, envelope.envelope_id, envelope.sealed));
  CHECK(content.kind == identity::EnvelopeKind::kResync);
  return ValueOf(identity::ParseResyncRequest(content.payload));
}

crypto::Ed25519KeyPair MlsKey(Device& device) {
  return ValueOf(crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(device.self->account().mls_seed.view())));
}

TEST(Resync, ALostDeviceIsTakenInAgainAndReads) {
  TwoPeople two;
  two.Connect();
  const OutgoingEnvelope request = Ask(two);
  EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre("fell_behind"));
  // What is said meanwhile is not readable, and does not make a notice each.
  const auto missed = two.Say(two.alice, two.bob.user(), "missed");
  EXPECT_THAT(GiveTo(two.bob, missed), ElementsAre(Taken::kDone));
  EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre());
  EXPECT_THAT(GiveTo(two.alice, {request}), ElementsAre(Taken::kDone));
  std::optional<OpenGroup> group = ValueOf(two.alice.conversations->SendingGroup(two.bob.user()));
  const std::vector<HeldResyncRequest> held = ValueOf(two.alice.stores->membership.ResyncRequests(group->stored.id));
  ASSERT_EQ(held.size(), 1u);
  Conversations::Changes changes;
  changes.removes = {mls::LeafIndex{1}};
  changes.adds = {ValueOf(mls::ParseKeyPackageMessage(ValueOf(identity::ParseResyncRequest(held[0].request)).key_package))};
  ASSERT_OK(two.alice.conversations->StageCommit(*group, changes));
  EXPECT_THAT(GiveTo(two.bob, TakeFromOutbox(two.alice)), ElementsAre(Taken::kDone));
  EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre("history_resumes"));
  GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "here you are"));
  EXPECT_THAT(two.bob.Texts(), ElementsAre("here you are"));
  GiveTo(two.alice, two.Say(two.bob, two.alice.user(), "thanks"));
  EXPECT_THAT(two.alice.Texts(), ElementsAre("missed", "here you are", "thanks"));
  EXPECT_THAT(two.alice.Texts(EntryKind::kGap), ElementsAre());
}

TEST(Resync, AsksAnotherMemberOnlyAfterAWhile) {
  TwoPeople two;
  two.Connect();
  Ask(two);
  const StoredGroup lost = std::move(ValueOf(two.bob.stores->groups.All()).front());
  EXPECT_FALSE(ValueOf(AskToReturn(*two.bob.stores, *two.bob.self, two.clock, lost, two.bob_intake)));
  two.clock.Advance(absl::Minutes(3));
  EXPECT_TRUE(ValueOf(AskToReturn(*two.bob.stores, *two.bob.self, two.clock, lost, two.bob_intake)));
  two.clock.Advance(absl::Minutes(3));
  EXPECT_FALSE(ValueOf(AskToReturn(*two.bob.stores, *two.bob.self, two.clock, lost, two.bob_intake)));
}

// Whoever was away for longer than mailboxes live: those in the leaves are gone.
TEST(Resync, LaterRoundsGoWhereTheMembersTakeWelcomesNow) {
  TwoPeople two;
  two.Connect();
  const Mailbox newer = two.alice.AddMailbox({});
  std::optional<identity::MailboxAddress> known;
  const auto intake_of = [&](const RosterDevice& device) -> absl::StatusOr<std::optional<identity::MailboxAddress>> {
    EXPECT_EQ(device.names.user, two.alice.user());
    return known;
  };
  const identity::MailboxId in_leaf = Ask(two).mailbox_id;
  const StoredGroup lost = std::move(ValueOf(two.bob.stores->groups.All()).front());
  const auto asked = [&] {
    two.clock.Advance(absl::Hours(2));
    CHECK(ValueOf(AskToReturn(*two.bob.stores, *two.bob.self, two.clock, lost, two.bob_intake, intake_of)));
    return TakeFromOutbox(two.bob).front().mailbox_id;
  };
  EXPECT_EQ(asked(), in_leaf) << "nothing better is known";
  known = AddressOf(newer, kTestServer);
  EXPECT_EQ(asked(), newer.id);
}

TEST(Resync, OnlyTheDevicesOwnRequestIsFollowed) {
  TwoPeople two;
  two.Connect();
  const identity::ResyncRequest good = RequestIn(two.alice, Ask(two));
  const mls::Group group = std::move(ValueOf(two.alice.conversations->SendingGroup(two.bob.user()))->state);
  EXPECT_OK(JudgeResync(group, good, two.clock.Now()).status());
  const crypto::Ed25519KeyPair bob = MlsKey(two.bob);
  identity::ResyncRequest bad = good;
  bad.signature[0] ^= 1;
  EXPECT_THAT(JudgeResync(group, bad, two.clock.Now()).status(), Refused("not signed by the member"));
  EXPECT_THAT(JudgeResync(group, identity::SignResyncRequest(good, MlsKey(two.alice)), two.clock.Now()).status(),
              Refused("not signed by the member"));
  bad = good;
  bad.group_id = RandomBytes(32);  // another group's request, with the signature it has there
  EXPECT_THAT(JudgeResync(group, bad, two.clock.Now()).status(), Refused("not signed by the member"));
  bad = good;
  bad.epoch = 99;
  EXPECT_THAT(JudgeResync(group, identity::SignResyncRequest(bad, bob), two.clock.Now()).status(), Refused("ahead"));
  EXPECT_THAT(JudgeResync(group, good, two.clock.Now() + absl::Hours(24 * 8)).status(), Refused("too old"));
  EXPECT_THAT(JudgeResync(group, good, two.clock.Now() - absl::Hours(2)).status(), Refused("clock"));
  bad = good;
  bad.key_package = Bytes(10, 1);
  EXPECT_THAT(JudgeResync(group, identity::SignResyncRequest(bad, bob), two.clock.Now()).status(), Refused("unusable"));
  Device carol(two.organisation, "carol", two.clock);
  bad = good;
  bad.key_package = mls::EncodeKeyPackageMessage(carol.AddKeyPackage(carol.AddMailbox({})));
  EXPECT_THAT(JudgeResync(group, identity::SignResyncRequest(bad, MlsKey(carol)), two.clock.Now()).status(),
              Refused("not in the conversation"));
}

TEST(Resync, AWelcomeIntoAGroupThatIsNotLostIsRefused) {
  TwoPeople two;
  two.Connect();
  // Alice takes Bob out and in without his asking; Bob gets only the Welcome.
  std::optional<OpenGroup> group = ValueOf(two.alice.conversations->SendingGroup(two.bob.user()));
  Conversations::Changes changes;
  changes.removes = {mls::LeafIndex{1}};
  changes.adds = {two.bob.AddKeyPackage(two.bob_intake)};
  ASSERT_OK(two.alice.conversations->StageCommit(*group, changes));
  GiveTo(two.bob, TakeFromOutbox(two.alice));
  EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre("welcome_repeated"));
}

}  // namespace
}  // namespace plumbline::client
