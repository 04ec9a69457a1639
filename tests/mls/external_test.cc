// Joining from outside, and proposals from there (RFC 9420 §12.1.8, §12.4.3.2), with every suite.
#include "mls/external.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mls/group_state.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class External : public ::testing::TestWithParam<SuiteId> {
 protected:
  External() {
    for (Client* const client : {&alice_, &bob_, &carol_, &dave_}) client->policy = OpenPolicy();
    groups_ = MakeGroup(alice_, {&bob_, &carol_});
  }
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }
  Group& carol() { return groups_[2]; }
  std::vector<Group*> All() {
    std::vector<Group*> all;
    for (Group& group : groups_) all.push_back(&group);
    return all;
  }

  // Everyone takes the joiner's commit; the joiner's group comes last.
  void TakeJoin(StagedCommit staged) {
    for (Group& group : groups_) EXPECT_OK(ProcessAndAdvance(group, staged.message));
    ASSERT_OK_AND_ASSIGN(Group joiner, Group::Enter(*std::move(staged.next)));
    groups_.push_back(std::move(joiner));
    ExpectInStep(All());
  }
  // Of the group as Alice sees it.
  GroupEpoch Epoch() { return {GetParam(), alice().group_id(), alice().epoch()}; }
  void SetExternalSenders(std::vector<ExternalSender> senders) {
    CommitParams params;
    params.group_context_extensions =
        Extensions{{kExtensionExternalSenders, EncodeExternalSenders(senders)}};
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), std::move(params)));
    for (Group* const group : {&bob(), &carol()})
      ASSERT_OK(ProcessAndAdvance(*group, staged.message));
  }
  // Everyone holds the proposal; Bob commits to it.
  absl::StatusOr<StagedCommit> CommitTo(ByteView proposal, const PskStore* psks = nullptr) {
    for (Group& group : groups_) EXPECT_OK(ProcessAs<ProposalStored>(group, proposal));
    CommitParams params;
    params.psks = psks;
    absl::StatusOr<StagedCommit> staged = bob().Commit(std::move(params), kTrusting, kNow);
    if (!staged.ok()) return staged;
    for (Group* const group : {&alice(), &carol()}) {
      absl::StatusOr<Processed> taken = group->Process(staged->message, kTrusting, kNow, psks);
      EXPECT_OK(taken);
      StagedCommit& commit = std::get<StagedCommit>(*taken);
      EXPECT_OK(group->AdvanceTo(*std::move(commit.next)));
    }
    EXPECT_OK(bob().AdvanceTo(*std::move(staged->next)));
    staged->next.reset();
    return staged;
  }

  Client alice_{"alice", GetParam()}, bob_{"bob", GetParam()}, carol_{"carol", GetParam()},
      dave_{"dave", GetParam()}, server_{"server", GetParam()};
  std::vector<Group> groups_;
};
INSTANTIATE_TEST_SUITE_P(Suites, External, ::testing::ValuesIn(CipherSuite::Supported()));

TEST_P(External, ClientJoinsByAGroupInfo) {
  ASSERT_OK_AND_ASSIGN(const Bytes info, bob().ExportGroupInfo());
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, dave_.JoinExternally(info, dave_.external_params()));
  EXPECT_TRUE(staged.external && staged.own && staged.has_path);
  EXPECT_EQ(staged.committer, LeafIndex{3});
  ASSERT_EQ(staged.adds.size(), 1u);
  EXPECT_EQ(staged.adds[0].after, staged.committer_leaf);

  Group watcher = alice().Clone();
  ASSERT_OK_AND_ASSIGN(const StagedCommit seen, ProcessAs<StagedCommit>(watcher, staged.message));
  EXPECT_TRUE(seen.external && !seen.own);
  EXPECT_EQ(seen.committer, LeafIndex{3});
  EXPECT_EQ(seen.committer_leaf, staged.committer_leaf);
  ASSERT_EQ(seen.adds.size(), 1u);
  EXPECT_EQ(seen.adds[0].proposer.type, SenderType::kNewMemberCommit);
  EXPECT_TRUE(seen.updates.empty() && seen.removes.empty());

  TakeJoin(std::move(staged));
  // The group goes on with the newcomer as a full member.
  ASSERT_OK_AND_ASSIGN(const StagedCommit next, CommitAndAdvance(groups_[3], {}));
  for (Group* const group : {&alice(), &bob(), &carol()})
    ASSERT_OK(ProcessAndAdvance(*group, next.message));
  ExpectInStep(All());
}

