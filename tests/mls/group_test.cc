#include "mls/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Every member decrypts what every other one sends, and all agree on the epoch.
void ExpectInAgreement(std::vector<Group>& groups) {
  for (size_t sender = 0; sender < groups.size(); ++sender) {
    ASSERT_OK_AND_ASSIGN(const Bytes message,
                         groups[sender].Protect(AsBytes("hello"), AsBytes("aad")));
    for (size_t receiver = 0; receiver < groups.size(); ++receiver) {
      SCOPED_TRACE(::testing::Message() << sender << " to " << receiver);
      EXPECT_EQ(groups[receiver].EpochAuthenticator(), groups[sender].EpochAuthenticator());
      if (sender == receiver) {
        EXPECT_OK(ProcessAs<OwnMessage>(groups[receiver], message));
        continue;
      }
      ASSERT_OK_AND_ASSIGN(const ApplicationMessage got,
                           ProcessAs<ApplicationMessage>(groups[receiver], message));
      EXPECT_EQ(TextOf(got), "hello");
      EXPECT_EQ(got.sender, groups[sender].own_leaf());
      EXPECT_EQ(got.authenticated_data, ToBytes(AsBytes("aad")));
    }
  }
}

class EverySuite : public ::testing::TestWithParam<SuiteId> {};
INSTANTIATE_TEST_SUITE_P(Suites, EverySuite, ::testing::ValuesIn(CipherSuite::Supported()));

TEST_P(EverySuite, TwoMembersTalkAndCommitInBothDirections) {
  const Client alice("alice", GetParam());
  const Client bob("bob", GetParam());
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  ExpectInAgreement(groups);
  for (const HandshakeFraming framing :
       {HandshakeFraming::kPrivateMessage, HandshakeFraming::kPublicMessage}) {
    for (size_t committer : {1, 0}) {
      CommitParams params;
      params.framing = framing;
      ASSERT_OK_AND_ASSIGN(const StagedCommit staged,
                           CommitAndAdvance(groups[committer], std::move(params)));
      ASSERT_OK(ProcessAndAdvance(groups[1 - committer], staged.message));
      ExpectInAgreement(groups);
    }
  }
  EXPECT_EQ(groups[0].epoch(), 5u);
}

class GroupTest : public ::testing::Test {
 protected:
  // One more epoch by Alice, followed by Bob.
  void NextEpoch(CommitParams params = {}) {
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), std::move(params)));
    ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
    ASSERT_EQ(alice().EpochAuthenticator(), bob().EpochAuthenticator());
  }
  Bytes Say(Group& from, absl::string_view text) { return *from.Protect(AsBytes(text), {}); }
  std::string Read(Group& to, ByteView message) {
    absl::StatusOr<ApplicationMessage> got = ProcessAs<ApplicationMessage>(to, message);
    return got.ok() ? TextOf(*got) : got.status().ToString();
  }
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }

  Client alice_{"alice"};
  Client bob_{"bob"};
  Client carol_{"carol"};
  std::vector<Group> groups_ = MakeGroup(alice_, {&bob_});
};

// --- Staging ---

TEST_F(GroupTest, StagedCommitChangesNothingUntilItIsTaken) {
  const Bytes authenticator = alice().EpochAuthenticator();
  CommitParams params;
  params.framing = HandshakeFraming::kPublicMessage;
  const Secret before = alice().Serialize();
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, alice().Commit(std::move(params), kTrusting, kNow));
  EXPECT_TRUE(alice().Serialize() == before);
  EXPECT_EQ(staged.next->epoch(), alice().epoch() + 1);
  // The next epoch's exporter is there before the commit is sent, at both ends.
  const Secret gate = staged.next->Export("gate", {}, 32);
  ASSERT_OK_AND_ASSIGN(const StagedCommit seen, ProcessAs<StagedCommit>(bob(), staged.message));
  EXPECT_TRUE(seen.next->Export("gate", {}, 32) == gate);
  EXPECT_FALSE(alice().Export("gate", {}, 32) == gate);
  EXPECT_EQ(alice().EpochAuthenticator(), authenticator);
}

