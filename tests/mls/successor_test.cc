// Branches and re-initialisation (RFC 9420 §11.2, §11.3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "mls/epoch_change.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr SuiteId kNext = SuiteId::kP256Aes128GcmSha256P256;

// The same clients with keys of another suite.
struct Person {
  explicit Person(const std::string& name) : now(name), next(name, kNext) {
    now.policy = OpenPolicy();
    next.policy = OpenPolicy();
  }
  Client now, next;
};

class SuccessorTest : public ::testing::Test {
 protected:
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }
  Group& carol() { return groups_[2]; }

  CreateGroupParams Params(const Client& creator, Bytes group_id) {
    CreateGroupParams params = creator.group_params();
    params.group_id = std::move(group_id);
    return params;
  }
  absl::StatusOr<Successor> BranchWith(const std::vector<KeyPackageBundle>& bundles,
                                       bool path = true) {
    CommitParams commit;
    commit.force_path = path;
    for (const KeyPackageBundle& bundle : bundles) commit.adds.push_back(bundle.key_package);
    return alice().Branch(Params(alice_.now, {7, 7}), alice_.now.KeyPair(), std::move(commit),
                          kTrusting, kNow);
  }
  // Everyone is in the epoch that ends the group.
  void EndGroup() {
    const ReInitProposal reinit{{9, 9}, 1, static_cast<uint16_t>(kNext), {}};
    CommitParams params;
    params.reinit = reinit;
    params.force_path = false;
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(bob(), std::move(params)));
    EXPECT_TRUE(staged.reinit);
    for (Group* const group : {&alice(), &carol()})
      ASSERT_OK(ProcessAndAdvance(*group, staged.message));
    EXPECT_EQ(alice().reinit(), reinit);
  }
  absl::StatusOr<Successor> ReinitializeWith(const std::vector<KeyPackageBundle>& bundles) {
    CommitParams commit;
    for (const KeyPackageBundle& bundle : bundles) commit.adds.push_back(bundle.key_package);
    return alice().Reinitialize(Params(alice_.next, {}), alice_.next.KeyPair(), std::move(commit),
                                kTrusting, kNow);
  }
  absl::StatusOr<Group> JoinFrom(const Group& origin, const Client& client, ByteView welcome,
                                 const KeyPackageBundle& bundle) {
    return origin.JoinSuccessor(welcome, bundle, CopyKey(client.signature_key), std::nullopt,
                                kTrusting, kNow);
  }

  Person alice_{"alice"}, bob_{"bob"}, carol_{"carol"}, dave_{"dave"};
  std::vector<Group> groups_ = MakeGroup(alice_.now, {&bob_.now, &carol_.now});
};

TEST_F(SuccessorTest, SomeMembersBranchOff) {
  for (const bool path : {true, false}) {
    const KeyPackageBundle bundle = carol_.now.NewKeyPackage();
    std::vector<KeyPackageBundle> bundles;
    bundles.push_back(*KeyPackageBundle::Parse(bundle.Serialize().view()));
    ASSERT_OK_AND_ASSIGN(Successor branch, BranchWith(bundles, path));
    EXPECT_EQ(branch.group.epoch(), 1u);
    ASSERT_OK_AND_ASSIGN(Group joined, JoinFrom(carol(), carol_.now, *branch.welcome, bundle));
    ExpectInStep({&branch.group, &joined});
    // Without the group it comes from it cannot be joined.
    EXPECT_THAT(carol_.now.Join(*branch.welcome, bundle), StatusIs(Code::kFailedPrecondition));
  }
  ExpectInStep({&alice(), &bob(), &carol()});
}

TEST_F(SuccessorTest, ABranchHasNoOthers) {
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(dave_.now.NewKeyPackage());
  EXPECT_THAT(BranchWith(bundles), StatusIs(Code::kInvalidArgument, HasSubstr("has not")));
  EXPECT_THAT(alice().Branch(Params(alice_.next, {7}), alice_.next.KeyPair(), {}, kTrusting, kNow),
              StatusIs(Code::kInvalidArgument, HasSubstr("suite")));
  EXPECT_THAT(alice().Branch(Params(alice_.now, alice().group_id()), alice_.now.KeyPair(), {},
                             kTrusting, kNow),
              StatusIs(Code::kInvalidArgument, HasSubstr("same id")));
  EXPECT_THAT(alice().Branch(Params(bob_.now, {7}), bob_.now.KeyPair(), {}, kTrusting, kNow),
              StatusIs(Code::kInvalidArgument, HasSubstr("another client")));
}

