// Official vectors tree-math, tree-operations, tree-validation and treekem.
#include <gtest/gtest.h>

#include "mls/group_context.h"
#include "mls/proposal.h"
#include "mls/tree/ratchet_tree.h"
#include "mls/tree/tree_kem.h"
#include "mls/tree/tree_math.h"
#include "mls/tree/tree_validation.h"
#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using plumbline::testing::FromHex;

constexpr uint32_t kManyLeaves = 100'000;

json ToJson(const std::optional<NodeIndex>& node) {
  return node ? json(node->value) : json(nullptr);
}

TEST(TreeMathVector, MatchesEveryRelation) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/tree-math.json.gz");
  for (const json& tree : cases) {
    const LeafCount n{tree["n_leaves"].get<uint32_t>()};
    SCOPED_TRACE(n.value);
    EXPECT_EQ(NodeWidth(n), tree["n_nodes"].get<uint32_t>());
    EXPECT_EQ(Root(n).value, tree["root"].get<uint32_t>());
    for (uint32_t i = 0; i < NodeWidth(n); ++i) {
      const NodeIndex node{i};
      EXPECT_EQ(node.is_leaf() ? json(nullptr) : json(Left(node).value), tree["left"][i]);
      EXPECT_EQ(node.is_leaf() ? json(nullptr) : json(Right(node).value), tree["right"][i]);
      EXPECT_EQ(ToJson(Parent(node, n)), tree["parent"][i]);
      EXPECT_EQ(ToJson(Sibling(node, n)), tree["sibling"][i]);
    }
  }
}

TEST(TreeOperationsVector, AppliesEveryProposal) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/tree-operations.json.gz");
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const json& c = cases[i];
    ASSERT_OK_AND_ASSIGN(const CipherSuite* suite,
                         CipherSuite::Get(c["cipher_suite"].get<uint16_t>()));
    const Bytes before = FromHex(c["tree_before"]);
    ASSERT_OK_AND_ASSIGN(RatchetTree tree, RatchetTree::Parse(*suite, before, kManyLeaves));
    EXPECT_EQ(tree.Encode(), before);
    EXPECT_EQ(ToBytes(tree.RootHash()), FromHex(c["tree_hash_before"]));
    const Bytes wire = FromHex(c["proposal"]);
    Reader in(wire);
    ASSERT_OK_AND_ASSIGN(const Proposal proposal, ReadProposal(in));
    if (const auto* add = std::get_if<AddProposal>(&proposal)) tree.Add(add->key_package.leaf_node);
    if (const auto* remove = std::get_if<RemoveProposal>(&proposal)) tree.Remove(remove->removed);
    if (const auto* update = std::get_if<UpdateProposal>(&proposal)) {
      tree.Update({c["proposal_sender"].get<uint32_t>()}, update->leaf_node);
    }
    EXPECT_EQ(tree.Encode(), FromHex(c["tree_after"]));
    EXPECT_EQ(ToBytes(tree.RootHash()), FromHex(c["tree_hash_after"]));
  }
}

TEST(TreeValidationVector, AcceptsEveryTree) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/tree-validation.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    const Bytes wire = FromHex(c["tree"]);
    ASSERT_OK_AND_ASSIGN(const RatchetTree tree, RatchetTree::Parse(suite, wire, kManyLeaves));
    EXPECT_EQ(tree.Encode(), wire);
    ASSERT_EQ(c["tree_hashes"].size(), NodeWidth(tree.leaf_count()));
    for (uint32_t i = 0; i < NodeWidth(tree.leaf_count()); ++i) {
      EXPECT_EQ(ToBytes(tree.TreeHash({i})), FromHex(c["tree_hashes"][i])) << i;
      json resolution = json::array();
      for (const NodeIndex node : tree.Resolution({i})) resolution.push_back(node.value);
      EXPECT_EQ(resolution, c["resolutions"][i]) << i;
    }
    EXPECT_OK(CheckTreeStructure(tree));
    const Bytes group_id = FromHex(c["group_id"]);
    for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
      const LeafNode* leaf = tree.leaf({i});
      if (leaf == nullptr) continue;
      EXPECT_OK(VerifyLeafNodeSignature(suite, *leaf, LeafPosition{group_id, {i}})) << i;
      EXPECT_OK(CheckLeafNodeAlone(suite, *leaf)) << i;
    }
  });
}

// A change to one parent hash breaks the chain (RFC 9420 §7.9.2).
TEST(TreeValidationVector, RefusesATreeWithoutItsParentHashes) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/tree-validation.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    ASSERT_OK_AND_ASSIGN(const RatchetTree tree,
                         RatchetTree::Parse(suite, FromHex(c["tree"]), kManyLeaves));
    for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
      const LeafNode* leaf = tree.leaf({i});
      if (leaf == nullptr || leaf->source != LeafNodeSource::kCommit || leaf->parent_hash.empty())
        continue;
      const NodeIndex up = *Parent(NodeOf({i}), tree.leaf_count());
      if (tree.parent(up) == nullptr || !tree.parent(up)->unmerged_leaves.empty()) continue;
      LeafNode changed = *leaf;
      changed.parent_hash[0] ^= 1;
      RatchetTree broken = tree;
      broken.SetLeaf({i}, changed);
      const LeafNode* other = tree.leaf({i ^ 1});
      if (other != nullptr && other->source == LeafNodeSource::kCommit)
        continue;  // may vouch from its side
      EXPECT_FALSE(CheckParentHashes(broken).ok()) << i;
    }
  });
}