TEST_P(External, TheTreeMayComeFromElsewhere) {
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo({.ratchet_tree = false}));
  EXPECT_THAT(dave_.JoinExternally(info, dave_.external_params()),
              StatusIs(Code::kInvalidArgument, HasSubstr("tree is missing")));
  ExternalJoinParams params = dave_.external_params();
  params.ratchet_tree = alice().EncodedTree();
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, dave_.JoinExternally(info, std::move(params)));
  TakeJoin(std::move(staged));
}

TEST_P(External, AGroupInfoWithoutExternalPubIsNoInvitation) {
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo({.external_pub = false}));
  EXPECT_THAT(dave_.JoinExternally(info, dave_.external_params()),
              StatusIs(Code::kInvalidArgument, HasSubstr("external_pub")));
}

TEST_P(External, NobodyEntersByACommitThatIsNotTheirOwnJoin) {
  ASSERT_OK_AND_ASSIGN(StagedCommit own, alice().Commit({}, kTrusting, kNow));
  EXPECT_THAT(Group::Enter(*std::move(own.next)), StatusIs(Code::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
  ASSERT_OK_AND_ASSIGN(const StagedCommit join,
                       dave_.JoinExternally(info, dave_.external_params()));
  ASSERT_OK_AND_ASSIGN(StagedCommit seen, ProcessAs<StagedCommit>(bob(), join.message));
  EXPECT_THAT(Group::Enter(*std::move(seen.next)), StatusIs(Code::kFailedPrecondition));
}

TEST_P(External, AJoinSurvivesARestartAndIsStillOnlyAJoin) {
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
  ASSERT_OK_AND_ASSIGN(StagedCommit join, dave_.JoinExternally(info, dave_.external_params()));
  const Secret stored = join.next->Serialize();
  EXPECT_THAT(Group::Parse(stored.view()), StatusIs(Code::kDataLoss));
  EXPECT_THAT(alice().AdvanceTo(join.next->Clone()), StatusIs(Code::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(join.next, StagedGroup::Parse(stored.view()));
  EXPECT_TRUE(join.next->Serialize() == stored);
  TakeJoin(std::move(join));
}

TEST_P(External, AMemberComesBackInItsOwnPlace) {
  const Client carol_again("carol", GetParam());
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
  ExternalJoinParams params = carol_again.external_params();
  EXPECT_THAT(carol_again.JoinExternally(info, params),
              StatusIs(Code::kInvalidArgument, HasSubstr("already a member")));
  params.replace_own_leaf = true;
  ASSERT_OK_AND_ASSIGN(StagedCommit staged,
                       Group::JoinExternally(info, std::move(params), carol_again.KeyPair(),
                                             kTrusting, kNow, OpenPolicy()));
  ASSERT_EQ(staged.removes.size(), 1u);
  EXPECT_EQ(staged.removes[0].index, LeafIndex{2});
  // The old one learns that it is out.
  ASSERT_OK_AND_ASSIGN(const StagedCommit out, ProcessAs<StagedCommit>(carol(), staged.message));
  EXPECT_TRUE(out.removes_us && !out.next);
  groups_.pop_back();
  TakeJoin(std::move(staged));
  EXPECT_EQ(alice().member_count(), 3u);
}

TEST_P(External, NobodyComesBackWhoWasNotThere) {
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
  ExternalJoinParams params = dave_.external_params();
  params.replace_own_leaf = true;
  EXPECT_THAT(dave_.JoinExternally(info, std::move(params)),
              StatusIs(Code::kInvalidArgument, HasSubstr("no leaf of this client")));
}

TEST_P(External, PskProposalsTieTheJoinToWhatBothKnow) {
  MapPsks psks;
  psks.external[{1}] = Bytes(32, 5);
  psks.resumption[alice().epoch()] = Bytes(32, 9);  // the joiner's guess; the members know better
  ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
  ExternalJoinParams params = dave_.external_params();
  params.external_psks = {{1}};
  params.psks = &psks;
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, dave_.JoinExternally(info, params));
  EXPECT_THAT(alice().Process(staged.message, kTrusting, kNow).status(), StatusIs(Code::kNotFound));
  ASSERT_OK_AND_ASSIGN(Processed taken, alice().Process(staged.message, kTrusting, kNow, &psks));
  ASSERT_OK(alice().AdvanceTo(*std::move(std::get<StagedCommit>(taken).next)));
  ASSERT_OK_AND_ASSIGN(Group dave, Group::Enter(*std::move(staged.next)));
  ExpectInStep({&alice(), &dave});

  params.resumption_psks = {bob().epoch()};
  ASSERT_OK_AND_ASSIGN(const StagedCommit wrong, dave_.JoinExternally(info, params));
  EXPECT_THAT(bob().Process(wrong.message, kTrusting, kNow, &psks).status(),
              StatusIs(Code::kInvalidArgument));
}

TEST_P(External, AClientProposesItself) {
  const KeyPackageBundle bundle = dave_.NewKeyPackage();
  ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                       ProposeOwnAdd(Epoch(), bundle.key_package, CopyKey(dave_.signature_key)));
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitTo(proposal));
  ASSERT_EQ(staged.adds.size(), 1u);
  EXPECT_EQ(staged.adds[0].proposer.type, SenderType::kNewMemberProposal);
  ASSERT_OK_AND_ASSIGN(Group dave, dave_.Join(*staged.welcome, bundle));
  groups_.push_back(std::move(dave));
  ExpectInStep(All());
}

TEST_P(External, SendersNamedByTheGroupPropose) {
  ASSERT_NO_FATAL_FAILURE(
      SetExternalSenders({{alice_.signature_key.public_key, alice_.credential()},
                          {server_.signature_key.public_key, server_.credential()}}));
  const auto propose = [&](Proposal proposal) {
    return *ProposeAsExternalSender(Epoch(), 1, CopyKey(server_.signature_key),
                                    std::move(proposal));
  };
  const KeyPackageBundle bundle = dave_.NewKeyPackage();
  ASSERT_OK_AND_ASSIGN(StagedCommit staged, CommitTo(propose(AddProposal{bundle.key_package})));
  EXPECT_EQ(staged.adds[0].proposer, (Sender{SenderType::kExternal, 1}));
  ASSERT_OK_AND_ASSIGN(Group dave, dave_.Join(*staged.welcome, bundle));
  ExpectInStep({&alice(), &bob(), &carol(), &dave});

  const Bytes removal = propose(RemoveProposal{{3}});
  ASSERT_OK(ProcessAs<ProposalStored>(dave, removal));
  ASSERT_OK_AND_ASSIGN(staged, CommitTo(removal));
  EXPECT_EQ(staged.removes.size(), 1u);

  MapPsks psks;
  psks.external[{1}] = Bytes(32, 5);
  PskProposal psk;
  psk.id.psk_id = {1};
  psk.id.psk_nonce = Bytes((*CipherSuite::Get(static_cast<uint16_t>(GetParam())))->hash_size(), 3);
  ASSERT_OK(CommitTo(propose(psk), &psks));
  ASSERT_OK_AND_ASSIGN(staged, CommitTo(propose(GroupContextExtensionsProposal{{}})));
  EXPECT_TRUE(staged.group_context_changed);
  ExpectInStep(All());
  // With its entry gone the sender is heard no more.
  const Bytes late = propose(RemoveProposal{{2}});
  EXPECT_THAT(alice().Process(late, kTrusting, kNow).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("no external senders")));
}

