// The rules for commits (RFC 9420 §7.3, §12.4): each broken once by a member
// who can sign.
#include "mls/refused_commit.h"
#include "tests/mls/proposal_rules.h"

namespace plumbline::mls {
namespace {

// --- Commit ---

TEST_F(ProposalRules, CommitWithoutThePathItNeedsIsRefused) {
  ExpectRefused(forger_.Committing({}), "lacks the path");
  ExpectRefused(forger_.Committing({RemoveProposal{{2}}}), "lacks the path");
  ExpectRefused(forger_.Committing({GroupContextExtensionsProposal{{}}}), "lacks the path");
}

TEST_F(ProposalRules, CommitToAnUnknownReferenceIsRefused) {
  Commit commit;
  commit.proposals.emplace_back(ProposalRef{Bytes(32, 9)});
  ExpectRefused(forger_.Message(std::move(commit)), "not received", Code::kFailedPrecondition);
}

TEST_F(ProposalRules, PathOfTheWrongLengthIsRefused) {
  ExpectRefused(forger_.CommittingWithPath({}, Path([](UpdatePath& p) { p.nodes.pop_back(); })),
                "number of nodes");
  const auto longer = [](UpdatePath& p) { p.nodes.push_back(p.nodes.back()); };
  ExpectRefused(forger_.CommittingWithPath({}, Path(longer)), "number of nodes");
}

TEST_F(ProposalRules, PathWithTheWrongNumberOfCiphertextsIsRefused) {
  const auto fewer = [](UpdatePath& p) { p.nodes[0].encrypted_path_secrets.pop_back(); };
  ExpectRefused(forger_.CommittingWithPath({}, Path(fewer)), "ciphertexts");
  const auto more = [](UpdatePath& p) {
    p.nodes[1].encrypted_path_secrets.push_back(p.nodes[1].encrypted_path_secrets[0]);
  };
  ExpectRefused(forger_.CommittingWithPath({}, Path(more)), "ciphertexts");
}

TEST_F(ProposalRules, PathSecretThatDoesNotDecryptIsRefused) {
  const auto spoil = [](UpdatePath& p) { p.nodes[0].encrypted_path_secrets[0].ciphertext[0] ^= 1; };
  const Bytes message = forger_.CommittingWithPath({}, Path(spoil));
  const absl::Status status = bob().Process(message, kTrusting, kNow).status();
  EXPECT_THAT(status, StatusIs(Code::kInvalidArgument));
  // Bob alone: Carol's part of the path is as it should be.
  const std::optional<RefusedCommit> refused = RefusedCommitOf(status);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->author, alice().own_leaf());
  EXPECT_TRUE(refused->own_path_only);
  EXPECT_OK(carol().Process(message, kTrusting, kNow).status());
}

// Who refuses what everybody refuses is told the author, and that it is not their path alone. Nobody is the author of what no
// member has signed.
TEST_F(ProposalRules, RefusedCommitHasItsAuthor) {
  Forger::PathHooks hooks;
  hooks.tag = [](Bytes& tag) { tag[0] ^= 1; };
  const auto told = [&](const Bytes& message) {
    return RefusedCommitOf(bob().Process(message, kTrusting, kNow).status());
  };
  const std::optional<RefusedCommit> refused = told(forger_.CommittingWithPath({}, hooks));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->author, alice().own_leaf());
  EXPECT_FALSE(refused->own_path_only);
  Bytes unsigned_message = forger_.CommittingWithPath({}, {});
  unsigned_message[unsigned_message.size() / 2] ^= 1;
  EXPECT_FALSE(told(unsigned_message).has_value());
  EXPECT_FALSE(told(Bytes(32, 1)).has_value());
}

// Two steps of the path swap their secrets: they decrypt, but do not lead to the public keys.
TEST_F(ProposalRules, PathSecretOfOtherKeysIsRefused) {
  const CipherSuite& suite = forger_.suite();
  const auto other_secret = [&](UpdatePath& p) {
    RatchetTree tree = GroupAccess::State(bob()).tree;
    ASSERT_OK(ApplyPath(tree, {0}, p, {}));
    const Bytes context = PathContext(GroupAccess::State(bob()), tree, {});
    p.nodes[0].encrypted_path_secrets[0] = *suite.EncryptWithLabel(
        bob().own_leaf_node().encryption_key, "UpdatePathNode", context, Bytes(32, 5));
  };
  ExpectRefused(forger_.CommittingWithPath({}, Path(other_secret)), "does not give the public key");
}

TEST_F(ProposalRules, PathWithAKeyOfTheTreeIsRefused) {
  const Bytes carols = carol().own_leaf_node().encryption_key;
  const auto node = [&](UpdatePath& p) { p.nodes[0].encryption_key = carols; };
  ExpectRefused(forger_.CommittingWithPath({}, Path(node)), "already in the tree");
  const auto leaf = [&](LeafNode& l) { l.encryption_key = carols; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(leaf)), "already in the tree");
  const Bytes own = alice().own_leaf_node().encryption_key;
  const auto unchanged = [&](LeafNode& l) { l.encryption_key = own; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(unchanged)), "already in the tree");
}

TEST_F(ProposalRules, PathThatRepeatsAKeyIsRefused) {
  const auto repeat = [](UpdatePath& p) { p.nodes[1].encryption_key = p.nodes[0].encryption_key; };
  ExpectRefused(forger_.CommittingWithPath({}, Path(repeat)), "occurs twice");
}

