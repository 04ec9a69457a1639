#include "mls/tree/tree_validation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/check.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const CipherSuite& Suite() { return **CipherSuite::Get(1); }

LeafNode Leaf(const std::string& name) {
  return Client(name).NewKeyPackage().key_package.leaf_node;
}

// Three members in a tree of four leaves; the first made a path.
RatchetTree TreeOfThreeWithPath() {
  RatchetTree tree(Suite(), Leaf("a"));
  tree.Add(Leaf("b"));
  tree.Add(Leaf("c"));
  std::vector<Bytes> keys;
  const std::vector<PathStep> steps = tree.FilteredDirectPath({0});
  for (size_t i = 0; i < steps.size(); ++i)
    keys.push_back(Suite().GenerateHpkeKeyPair().public_key);
  LeafNode leaf = Leaf("a2");
  leaf.source = LeafNodeSource::kCommit;
  leaf.parent_hash = tree.SetPath({0}, steps, keys);
  tree.SetLeaf({0}, leaf);
  return tree;
}

// Then a fourth was added, who is unmerged.
RatchetTree TreeWithUnmergedLeaf() {
  RatchetTree tree = TreeOfThreeWithPath();
  tree.Add(Leaf("d"));
  return tree;
}

// The wire form of the tree with the unmerged leaves of one parent replaced.
absl::StatusOr<RatchetTree> WithUnmerged(const RatchetTree& tree, NodeIndex node,
                                         const std::vector<uint32_t>& leaves) {
  const ParentNode& parent = *tree.parent(node);
  const auto encode = [&](const std::vector<uint32_t>& unmerged) {
    Writer list;
    for (const uint32_t leaf : unmerged) list.U32(leaf);
    Writer out;
    out.U8(1).U8(2).Vector(parent.encryption_key).Vector(parent.parent_hash).Vector(list.view());
    return out.TakeBytes();
  };
  std::vector<uint32_t> present;
  for (const LeafIndex leaf : parent.unmerged_leaves) present.push_back(leaf.value);
  const Bytes old_node = encode(present);
  const Bytes new_node = encode(leaves);
  const Bytes encoded = tree.Encode();
  Reader in(encoded);
  Bytes nodes = ToBytes(*in.Vector(kMaxVarint));
  const auto at = std::search(nodes.begin(), nodes.end(), old_node.begin(), old_node.end());
  CHECK(at != nodes.end());
  const size_t offset = at - nodes.begin();
  nodes.erase(at, at + old_node.size());
  nodes.insert(nodes.begin() + offset, new_node.begin(), new_node.end());
  Writer wire;
  wire.Vector(nodes);
  return RatchetTree::Parse(Suite(), wire.view(), 100);
}

absl::StatusOr<RatchetTree> WithRootUnmerged(const RatchetTree& tree,
                                             const std::vector<uint32_t>& leaves) {
  return WithUnmerged(tree, tree.root(), leaves);
}

TEST(TreeValidation, AcceptsATreeWithAnUnmergedLeaf) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  EXPECT_EQ(tree.parent(tree.root())->unmerged_leaves, (std::vector<LeafIndex>{{3}}));
  EXPECT_OK(CheckTreeStructure(tree));
}

TEST(TreeValidation, RefusesUnmergedLeavesThatAreNoMembersBelow) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  for (const uint32_t leaf : {4u, 7u, 0x80000000u, 0xffffffffu}) {
    ASSERT_OK_AND_ASSIGN(const RatchetTree changed, WithRootUnmerged(tree, {3, leaf}));
    EXPECT_THAT(CheckUnmergedLeaves(changed), StatusIs(kInvalid)) << leaf;
    EXPECT_THAT(CheckTreeStructure(changed), StatusIs(kInvalid)) << leaf;
  }
}