TEST_P(External, AnExternalSenderEndsTheGroupForASuccessor) {
  ASSERT_NO_FATAL_FAILURE(
      SetExternalSenders({{server_.signature_key.public_key, server_.credential()}}));
  ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                       ProposeAsExternalSender(Epoch(), 0, CopyKey(server_.signature_key),
                                               ReInitProposal{{1, 2}, 1, 1, {}}));
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitTo(proposal));
  EXPECT_TRUE(staged.reinit);
  EXPECT_TRUE(alice().reinit().has_value() && bob().reinit().has_value());
}

TEST(ExternalSenders, EncodingIsCanonicalAndBounded) {
  const std::vector<ExternalSender> senders = {{{1, 2}, Credential::Basic(AsBytes("one"))},
                                               {{3}, Credential::Basic({})}};
  const Bytes encoded = EncodeExternalSenders(senders);
  ASSERT_OK_AND_ASSIGN(const std::vector<ExternalSender> parsed, ParseExternalSenders(encoded));
  EXPECT_EQ(parsed, senders);
  for (size_t size = 0; size < encoded.size(); ++size)
    EXPECT_FALSE(ParseExternalSenders(ByteView(encoded).first(size)).ok()) << size;
  EXPECT_FALSE(ParseExternalSenders(Concat({encoded, Bytes{0}})).ok());
  EXPECT_FALSE(ParseExternalSenders(
                   EncodeExternalSenders(std::vector<ExternalSender>(kMaxExternalSenders + 1)))
                   .ok());
  EXPECT_FALSE(ParseExternalPub(Concat({EncodeExternalPub(Bytes{1}), Bytes{0}})).ok());
}