// A group that is tied to another one by its PSK only: who joins from elsewhere is not fooled.
TEST_F(SuccessorTest, AWelcomeIsJoinedFromTheGroupItSucceeds) {
  const KeyPackageBundle bundle = carol_.now.NewKeyPackage();
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(*KeyPackageBundle::Parse(bundle.Serialize().view()));
  ASSERT_OK_AND_ASSIGN(Successor branch, BranchWith(bundles));
  std::vector<Group> others = MakeGroup(dave_.now, {&carol_.now});
  GroupAccess::State(others[1]).context.group_id = {1};
  EXPECT_THAT(JoinFrom(others[1], carol_.now, *branch.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("another group")));
  // Nor is an ordinary Welcome taken for that of a successor.
  Group plain = dave_.now.NewGroup();
  CommitParams params;
  params.adds = {bundle.key_package};
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(plain, std::move(params)));
  EXPECT_THAT(JoinFrom(carol(), carol_.now, *staged.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("does not succeed")));
}

// The branch is made from Alice's view of the group; Carol's, altered, does not have its members.
TEST_F(SuccessorTest, ABranchIsCheckedAgainstTheReceiversGroup) {
  const KeyPackageBundle bundle = carol_.now.NewKeyPackage();
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(*KeyPackageBundle::Parse(bundle.Serialize().view()));
  ASSERT_OK_AND_ASSIGN(Successor branch, BranchWith(bundles));
  Group without_alice = carol().Clone();
  GroupAccess::State(without_alice).tree.Remove({0});
  EXPECT_THAT(JoinFrom(without_alice, carol_.now, *branch.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("has not")));
  Group other_suite = carol().Clone();
  GroupAccess::State(other_suite).context.cipher_suite = 3;
  EXPECT_THAT(JoinFrom(other_suite, carol_.now, *branch.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("another suite")));
  // A branch of an epoch that is no longer kept.
  Group later = carol().Clone();
  GroupAccess::State(later).context.epoch += 1;
  EXPECT_THAT(JoinFrom(later, carol_.now, *branch.welcome, bundle), StatusIs(Code::kNotFound));
}

TEST_F(SuccessorTest, TheSuccessorIsAtItsFirstEpoch) {
  const KeyPackageBundle bundle = carol_.now.NewKeyPackage();
  ASSERT_OK_AND_ASSIGN(Successor branch, BranchWith({}));
  // A later epoch of the branch whose commit is tied to the origin as well.
  GroupState& state = GroupAccess::State(branch.group);
  const auto adding = [&] {
    CommitParams commit;
    commit.adds = {bundle.key_package};
    return commit;
  };
  ASSERT_OK_AND_ASSIGN(const StagedCommit plain,
                       branch.group.Clone().Commit(adding(), kTrusting, kNow));
  EXPECT_THAT(JoinFrom(carol(), carol_.now, *plain.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("does not succeed")));
  SuccessorLink link;
  link.id.type = PskType::kResumption;
  link.id.usage = ResumptionPskUsage::kBranch;
  link.id.psk_group_id = alice().group_id();
  link.id.psk_epoch = alice().epoch();
  link.id.psk_nonce = Bytes(32, 1);
  link.secret = Secret::CopyOf(GroupAccess::State(alice()).secrets.resumption.bytes.view());
  ASSERT_OK_AND_ASSIGN(const StagedCommit late,
                       MakeCommit(state, adding(), Judge{kTrusting, kNow}, &link));
  EXPECT_THAT(JoinFrom(carol(), carol_.now, *late.welcome, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("first epoch")));
}

TEST_F(SuccessorTest, AllMembersMoveToTheGroupOfTheReInit) {
  ASSERT_NO_FATAL_FAILURE(EndGroup());
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(bob_.next.NewKeyPackage());
  bundles.push_back(carol_.next.NewKeyPackage());
  ASSERT_OK_AND_ASSIGN(Successor next, ReinitializeWith(bundles));
  EXPECT_EQ(next.group.suite(), kNext);
  EXPECT_EQ(next.group.group_id(), (Bytes{9, 9}));
  ASSERT_OK_AND_ASSIGN(Group bob_next, JoinFrom(bob(), bob_.next, *next.welcome, bundles[0]));
  ASSERT_OK_AND_ASSIGN(Group carol_next, JoinFrom(carol(), carol_.next, *next.welcome, bundles[1]));
  ExpectInStep({&next.group, &bob_next, &carol_next});
}

TEST_F(SuccessorTest, AProposedReInitIsCommittedAloneAndLast) {
  const ReInitProposal reinit{{9}, 1, 1, {}};
  ASSERT_OK_AND_ASSIGN(const Bytes psk,
                       carol().ProposeResumptionPsk(1, HandshakeFraming::kPublicMessage));
  ASSERT_OK_AND_ASSIGN(const Bytes end,
                       carol().ProposeReInit(reinit, HandshakeFraming::kPublicMessage));
  for (Group* const group : {&alice(), &bob()}) {
    for (const Bytes& message : {psk, end}) ASSERT_OK(ProcessAs<ProposalStored>(*group, message));
  }
  ASSERT_OK_AND_ASSIGN(const StagedCommit first, alice().Commit({}, kTrusting, kNow));
  EXPECT_FALSE(first.reinit);  // the other proposal goes before
  alice().ClearPendingProposals();
  ASSERT_OK(ProcessAs<ProposalStored>(alice(), end));
  ASSERT_OK_AND_ASSIGN(const StagedCommit second, alice().Commit({}, kTrusting, kNow));
  EXPECT_TRUE(second.reinit);
  ASSERT_OK(ProcessAndAdvance(bob(), second.message));
  EXPECT_EQ(bob().reinit(), reinit);
}

