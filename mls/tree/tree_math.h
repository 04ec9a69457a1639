// Index arithmetic on complete balanced binary trees (RFC 9420 §7.1, appendix C).
// Leaves have even node indices, parents odd ones; a tree of n leaves (a power of two) has 2n - 1
// nodes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "mls/leaf_node.h"

namespace plumbline::mls {

struct NodeIndex {
  uint32_t value = 0;
  auto operator<=>(const NodeIndex&) const = default;
  bool is_leaf() const { return (value & 1) == 0; }
};

// Number of leaves of a tree, blank ones included: a power of two, at most 2^30.
struct LeafCount {
  uint32_t value = 1;
  bool operator==(const LeafCount&) const = default;
};

inline constexpr uint32_t kMaxLeaves = uint32_t{1} << 30;

inline NodeIndex NodeOf(LeafIndex leaf) { return {leaf.value * 2}; }
inline LeafIndex LeafOf(NodeIndex node) { return {node.value / 2}; }  // of a leaf node
inline uint32_t NodeWidth(LeafCount n) { return 2 * n.value - 1; }
inline NodeIndex Root(LeafCount n) { return {n.value - 1}; }

// 0 for leaves, one more for each step up.
int Level(NodeIndex x);
// Children; only of a parent node (CHECKed).
NodeIndex Left(NodeIndex x);
NodeIndex Right(NodeIndex x);
// None for the root.
std::optional<NodeIndex> Parent(NodeIndex x, LeafCount n);
std::optional<NodeIndex> Sibling(NodeIndex x, LeafCount n);
// From the parent of x up to the root; empty for the root.
std::vector<NodeIndex> DirectPath(NodeIndex x, LeafCount n);
// Whether x is `root` or below it.
bool IsInSubtree(NodeIndex x, NodeIndex root);
// The lowest node that has both at or below it.
NodeIndex CommonAncestor(NodeIndex a, NodeIndex b);
// Smallest power of two that is at least `leaves` (>= 1).
LeafCount CompleteLeafCount(uint32_t leaves);

}  // namespace plumbline::mls