// Members that send values without a meaning everywhere they may (§13.5), and members that send
// none.
TEST(Grease, IsSentAndTolerated) {
  for (int round = 0; round < 8; ++round) {
    Client alice("alice"), bob("bob"), carol("carol");
    alice.policy = bob.policy = carol.policy = OpenPolicy();
    CreateGroupParams group_params = alice.group_params();
    group_params.grease = true;
    ASSERT_OK_AND_ASSIGN(Group first, Group::Create(std::move(group_params), alice.KeyPair()));
    KeyPackageParams package = bob.key_package_params();
    package.grease = true;
    ASSERT_OK_AND_ASSIGN(const KeyPackageBundle bundle,
                         GenerateKeyPackage(package, bob.signature_key));
    EXPECT_TRUE(IsGrease(bundle.key_package.extensions.at(0).type));
    EXPECT_TRUE(IsGrease(bundle.key_package.leaf_node.extensions.at(0).type));
    EXPECT_TRUE(IsGrease(bundle.key_package.leaf_node.capabilities.proposals.at(0)));
    CommitParams add;
    add.adds = {bundle.key_package};
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(first, std::move(add)));
    ASSERT_OK_AND_ASSIGN(Group second, bob.Join(*staged.welcome, bundle));
    ASSERT_OK_AND_ASSIGN(const Bytes info, second.ExportGroupInfo({.grease = true}));
    EXPECT_EQ(ParseGroupInfoMessage(info)->extensions.size(), 3u);
    ExternalJoinParams params = carol.external_params();
    params.grease = true;
    ASSERT_OK_AND_ASSIGN(StagedCommit join, carol.JoinExternally(info, std::move(params)));
    for (Group* const group : {&first, &second}) ASSERT_OK(ProcessAndAdvance(*group, join.message));
    ASSERT_OK_AND_ASSIGN(Group third, Group::Enter(*std::move(join.next)));
    ExpectInStep({&first, &second, &third});
    EXPECT_TRUE(IsGrease(first.member({1})->extensions.at(0).type));  // kept byte for byte
  }
}

// What a policy refuses is refused before anything else of it is judged, and leaves no trace.
TEST(ExternalPolicy, RefusesByDefault) {
  const Client alice("alice"), bob("bob"), dave("dave");
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  ASSERT_OK_AND_ASSIGN(const Bytes info, groups[0].ExportGroupInfo());
  ASSERT_OK_AND_ASSIGN(const StagedCommit join, dave.JoinExternally(info, dave.external_params()));
  ASSERT_OK_AND_ASSIGN(const Bytes add, ProposeOwnAdd({SuiteId::kX25519Aes128GcmSha256Ed25519,
                                                       groups[0].group_id(), groups[0].epoch()},
                                                      dave.NewKeyPackage().key_package,
                                                      CopyKey(dave.signature_key)));
  // The group itself may name a sender that this member does not listen to.
  GroupAccess::State(groups[0]).context.extensions = {
      {kExtensionExternalSenders,
       EncodeExternalSenders({{dave.signature_key.public_key, dave.credential()}})}};
  ASSERT_OK_AND_ASSIGN(
      const Bytes remove,
      ProposeAsExternalSender(
          {SuiteId::kX25519Aes128GcmSha256Ed25519, groups[0].group_id(), groups[0].epoch()}, 0,
          CopyKey(dave.signature_key), RemoveProposal{{1}}));
  const Secret before = groups[0].Serialize();
  for (const Bytes& message : {join.message, add, remove}) {
    EXPECT_THAT(groups[0].Process(message, kTrusting, kNow).status(),
                StatusIs(Code::kPermissionDenied));
    EXPECT_TRUE(groups[0].Serialize() == before);
  }
  EXPECT_THAT(groups[0].ProposeReInit({{1}, 1, 1, {}}, HandshakeFraming::kPrivateMessage),
              StatusIs(Code::kPermissionDenied));
}

TEST(HandshakePolicy, OpenHandshakesCanBeRefused) {
  Client alice("alice"), bob("bob");
  alice.policy.accept_public_handshakes = false;
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  ASSERT_OK_AND_ASSIGN(const Bytes open,
                       groups[1].ProposeUpdate({}, HandshakeFraming::kPublicMessage));
  EXPECT_THAT(groups[0].Process(open, kTrusting, kNow).status(),
              StatusIs(Code::kPermissionDenied, HasSubstr("encrypted only")));
  EXPECT_THAT(groups[0].ProposeUpdate({}, HandshakeFraming::kPublicMessage),
              StatusIs(Code::kPermissionDenied));
  ASSERT_OK_AND_ASSIGN(const Bytes sealed,
                       groups[1].ProposeUpdate({}, HandshakeFraming::kPrivateMessage));
  EXPECT_OK(ProcessAs<ProposalStored>(groups[0], sealed));
}

}  // namespace
}  // namespace plumbline::mls