TEST_F(GroupTest, StagedCommitSurvivesARestart) {
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, alice().Commit({}, kTrusting, kNow));
  const Secret current = alice().Serialize();
  const Secret next = staged.next->Serialize();
  ASSERT_OK_AND_ASSIGN(alice(), Group::Parse(current.view()));
  EXPECT_THAT(Group::Parse(next.view()).status(), StatusIs(Code::kDataLoss));
  EXPECT_THAT(StagedGroup::Parse(current.view()).status(), StatusIs(Code::kDataLoss));
  EXPECT_THAT(StagedGroup::Parse({}).status(), StatusIs(Code::kDataLoss));
  ASSERT_OK_AND_ASSIGN(StagedGroup restored, StagedGroup::Parse(next.view()));
  ASSERT_OK(alice().AdvanceTo(std::move(restored)));
  ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
  ExpectInAgreement(groups_);
}

TEST_F(GroupTest, LoserOfARaceFollowsTheWinner) {
  ASSERT_OK_AND_ASSIGN(const StagedCommit lost, alice().Commit({}, kTrusting, kNow));
  ASSERT_OK_AND_ASSIGN(const StagedCommit won, CommitAndAdvance(bob(), {}));
  ASSERT_OK(ProcessAndAdvance(alice(), won.message));
  ExpectInAgreement(groups_);
  EXPECT_FALSE(bob().Process(lost.message, kTrusting, kNow).ok());
}

// Before it is merged, an epoch is there to be looked at: what would use its keys does not compile.
template <typename T>
constexpr bool kSpeaks = requires(T group) {
  group.Protect(ByteView(), ByteView());
};
template <typename T>
constexpr bool kListens = requires(T group) {
  group.Process(ByteView(), kTrusting, kNow);
};
template <typename T>
constexpr bool kCommits = requires(T group) {
  group.Commit({}, kTrusting, kNow);
};
template <typename T>
constexpr bool kGivesItselfAway = requires(T group) {
  group.ExportGroupInfo();
};
template <typename T>
constexpr bool kIsAdvancedTo = requires(Group group, T next) {
  group.AdvanceTo(std::move(next));
};
static_assert(kSpeaks<Group> && kListens<Group> && kCommits<Group> && kGivesItselfAway<Group>);
static_assert(!kSpeaks<StagedGroup> && !kListens<StagedGroup> && !kCommits<StagedGroup> &&
              !kGivesItselfAway<StagedGroup>);
static_assert(kIsAdvancedTo<StagedGroup> && !kIsAdvancedTo<Group>);
static_assert(!std::is_convertible_v<StagedGroup, Group> &&
              !std::is_constructible_v<Group, StagedGroup>);
static_assert(!std::is_copy_constructible_v<Group> && !std::is_copy_constructible_v<StagedGroup>);
static_assert(!std::is_default_constructible_v<StagedGroup>);
// Nor is content believed whose signature was not checked.
static_assert(!std::is_constructible_v<VerifiedContent, AuthenticatedContent>);

TEST_F(GroupTest, AdvancesOnlyToItsOwnNextEpoch) {
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, alice().Commit({}, kTrusting, kNow));
  StagedGroup again = staged.next->Clone();
  ASSERT_OK(alice().AdvanceTo(*std::move(staged.next)));
  EXPECT_THAT(alice().AdvanceTo(std::move(again)), StatusIs(Code::kFailedPrecondition));
}

TEST_F(GroupTest, DroppedCommitsNeverReuseAKey) {
  ASSERT_OK_AND_ASSIGN(const StagedCommit one, alice().Commit({}, kTrusting, kNow));
  ASSERT_OK_AND_ASSIGN(const StagedCommit two, alice().Commit({}, kTrusting, kNow));
  // Both are generations of their own, so both can be opened by whoever is asked to.
  EXPECT_OK(ProcessAs<StagedCommit>(bob(), one.message));
  EXPECT_OK(ProcessAs<StagedCommit>(bob(), two.message));
}

// --- Past epochs and order ---