TEST_F(ProposalRules, PathWithAnUnusableKeyIsRefused) {
  const auto zero = [](UpdatePath& p) { p.nodes[0].encryption_key = Bytes(32); };
  ExpectRefused(forger_.CommittingWithPath({}, Path(zero)), "small order");
}

TEST_F(ProposalRules, PathLeafWithTheWrongParentHashIsRefused) {
  const auto change = [](LeafNode& l) { l.parent_hash[0] ^= 1; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(change)), "parent hash");
}

TEST_F(ProposalRules, PathLeafOfAnotherSourceIsRefused) {
  const auto change = [](LeafNode& l) { l.source = LeafNodeSource::kUpdate; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(change)), "another source");
}

TEST_F(ProposalRules, PathLeafWithAWrongSignatureIsRefused) {
  const auto spoil = [](UpdatePath& p) { p.leaf_node.signature[0] ^= 1; };
  ExpectRefused(forger_.CommittingWithPath({}, Path(spoil)), "signature");
}

TEST_F(ProposalRules, PathLeafOfAnotherClientIsRefused) {
  const auto change = [](LeafNode& l) { l.credential = Credential::Basic(AsBytes("mallory")); };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(change)), "changes the client",
                Code::kUnauthenticated);
}

TEST_F(ProposalRules, PathLeafWithTheSignatureKeyOfAnotherMemberIsRefused) {
  const Bytes carols = carol_.signature_key.public_key;
  const auto change = [&](LeafNode& l) { l.signature_key = carols; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(change)), "signature key is another member's");
}

TEST_F(ProposalRules, PathLeafThatLacksAnExtensionOfTheGroupIsRefused) {
  GroupAccess::State(bob()).context.extensions = {{0xF0A2, {1}}};
  GroupAccess::State(alice()).context.extensions = {{0xF0A2, {1}}};
  ExpectRefused(forger_.CommittingWithPath({}, {}), "does not support an extension");
}

TEST_F(ProposalRules, PathLeafThatDropsACredentialTypeInUseIsRefused) {
  const auto change = [](LeafNode& l) { l.capabilities.credentials = {}; };
  ExpectRefused(forger_.CommittingWithPath({}, Leaf(change)), "own credential type");
}

TEST_F(ProposalRules, CredentialTypesMustBeSupportedByAll) {
  const KeyPackage x509 =
      Altered([](KeyPackage& k) { k.leaf_node.credential = Credential::X509({Bytes(20, 1)}); });
  GroupState& state = GroupAccess::State(bob());
  LeafNode limited = *state.tree.leaf({2});
  limited.capabilities.credentials = {kCredentialBasic};
  state.tree.SetLeaf({2}, limited);
  const Bytes message = forger_.Committing({AddProposal{x509}});
  EXPECT_THAT(bob().Process(message, kTrusting, kNow).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("credential type in use")));
}

// --- What a committer makes of the proposals it received ---

TEST_F(ProposalRules, CommitterLeavesOutWhatCannotStandTogether) {
  ASSERT_OK_AND_ASSIGN(const Bytes update,
                       carol().ProposeUpdate({}, HandshakeFraming::kPublicMessage));
  ASSERT_OK_AND_ASSIGN(const Bytes remove_carol,
                       bob().ProposeRemove({2}, HandshakeFraming::kPublicMessage));
  ASSERT_OK_AND_ASSIGN(const Bytes remove_alice,
                       bob().ProposeRemove({0}, HandshakeFraming::kPublicMessage));
  ASSERT_OK_AND_ASSIGN(const Bytes add,
                       bob().ProposeAdd(dave_.NewKeyPackage().key_package,
                                        HandshakeFraming::kPublicMessage, kTrusting, kNow));
  ASSERT_OK_AND_ASSIGN(const Bytes add_again,
                       bob().ProposeAdd(dave_.NewKeyPackage().key_package,
                                        HandshakeFraming::kPublicMessage, kTrusting, kNow));
  for (const Bytes* proposal : {&update, &remove_carol, &remove_alice, &add, &add_again}) {
    ASSERT_OK(ProcessAs<ProposalStored>(alice(), *proposal));
  }
  ASSERT_OK(ProcessAs<ProposalStored>(bob(), update));
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), {}));
  EXPECT_EQ(staged.removes.size(), 1u);
  EXPECT_EQ(staged.adds.size(), 1u);
  ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
  EXPECT_EQ(bob().EpochAuthenticator(), alice().EpochAuthenticator());
}

// A member cannot block commits with an Update that clashes with another leaf.
TEST_F(ProposalRules, CommitterLeavesOutAnUpdateThatBreaksTheTree) {
  const Bytes key = carol().own_leaf_node().encryption_key;
  ASSERT_OK(ProcessAs<ProposalStored>(
      bob(), forger_.Proposing(AlteredUpdate([&](LeafNode& l) { l.encryption_key = key; }))));
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(bob(), {}));
  EXPECT_EQ(staged.updates.size(), 1u);  // its own path
  EXPECT_OK(ProcessAndAdvance(carol(), staged.message));
}

TEST_F(ProposalRules, ProposalsSeenTwiceCountOnce) {
  ASSERT_OK_AND_ASSIGN(const Bytes remove,
                       carol().ProposeRemove({0}, HandshakeFraming::kPublicMessage));
  ASSERT_OK(ProcessAs<ProposalStored>(bob(), remove));
  ASSERT_OK(ProcessAs<ProposalStored>(bob(), remove));
  EXPECT_EQ(bob().pending_proposals(), 1u);
}

}  // namespace
}  // namespace plumbline::mls