TEST(TreeValidation, RefusesUnmergedLeavesOfAnotherSubtree) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  ASSERT_OK_AND_ASSIGN(const RatchetTree changed, WithUnmerged(tree, {1}, {3}));
  EXPECT_THAT(CheckUnmergedLeaves(changed), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesBlankUnmergedLeaves) {
  const RatchetTree tree = TreeOfThreeWithPath();
  ASSERT_OK_AND_ASSIGN(const RatchetTree changed, WithRootUnmerged(tree, {3}));
  ASSERT_EQ(changed.leaf({3}), nullptr);
  EXPECT_THAT(CheckUnmergedLeaves(changed), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesParentKeysThatAreUnusable) {
  RatchetTree tree(Suite(), Leaf("a"));
  tree.Add(Leaf("b"));
  LeafNode leaf = Leaf("a2");
  leaf.source = LeafNodeSource::kCommit;
  leaf.parent_hash = tree.SetPath({0}, tree.FilteredDirectPath({0}), {Bytes(32)});
  tree.SetLeaf({0}, leaf);
  EXPECT_OK(CheckParentHashes(tree));
  EXPECT_THAT(CheckTreeStructure(tree), StatusIs(kInvalid));
}

// A leaf that the root lists has to be listed by the non-blank node between them too.
TEST(TreeValidation, RefusesUnmergedLeavesMissingBetween) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  ASSERT_NE(tree.parent({1}), nullptr);
  ASSERT_OK_AND_ASSIGN(const RatchetTree changed, WithRootUnmerged(tree, {1, 3}));
  EXPECT_THAT(CheckUnmergedLeaves(changed), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesUnmergedLeavesOutOfOrder) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  EXPECT_THAT(WithRootUnmerged(tree, {3, 1}).status(), StatusIs(kInvalid));
  EXPECT_THAT(WithRootUnmerged(tree, {3, 3}).status(), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesKeysThatOccurTwice) {
  RatchetTree tree = TreeWithUnmergedLeaf();
  LeafNode leaf = *tree.leaf({2});
  leaf.encryption_key = *tree.encryption_key(tree.root());
  tree.SetLeaf({2}, leaf);
  EXPECT_THAT(CheckUniqueKeys(tree), StatusIs(kInvalid));
  leaf = Leaf("e");
  leaf.signature_key = tree.leaf({1})->signature_key;
  tree.SetLeaf({2}, leaf);
  EXPECT_THAT(CheckUniqueKeys(tree), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesParentsThatNobodyVouchesFor) {
  RatchetTree tree = TreeWithUnmergedLeaf();
  LeafNode leaf = *tree.leaf({0});
  leaf.parent_hash[0] ^= 1;
  tree.SetLeaf({0}, leaf);
  EXPECT_THAT(CheckParentHashes(tree), StatusIs(kInvalid));
  leaf.parent_hash.clear();
  tree.SetLeaf({0}, leaf);
  EXPECT_THAT(CheckParentHashes(tree), StatusIs(kInvalid));
}

TEST(TreeValidation, RefusesNodesOfTheWrongKindAndTreesTooLarge) {
  const RatchetTree tree = TreeWithUnmergedLeaf();
  EXPECT_THAT(RatchetTree::Parse(Suite(), tree.Encode(), 3).status(), StatusIs(kInvalid));
  Writer empty;
  empty.Vector({});
  EXPECT_THAT(RatchetTree::Parse(Suite(), empty.view(), 3).status(), StatusIs(kInvalid));
  Writer parent_first;
  parent_first.U8(1).U8(2).Vector(Bytes(32)).Vector({}).Vector({});
  Writer wire;
  wire.Vector(parent_first.view());
  EXPECT_THAT(RatchetTree::Parse(Suite(), wire.view(), 3).status(), StatusIs(kInvalid));
}

TEST(RatchetTree, RefusesEveryTruncation) {
  const Bytes wire = TreeWithUnmergedLeaf().Encode();
  for (size_t n = 0; n < wire.size(); ++n) {
    EXPECT_THAT(RatchetTree::Parse(Suite(), ByteView(wire).first(n), 100).status(),
                StatusIs(kInvalid))
        << n;
  }
}

// What was cached before a change is never used after it: every hash equals that of a tree parsed
// afresh.
TEST(RatchetTree, CachedHashesFollowEveryChange) {
  RatchetTree tree(Suite(), Leaf("0"));
  const auto check = [&] {
    const absl::StatusOr<RatchetTree> fresh = RatchetTree::Parse(Suite(), tree.Encode(), 100);
    ASSERT_OK(fresh);
    ASSERT_EQ(fresh->leaf_count(), tree.leaf_count());
    for (uint32_t i = 0; i < NodeWidth(tree.leaf_count()); ++i) {
      EXPECT_TRUE(Equal(tree.TreeHash({i}), fresh->TreeHash({i}))) << i;
    }
  };
  for (int i = 1; i < 9; ++i) {
    tree.Add(Leaf(std::to_string(i)));
    check();
  }
  std::vector<Bytes> keys;
  for (size_t i = 0; i < tree.FilteredDirectPath({4}).size(); ++i) {
    keys.push_back(Suite().GenerateHpkeKeyPair().public_key);
  }
  tree.SetPath({4}, tree.FilteredDirectPath({4}), keys);
  check();
  tree.Update({2}, Leaf("new"));
  check();
  for (const uint32_t leaf : {8u, 4u, 5u, 6u, 7u, 0u}) {
    tree.Remove({leaf});
    check();
  }
  EXPECT_EQ(tree.leaf_count(), LeafCount{4});
}

}  // namespace
}  // namespace plumbline::mls