TEST_F(GroupTest, ReadsMessagesOutOfOrderAndAcrossEpochs) {
  const Bytes first = Say(alice(), "first");
  const Bytes second = Say(alice(), "second");
  const Bytes third = Say(alice(), "third");
  EXPECT_EQ(Read(bob(), third), "third");
  NextEpoch();
  const Bytes fourth = Say(alice(), "fourth");
  EXPECT_EQ(Read(bob(), fourth), "fourth");
  EXPECT_EQ(Read(bob(), first), "first");
  NextEpoch();
  EXPECT_EQ(Read(bob(), second), "second");
  EXPECT_THAT(Read(bob(), second), HasSubstr("INVALID_ARGUMENT"));
}

TEST_F(GroupTest, KeepsPastEpochsOnlyWithinTheBound) {
  const Bytes old = Say(alice(), "old");
  const Bytes older = Say(alice(), "older");
  for (uint32_t i = 0; i < GroupPolicy{}.max_past_epochs; ++i) NextEpoch();
  EXPECT_EQ(Read(bob(), old), "old");
  NextEpoch();
  EXPECT_THAT(bob().Process(older, kTrusting, kNow).status(), StatusIs(Code::kNotFound));
}

TEST_F(GroupTest, PastEpochsSurviveStorage) {
  const Bytes old = Say(alice(), "old");
  const Bytes older = Say(alice(), "older");
  NextEpoch();
  CommitParams params;
  params.leaf.signature_key = (*CipherSuite::Get(1))->GenerateSignatureKeyPair();
  NextEpoch(std::move(params));
  EXPECT_EQ(Read(bob(), old), "old");
  const Secret stored = bob().Serialize();
  ASSERT_OK_AND_ASSIGN(bob(), Group::Parse(stored.view()));
  EXPECT_TRUE(bob().Serialize() == stored);
  EXPECT_EQ(Read(bob(), older), "older");
  EXPECT_THAT(Read(bob(), old),
              HasSubstr("INVALID_ARGUMENT"));  // its key was used before the restart
}

TEST_F(GroupTest, GenerationsTooFarAheadAreRefused) {
  Bytes message;
  for (int i = 0; i <= 1001; ++i) message = Say(alice(), "x");
  const Secret before = bob().Serialize();
  EXPECT_THAT(bob().Process(message, kTrusting, kNow).status(), StatusIs(Code::kResourceExhausted));
  EXPECT_TRUE(bob().Serialize() == before);
}

TEST_F(GroupTest, SenderRatchetGoesOnAfterARestart) {
  const Bytes one = Say(alice(), "one");
  const Secret stored = alice().Serialize();
  ASSERT_OK_AND_ASSIGN(alice(), Group::Parse(stored.view()));
  const Bytes two = Say(alice(), "two");
  ASSERT_OK_AND_ASSIGN(const ApplicationMessage got, ProcessAs<ApplicationMessage>(bob(), two));
  EXPECT_EQ(got.generation, 1u);
  EXPECT_EQ(Read(bob(), one), "one");
}

// A message of a past epoch is judged by the keys of that epoch, and only while its sender is still
// a member.
TEST_F(GroupTest, PastMessagesAreVerifiedWithThatEpochsKey) {
  const Bytes late = Say(alice(), "late");
  CommitParams params;
  params.leaf.signature_key = (*CipherSuite::Get(1))->GenerateSignatureKeyPair();
  const Bytes new_key = params.leaf.signature_key->public_key;
  NextEpoch(std::move(params));
  ASSERT_OK_AND_ASSIGN(const ApplicationMessage got, ProcessAs<ApplicationMessage>(bob(), late));
  EXPECT_EQ(got.sender_signature_key, alice_.signature_key.public_key);
  EXPECT_EQ(bob().member({0})->signature_key, new_key);
  EXPECT_EQ(Read(bob(), Say(alice(), "now")), "now");
}

TEST_F(GroupTest, PastMessagesOfARemovedMemberAreRefused) {
  std::vector<Group> groups = MakeGroup(alice_, {&bob_, &carol_});
  const Bytes late = Say(groups[2], "late");
  CommitParams params;
  params.removes = {groups[2].own_leaf()};
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(groups[0], std::move(params)));
  ASSERT_OK(ProcessAndAdvance(groups[1], staged.message));
  EXPECT_THAT(groups[1].Process(late, kTrusting, kNow).status(), StatusIs(Code::kPermissionDenied));
  ASSERT_OK_AND_ASSIGN(const StagedCommit seen, ProcessAs<StagedCommit>(groups[2], staged.message));
  EXPECT_TRUE(seen.removes_us);
  EXPECT_FALSE(seen.next.has_value());
}