TEST_F(SuccessorTest, AnEndedGroupIsSilent) {
  ASSERT_OK_AND_ASSIGN(const Bytes late, carol().Protect(AsBytes("late"), {}));
  ASSERT_NO_FATAL_FAILURE(EndGroup());
  const auto dead = StatusIs(Code::kFailedPrecondition, HasSubstr("successor"));
  EXPECT_THAT(alice().Protect({}, {}), dead);
  EXPECT_THAT(alice().Commit({}, kTrusting, kNow), dead);
  EXPECT_THAT(alice().ProposeUpdate({}, HandshakeFraming::kPublicMessage), dead);
  EXPECT_THAT(alice().ExportGroupInfo(), dead);
  EXPECT_OK(ProcessAs<ApplicationMessage>(alice(), late));  // of the epoch before
  // It is still ended after a restart, and nobody in it can make it speak.
  const Secret stored = alice().Serialize();
  ASSERT_OK_AND_ASSIGN(Group restored, Group::Parse(stored.view()));
  EXPECT_EQ(restored.reinit(), alice().reinit());
  EXPECT_TRUE(restored.Serialize() == stored);
  GroupState& lively = GroupAccess::State(bob());
  lively.reinit.reset();
  for (const HandshakeFraming framing :
       {HandshakeFraming::kPublicMessage, HandshakeFraming::kPrivateMessage}) {
    ASSERT_OK_AND_ASSIGN(const Bytes proposal, bob().ProposeUpdate({}, framing));
    EXPECT_THAT(alice().Process(proposal, kTrusting, kNow).status(), dead);
    CommitParams params;
    params.framing = framing;
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged,
                         bob().Commit(std::move(params), kTrusting, kNow));
    EXPECT_THAT(alice().Process(staged.message, kTrusting, kNow).status(), dead);
  }
  ASSERT_OK_AND_ASSIGN(const Bytes message, bob().Protect(AsBytes("still here"), {}));
  EXPECT_THAT(alice().Process(message, kTrusting, kNow).status(), dead);
}

TEST_F(SuccessorTest, TheSuccessorHasAllMembersAndNoOthers) {
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(bob_.next.NewKeyPackage());
  EXPECT_THAT(ReinitializeWith(bundles), StatusIs(Code::kFailedPrecondition));
  ASSERT_NO_FATAL_FAILURE(EndGroup());
  EXPECT_THAT(ReinitializeWith(bundles),
              StatusIs(Code::kInvalidArgument, HasSubstr("lack a member")));
  bundles.push_back(carol_.next.NewKeyPackage());
  bundles.push_back(dave_.next.NewKeyPackage());
  EXPECT_THAT(ReinitializeWith(bundles), StatusIs(Code::kInvalidArgument, HasSubstr("has not")));
}

TEST_F(SuccessorTest, TheSuccessorIsCheckedAgainstTheReceiversReInit) {
  ASSERT_NO_FATAL_FAILURE(EndGroup());
  std::vector<KeyPackageBundle> bundles;
  bundles.push_back(bob_.next.NewKeyPackage());
  bundles.push_back(carol_.next.NewKeyPackage());
  ASSERT_OK_AND_ASSIGN(Successor next, ReinitializeWith(bundles));
  const auto join = [&](const std::function<void(GroupState&)>& change) {
    Group origin = carol().Clone();
    change(GroupAccess::State(origin));
    return JoinFrom(origin, carol_.next, *next.welcome, bundles[1]).status();
  };
  const auto refused = [](const std::string& why) {
    return StatusIs(Code::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_OK(join([](GroupState&) {}));
  EXPECT_THAT(join([](GroupState& s) { s.reinit.reset(); }), refused("goes on"));
  EXPECT_THAT(join([](GroupState& s) { s.context.epoch += 1; }), refused("another epoch"));
  EXPECT_THAT(join([](GroupState& s) { s.reinit->group_id = {1}; }), refused("what its ReInit"));
  EXPECT_THAT(join([](GroupState& s) { s.reinit->cipher_suite = 1; }), refused("what its ReInit"));
  EXPECT_THAT(join([](GroupState& s) { s.reinit->version = 2; }), refused("what its ReInit"));
  EXPECT_THAT(join([](GroupState& s) {
                s.reinit->extensions = {{0xF0A2, {}}};
              }),
              refused("what its ReInit"));
  const LeafNode dave = dave_.now.NewKeyPackage().key_package.leaf_node;
  EXPECT_THAT(join([&](GroupState& s) { s.tree.Add(dave); }), refused("lacks a member"));
}

}  // namespace
}  // namespace plumbline::mls
