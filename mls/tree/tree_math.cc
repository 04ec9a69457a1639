#include "mls/tree/tree_math.h"

#include <bit>

#include "common/check.h"

namespace plumbline::mls {

int Level(NodeIndex x) { return std::countr_one(x.value); }

NodeIndex Left(NodeIndex x) {
  const int level = Level(x);
  CHECK(level > 0);
  return {x.value ^ (uint32_t{1} << (level - 1))};
}

NodeIndex Right(NodeIndex x) {
  const int level = Level(x);
  CHECK(level > 0);
  return {x.value ^ (uint32_t{3} << (level - 1))};
}

std::optional<NodeIndex> Parent(NodeIndex x, LeafCount n) {
  if (x == Root(n)) return std::nullopt;
  const int level = Level(x);
  const uint32_t bit = (x.value >> (level + 1)) & 1;
  return NodeIndex{(x.value | (uint32_t{1} << level)) ^ (bit << (level + 1))};
}

std::optional<NodeIndex> Sibling(NodeIndex x, LeafCount n) {
  const std::optional<NodeIndex> parent = Parent(x, n);
  if (!parent) return std::nullopt;
  return x < *parent ? Right(*parent) : Left(*parent);
}

std::vector<NodeIndex> DirectPath(NodeIndex x, LeafCount n) {
  std::vector<NodeIndex> path;
  for (auto up = Parent(x, n); up; up = Parent(*up, n)) path.push_back(*up);
  return path;
}

bool IsInSubtree(NodeIndex x, NodeIndex root) {
  const int level = Level(root);
  return Level(x) <= level && (x.value >> (level + 1)) == (root.value >> (level + 1));
}

NodeIndex CommonAncestor(NodeIndex a, NodeIndex b) {
  if (IsInSubtree(a, b)) return b;
  if (IsInSubtree(b, a)) return a;
  uint32_t x = a.value;
  uint32_t y = b.value;
  int shift = 0;
  while (x != y) {
    x >>= 1;
    y >>= 1;
    ++shift;
  }
  return {(x << shift) + (uint32_t{1} << (shift - 1)) - 1};
}

LeafCount CompleteLeafCount(uint32_t leaves) { return {std::bit_ceil(leaves)}; }

}  // namespace plumbline::mls