// --- Leaves and extensions ---

// A new signature key signs the Welcome of the very commit that brings it.
TEST_F(GroupTest, NewSignatureKeySignsTheWelcome) {
  const KeyPackageBundle bundle = carol_.NewKeyPackage();
  CommitParams params;
  params.adds = {bundle.key_package};
  params.leaf.signature_key = (*CipherSuite::Get(1))->GenerateSignatureKeyPair();
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), std::move(params)));
  ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
  ASSERT_OK_AND_ASSIGN(Group joined, carol_.Join(*staged.welcome, bundle));
  groups_.push_back(std::move(joined));
  ExpectInAgreement(groups_);
}

TEST_F(GroupTest, UpdateByReferenceMayChangeTheSignatureKey) {
  LeafChange change;
  change.signature_key = (*CipherSuite::Get(1))->GenerateSignatureKeyPair();
  const Bytes new_key = change.signature_key->public_key;
  ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                       bob().ProposeUpdate(std::move(change), HandshakeFraming::kPrivateMessage));
  ASSERT_OK(ProcessAs<ProposalStored>(alice(), proposal));
  const Secret stored = bob().Serialize();  // the pending keys survive a restart
  ASSERT_OK_AND_ASSIGN(bob(), Group::Parse(stored.view()));
  NextEpoch();
  EXPECT_EQ(alice().member({1})->signature_key, new_key);
  ExpectInAgreement(groups_);
}

TEST(GroupExtensions, LeafAndContextExtensionsReachEveryone) {
  const Client alice("alice");
  const Client bob("bob");
  CreateGroupParams params = alice.group_params();
  params.capabilities = Capabilities::Default({0xF0A1, 0xF0A2});
  params.leaf_extensions = {{0xF0A1, ToBytes(AsBytes("mailbox of alice"))}};
  params.group_context_extensions = {{0xF0A2, ToBytes(AsBytes("group data"))}};
  ASSERT_OK_AND_ASSIGN(Group group, Group::Create(params, {CopyKey(alice.signature_key),
                                                           alice.signature_key.public_key}));
  // Who does not list the group's extension cannot be added.
  CommitParams lacking;
  lacking.adds = {bob.NewKeyPackage().key_package};
  EXPECT_FALSE(group.Commit(std::move(lacking), kTrusting, kNow).ok());

  KeyPackageParams key_package = bob.key_package_params();
  key_package.capabilities = Capabilities::Default({0xF0A1, 0xF0A2});
  ASSERT_OK_AND_ASSIGN(const KeyPackageBundle bundle,
                       GenerateKeyPackage(key_package, bob.signature_key));
  CommitParams add;
  add.adds = {bundle.key_package};
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(group, std::move(add)));
  ASSERT_OK_AND_ASSIGN(Group joined, bob.Join(*staged.welcome, bundle));
  EXPECT_EQ(joined.group_context_extensions(), params.group_context_extensions);
  EXPECT_EQ(joined.member({0})->extensions, params.leaf_extensions);

  CommitParams change;
  change.leaf.extensions = Extensions{{0xF0A1, ToBytes(AsBytes("new mailbox"))}};
  change.group_context_extensions = Extensions{{0xF0A2, ToBytes(AsBytes("new data"))}};
  ASSERT_OK_AND_ASSIGN(const StagedCommit changed, CommitAndAdvance(group, std::move(change)));
  EXPECT_TRUE(changed.group_context_changed);
  ASSERT_OK(ProcessAndAdvance(joined, changed.message));
  EXPECT_EQ(joined.member({0})->extensions[0].data, ToBytes(AsBytes("new mailbox")));
  EXPECT_EQ(joined.group_context_extensions()[0].data, ToBytes(AsBytes("new data")));
  EXPECT_EQ(joined.EpochAuthenticator(), group.EpochAuthenticator());
}

