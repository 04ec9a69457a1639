#include "mls/tree/tree_validation.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace plumbline::mls {
namespace {

template <typename Visit>
absl::Status ForEachParent(const RatchetTree& tree, Visit visit) {
  for (uint32_t index = 1; index < NodeWidth(tree.leaf_count()); index += 2) {
    const ParentNode* parent = tree.parent({index});
    if (parent != nullptr) RETURN_IF_ERROR(visit(NodeIndex{index}, *parent));
  }
  return absl::OkStatus();
}

ByteView CarriedParentHash(const RatchetTree& tree, NodeIndex node) {
  if (!node.is_leaf()) return tree.parent(node)->parent_hash;
  const LeafNode& leaf = *tree.leaf(LeafOf(node));
  return leaf.source == LeafNodeSource::kCommit ? ByteView(leaf.parent_hash) : ByteView();
}

// Whether the node that was set together with `node` on the side of `child` is there and carries
// its parent hash. That node is what remains of the child's resolution without the leaves added
// since.
bool IsVouchedFor(const RatchetTree& tree, NodeIndex node, NodeIndex child, NodeIndex other) {
  const std::vector<LeafIndex>& unmerged = tree.parent(node)->unmerged_leaves;
  std::vector<NodeIndex> rest = tree.Resolution(child);
  std::erase_if(rest, [&](NodeIndex n) {
    return n.is_leaf() && std::binary_search(unmerged.begin(), unmerged.end(), LeafOf(n));
  });
  if (rest.size() != 1) return false;
  const ByteView carried = CarriedParentHash(tree, rest[0]);
  return !carried.empty() && Equal(carried, tree.ParentHash(node, other));
}

}  // namespace

absl::Status CheckParentHashes(const RatchetTree& tree) {
  return ForEachParent(tree, [&](NodeIndex node, const ParentNode&) -> absl::Status {
    const NodeIndex left = Left(node);
    const NodeIndex right = Right(node);
    if (IsVouchedFor(tree, node, left, right) || IsVouchedFor(tree, node, right, left))
      return absl::OkStatus();
    return absl::InvalidArgumentError("a parent node has no valid parent hash below it");
  });
}

absl::Status CheckUnmergedLeaves(const RatchetTree& tree) {
  return ForEachParent(tree, [&](NodeIndex node, const ParentNode& parent) -> absl::Status {
    for (const LeafIndex leaf : parent.unmerged_leaves) {
      if (leaf.value >= tree.leaf_count().value || !IsInSubtree(NodeOf(leaf), node) ||
          tree.leaf(leaf) == nullptr) {
        return absl::InvalidArgumentError("an unmerged leaf is not a member below its node");
      }
      for (NodeIndex up = *Parent(NodeOf(leaf), tree.leaf_count()); up != node;
           up = *Parent(up, tree.leaf_count())) {
        const ParentNode* between = tree.parent(up);
        if (between != nullptr && !std::binary_search(between->unmerged_leaves.begin(),
                                                      between->unmerged_leaves.end(), leaf)) {
          return absl::InvalidArgumentError("an unmerged leaf is missing from a node between");
        }
      }
    }
    return absl::OkStatus();
  });
}

absl::Status CheckUniqueKeys(const RatchetTree& tree) {
  const auto less = [](const Bytes* a, const Bytes* b) { return *a < *b; };
  std::set<const Bytes*, decltype(less)> encryption(less);
  std::set<const Bytes*, decltype(less)> signature(less);
  for (uint32_t index = 0; index < NodeWidth(tree.leaf_count()); ++index) {
    const NodeIndex node{index};
    const Bytes* key = tree.encryption_key(node);
    if (key == nullptr) continue;
    if (!encryption.insert(key).second)
      return absl::InvalidArgumentError("an encryption key occurs twice");
    if (node.is_leaf() && !signature.insert(&tree.leaf(LeafOf(node))->signature_key).second) {
      return absl::InvalidArgumentError("a signature key occurs twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckParentKeys(const RatchetTree& tree) {
  return ForEachParent(tree, [&](NodeIndex, const ParentNode& parent) {
    return tree.suite().CheckHpkePublicKey(parent.encryption_key);
  });
}

absl::Status CheckTreeStructure(const RatchetTree& tree) {
  RETURN_IF_ERROR(CheckUnmergedLeaves(tree));
  RETURN_IF_ERROR(CheckParentKeys(tree));
  RETURN_IF_ERROR(CheckUniqueKeys(tree));
  return CheckParentHashes(tree);
}

}  // namespace plumbline::mls