// Every private key belongs to the public key in the tree.
void ExpectToBelong(const TreePrivate& keys, const RatchetTree& tree) {
  for (const auto& [node, key] : keys.keys()) {
    ASSERT_OK_AND_ASSIGN(const Bytes derived, tree.suite().HpkePublicKey(key.private_key));
    ASSERT_NE(tree.encryption_key(node), nullptr);
    EXPECT_EQ(*tree.encryption_key(node), derived);
    EXPECT_EQ(key.public_key, derived);
  }
}

struct TreeKemCase {
  RatchetTree tree;
  std::vector<TreePrivate> members;
  GroupContext context;
};

void Load(const CipherSuite& suite, const json& c, std::optional<TreeKemCase>& out) {
  ASSERT_OK_AND_ASSIGN(RatchetTree tree,
                       RatchetTree::Parse(suite, FromHex(c["ratchet_tree"]), kManyLeaves));
  std::vector<TreePrivate> members;
  for (const json& leaf : c["leaves_private"]) {
    const LeafIndex index{leaf["index"].get<uint32_t>()};
    TreePrivate keys(index, {HpkePrivateKey{Secret::CopyOf(FromHex(leaf["encryption_priv"]))},
                             tree.leaf(index)->encryption_key});
    for (const json& entry : leaf["path_secrets"]) {
      ASSERT_OK_AND_ASSIGN(PathKeys derived,
                           DerivePathKeys(suite, Secret::CopyOf(FromHex(entry["path_secret"])), 1));
      keys.Set({entry["node"].get<uint32_t>()}, std::move(derived.keys[0]));
    }
    ExpectToBelong(keys, tree);
    members.push_back(std::move(keys));
  }
  GroupContext context{static_cast<uint16_t>(suite.id()),
                       FromHex(c["group_id"]),
                       c["epoch"].get<uint64_t>(),
                       {},
                       FromHex(c["confirmed_transcript_hash"]),
                       {}};
  out.emplace(TreeKemCase{std::move(tree), std::move(members), std::move(context)});
}

TEST(TreeKemVector, ReadsEveryUpdatePath) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/treekem.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    std::optional<TreeKemCase> loaded;
    ASSERT_NO_FATAL_FAILURE(Load(suite, c, loaded));
    for (const json& update : c["update_paths"]) {
      const LeafIndex sender{update["sender"].get<uint32_t>()};
      const Bytes wire = FromHex(update["update_path"]);
      Reader in(wire);
      ASSERT_OK_AND_ASSIGN(const UpdatePath path, ReadUpdatePath(in));
      ASSERT_OK(in.Done());
      EXPECT_OK(VerifyLeafNodeSignature(suite, path.leaf_node,
                                        LeafPosition{loaded->context.group_id, sender}));
      RatchetTree tree = loaded->tree;
      ASSERT_OK(ApplyPath(tree, sender, path, {}));
      EXPECT_EQ(ToBytes(tree.RootHash()), FromHex(update["tree_hash_after"]));
      GroupContext context = loaded->context;
      context.tree_hash = ToBytes(tree.RootHash());
      for (const TreePrivate& member : loaded->members) {
        if (member.own_leaf() == sender) continue;
        TreePrivate keys = member.Clone();
        ASSERT_OK_AND_ASSIGN(const Secret commit_secret,
                             OpenPath(tree, keys, sender, path, Encode(context), {}));
        EXPECT_EQ(ToBytes(commit_secret.view()), FromHex(update["commit_secret"]));
        ExpectToBelong(keys, tree);
        // The path secret the vectors expect here leads to the same keys.
        TreePrivate adopted = member.Clone();
        adopted.Prune(tree);
        EXPECT_OK(AdoptPathSecret(
            tree, adopted, sender,
            Secret::CopyOf(FromHex(update["path_secrets"][member.own_leaf().value]))));
        Writer a;
        Writer b;
        keys.Write(a);
        adopted.Write(b);
        EXPECT_TRUE(Equal(a.view(), b.view()));
      }
    }
  });
}

TEST(TreeKemVector, MakesPathsThatEveryMemberReads) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/treekem.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    std::optional<TreeKemCase> loaded;
    ASSERT_NO_FATAL_FAILURE(Load(suite, c, loaded));
    for (size_t i = 0; i < loaded->members.size(); ++i) {
      TreePrivate own = loaded->members[i].Clone();
      const LeafIndex sender = own.own_leaf();
      const SignaturePrivateKey signer{
          Secret::CopyOf(FromHex(c["leaves_private"][i]["signature_priv"]))};
      RatchetTree made = loaded->tree;
      ASSERT_OK_AND_ASSIGN(
          const NewPath path, StartPath(made, own, *loaded->tree.leaf(sender), [&](LeafNode& leaf) {
            return SignLeafNode(suite, signer, LeafPosition{loaded->context.group_id, sender},
                                leaf);
          }));
      ExpectToBelong(own, made);
      EXPECT_OK(CheckTreeStructure(made));
      GroupContext context = loaded->context;
      context.tree_hash = ToBytes(made.RootHash());
      ASSERT_OK_AND_ASSIGN(const UpdatePath update,
                           SealPath(made, path, sender, Encode(context), {}));
      RatchetTree taken = loaded->tree;
      ASSERT_OK(ApplyPath(taken, sender, update, {}));
      EXPECT_EQ(taken.Encode(), made.Encode());
      for (const TreePrivate& member : loaded->members) {
        if (member.own_leaf() == sender) continue;
        TreePrivate keys = member.Clone();
        ASSERT_OK_AND_ASSIGN(const Secret secret,
                             OpenPath(taken, keys, sender, update, Encode(context), {}));
        EXPECT_TRUE(secret == path.path.commit_secret);
      }
    }
  });
}

}  // namespace
}  // namespace plumbline::mls