TEST(GroupCreate, RefusesParametersThatContradictEachOther) {
  const Client alice("alice");
  const auto refuse = [&](const std::function<void(CreateGroupParams&)>& change) {
    CreateGroupParams params = alice.group_params();
    change(params);
    EXPECT_THAT(
        Group::Create(params, {CopyKey(alice.signature_key), alice.signature_key.public_key})
            .status(),
        StatusIs(Code::kInvalidArgument));
  };
  refuse([](CreateGroupParams& p) { p.group_id.clear(); });
  refuse([](CreateGroupParams& p) { p.group_id.resize(256); });
  refuse([](CreateGroupParams& p) { p.leaf_extensions = {{0xF0A1, {}}}; });
  refuse([](CreateGroupParams& p) { p.group_context_extensions = {{0xF0A2, {}}}; });
  refuse([](CreateGroupParams& p) { p.group_context_extensions = {{kExtensionRatchetTree, {}}}; });
  refuse([](CreateGroupParams& p) { p.policy.max_past_epochs = 17; });
}

// --- PSKs ---

class OnePsk final : public PskStore {
 public:
  absl::StatusOr<Secret> ExternalPsk(ByteView psk_id) const override {
    if (!Equal(psk_id, AsBytes("psk"))) return absl::NotFoundError("no such PSK");
    return Secret::CopyOf(AsBytes(value));
  }
  std::string value = "secret";
};

TEST_F(GroupTest, ExternalPskEntersTheKeySchedule) {
  const OnePsk psks;
  const KeyPackageBundle bundle = carol_.NewKeyPackage();
  CommitParams params;
  params.external_psks = {ToBytes(AsBytes("psk"))};
  params.psks = &psks;
  params.adds = {bundle.key_package};
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), std::move(params)));
  EXPECT_THAT(bob().Process(staged.message, kTrusting, kNow).status(), StatusIs(Code::kNotFound));
  OnePsk wrong;
  wrong.value = "guess";
  EXPECT_THAT(bob().Process(staged.message, kTrusting, kNow, &wrong).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("confirmation tag")));
  ASSERT_OK_AND_ASSIGN(Processed seen, bob().Process(staged.message, kTrusting, kNow, &psks));
  ASSERT_OK(bob().AdvanceTo(*std::move(std::get<StagedCommit>(seen).next)));
  ASSERT_OK_AND_ASSIGN(Group joined,
                       Group::Join(*staged.welcome, bundle, CopyKey(carol_.signature_key),
                                   std::nullopt, kTrusting, kNow, {}, &psks));
  groups_.push_back(std::move(joined));
  ExpectInAgreement(groups_);
}

// --- Storage ---

TEST_F(GroupTest, StoredStateIsReadWholeOrNotAtAll) {
  const Bytes pending = *bob().ProposeUpdate({}, HandshakeFraming::kPublicMessage);
  NextEpoch();
  ASSERT_OK(alice().ProposeRemove({1}, HandshakeFraming::kPrivateMessage));
  const Secret stored = alice().Serialize();
  ASSERT_OK_AND_ASSIGN(const Group again, Group::Parse(stored.view()));
  EXPECT_TRUE(again.Serialize() == stored);
  EXPECT_EQ(again.pending_proposals(), 1u);
  for (size_t n = 0; n < stored.size(); ++n) {
    EXPECT_THAT(Group::Parse(stored.view().first(n)).status(), StatusIs(Code::kDataLoss)) << n;
  }
  for (size_t i = 0; i < stored.size(); ++i) {
    Secret mutated = Secret::CopyOf(stored.view());
    mutated.span()[i] ^= 0x80;
    const absl::StatusOr<Group> parsed =
        Group::Parse(mutated.view());  // must not crash; secrets may go unnoticed
    EXPECT_TRUE(!parsed.ok() || parsed->Serialize() == mutated) << i;
  }
}

TEST_F(GroupTest, ExporterDependsOnLabelContextAndEpoch) {
  const Secret one = alice().Export("label", AsBytes("context"), 32);
  EXPECT_TRUE(bob().Export("label", AsBytes("context"), 32) == one);
  EXPECT_FALSE(alice().Export("other", AsBytes("context"), 32) == one);
  EXPECT_FALSE(alice().Export("label", AsBytes("other"), 32) == one);
  NextEpoch();
  EXPECT_FALSE(alice().Export("label", AsBytes("context"), 32) == one);
}

}  // namespace
}  // namespace plumbline::mls
