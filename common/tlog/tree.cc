#include "common/tlog/tree.h"

#include <bit>

#include "absl/strings/str_cat.h"

namespace plumbline::tlog {
namespace {

// The largest power of two below `size`, which is at least 2.
uint64_t SplitOf(uint64_t size) { return std::bit_floor(size - 1); }

// The root over [begin, begin + size): `size` leaves of a tree that has them all, `begin` a multiple of their split.
absl::StatusOr<Hash> RangeRoot(NodeStore& nodes, uint64_t begin, uint64_t size) {
  if (std::has_single_bit(size)) {
    const auto level = static_cast<uint8_t>(std::countr_zero(size));
    return nodes.Read({level, begin >> level});
  }
  const uint64_t split = SplitOf(size);
  ASSIGN_OR_RETURN(const Hash left, RangeRoot(nodes, begin, split));
  ASSIGN_OR_RETURN(const Hash right, RangeRoot(nodes, begin + split, size - split));
  return NodeHash(left, right);
}

}  // namespace

Hash LeafHash(ByteView leaf) {
  static constexpr uint8_t kPrefix[] = {0};
  return Sha256(Concat({kPrefix, leaf}));
}

Hash NodeHash(const Hash& left, const Hash& right) {
  static constexpr uint8_t kPrefix[] = {1};
  return Sha256(Concat({kPrefix, left, right}));
}

Hash EmptyRoot() { return Sha256({}); }

absl::StatusOr<Hash> MemoryNodes::Read(NodeId node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) {
    return absl::DataLossError(absl::StrCat("the tree has no node ", node.index, " at level ", int{node.level}));
  }
  return found->second;
}

absl::Status MemoryNodes::Write(NodeId node, const Hash& hash) {
  nodes_[node] = hash;
  return absl::OkStatus();
}

absl::Status Append(NodeStore& nodes, uint64_t size, const Hash& leaf) {
  if (size >= kMaxSize) return absl::InvalidArgumentError("the tree is full");
  NodeId node{0, size};
  Hash hash = leaf;
  RETURN_IF_ERROR(nodes.Write(node, hash));
  while ((node.index & 1) == 1) {
    ASSIGN_OR_RETURN(const Hash left, nodes.Read({node.level, node.index - 1}));
    hash = NodeHash(left, hash);
    node = {static_cast<uint8_t>(node.level + 1), node.index >> 1};
    RETURN_IF_ERROR(nodes.Write(node, hash));
  }
  return absl::OkStatus();
}

absl::StatusOr<Hash> Root(NodeStore& nodes, uint64_t size) {
  if (size == 0) return EmptyRoot();
  if (size > kMaxSize) return absl::InvalidArgumentError("no tree is that large");
  return RangeRoot(nodes, 0, size);
}

absl::StatusOr<std::vector<Hash>> ProveInclusion(NodeStore& nodes, uint64_t index, uint64_t size) {
  if (index >= size || size > kMaxSize) return absl::InvalidArgumentError("the tree has no such leaf");
  std::vector<Hash> path;  // highest node first
  uint64_t begin = 0;
  while (size > 1) {
    const uint64_t split = SplitOf(size);
    const bool left = index - begin < split;
    ASSIGN_OR_RETURN(const Hash sibling, left ? RangeRoot(nodes, begin + split, size - split) : RangeRoot(nodes, begin, split));
    path.push_back(sibling);
    if (!left) begin += split;
    size = left ? split : size - split;
  }
  return std::vector<Hash>(path.rbegin(), path.rend());
}

absl::StatusOr<std::vector<Hash>> ProveConsistency(NodeStore& nodes, uint64_t from, uint64_t size) {
  if (from == 0 || from > size || size > kMaxSize) {
    return absl::InvalidArgumentError("consistency is proved from a tree that is not empty to one that is not smaller");
  }
  std::vector<Hash> path;  // highest node first
  uint64_t begin = 0;
  while (from < size) {
    const uint64_t split = SplitOf(size);
    const bool left = from <= split;
    ASSIGN_OR_RETURN(const Hash sibling, left ? RangeRoot(nodes, begin + split, size - split) : RangeRoot(nodes, begin, split));
    path.push_back(sibling);
    if (!left) {
      begin += split;
      from -= split;
    }
    size = left ? split : size - split;
  }
  // Where the earlier tree ends inside the later one its last subtree is needed too; at the left edge it is the earlier root.
  if (begin > 0) {
    ASSIGN_OR_RETURN(const Hash last, RangeRoot(nodes, begin, size));
    path.push_back(last);
  }
  return std::vector<Hash>(path.rbegin(), path.rend());
}

absl::StatusOr<CompactRange> CompactRange::Of(uint64_t size, std::vector<Hash> peaks) {
  if (size > kMaxSize || peaks.size() != static_cast<size_t>(std::popcount(size)))
    return absl::InvalidArgumentError("these are not the peaks of a tree of that size");
  CompactRange out;
  out.size_ = size;
  out.peaks_ = std::move(peaks);
  return out;
}

void CompactRange::Append(const Hash& leaf) {
  Hash hash = leaf;
  for (uint64_t rest = size_; (rest & 1) == 1; rest >>= 1) {
    hash = NodeHash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash CompactRange::Root() const {
  if (peaks_.empty()) return EmptyRoot();
  Hash root = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) root = NodeHash(*peak, root);
  return root;
}

}  // namespace plumbline::tlog
