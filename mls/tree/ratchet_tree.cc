#include "mls/tree/ratchet_tree.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"

namespace plumbline::mls {
namespace {

constexpr uint8_t kNodeLeaf = 1;
constexpr uint8_t kNodeParent = 2;
constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxHashBytes = 255;

absl::StatusOr<ParentNode> ReadParentNode(Reader& in) {
  ParentNode node;
  ASSIGN_OR_RETURN(const ByteView key, in.Vector(kMaxKeyBytes));
  ASSIGN_OR_RETURN(const ByteView parent_hash, in.Vector(kMaxHashBytes));
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxVarint));
  node.encryption_key = ToBytes(key);
  node.parent_hash = ToBytes(parent_hash);
  for (Reader items(list); !items.AtEnd();) {
    ASSIGN_OR_RETURN(const uint32_t leaf, items.U32());
    if (!node.unmerged_leaves.empty() && leaf <= node.unmerged_leaves.back().value) {
      return absl::InvalidArgumentError("unmerged leaves are not in ascending order");
    }
    node.unmerged_leaves.push_back({leaf});
  }
  return node;
}

void WriteParentNode(Writer& out, const ParentNode& node) {
  Writer unmerged;
  for (const LeafIndex leaf : node.unmerged_leaves) unmerged.U32(leaf.value);
  out.Vector(node.encryption_key).Vector(node.parent_hash).Vector(unmerged.view());
}

}  // namespace

uint64_t KeyPrefix(ByteView key) {
  uint64_t prefix = 0;
  if (!key.empty()) std::memcpy(&prefix, key.data(), std::min(sizeof(prefix), key.size()));
  return prefix;
}

LeafSlot::LeafSlot(std::shared_ptr<const LeafNode> leaf)
    : node(std::move(leaf)),
      encryption_prefix(KeyPrefix(node->encryption_key)),
      signature_prefix(KeyPrefix(node->signature_key)),
      credential_type(node->credential.type) {
  for (const uint16_t type : node->capabilities.credentials) {
    if (type < 32) supported_credentials |= uint32_t{1} << type;
  }
}

ParentSlot::ParentSlot(ParentNode parent)
    : node(std::make_shared<const ParentNode>(std::move(parent))),
      encryption_prefix(KeyPrefix(node->encryption_key)) {}

RatchetTree::RatchetTree(const CipherSuite& suite, LeafNode first) : suite_(&suite) {
  Resize(1);
  SetLeaf({0}, std::move(first));
}

absl::StatusOr<RatchetTree> RatchetTree::Parse(const CipherSuite& suite, ByteView wire,
                                               uint32_t max_leaves) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxVarint));
  RETURN_IF_ERROR(in.Done());
  RatchetTree tree(suite);
  RETURN_IF_ERROR(tree.ReadNodes(list, max_leaves));
  return tree;
}

// struct { NodeType node_type; select (node_type) { case leaf: LeafNode; case parent: ParentNode;
// }; } Node; The list stops at the last node that is not blank; the receiver completes it to a full
// tree.
absl::Status RatchetTree::ReadNodes(ByteView list, uint32_t max_leaves) {
  Reader in(list);
  bool last_is_blank = true;
  for (uint32_t index = 0; !in.AtEnd(); ++index) {
    const bool is_leaf = NodeIndex{index}.is_leaf();
    if (is_leaf && leaves_.size() >= std::min(max_leaves, kMaxLeaves)) {
      return absl::InvalidArgumentError("tree has too many leaves");
    }
    if (is_leaf) leaves_.Resize(leaves_.size() + 1);
    if (!is_leaf) parents_.Resize(parents_.size() + 1);
    ASSIGN_OR_RETURN(const bool present, in.Present());
    last_is_blank = !present;
    if (!present) continue;
    ASSIGN_OR_RETURN(const uint8_t type, in.U8());
    if (type != (is_leaf ? kNodeLeaf : kNodeParent))
      return absl::InvalidArgumentError("tree node of the wrong type");
    if (is_leaf) {
      ASSIGN_OR_RETURN(LeafNode leaf, ReadLeafNode(in));
      Put({index / 2}, LeafSlot(std::make_shared<const LeafNode>(std::move(leaf))));
    } else {
      ASSIGN_OR_RETURN(ParentNode parent, ReadParentNode(in));
      parents_.Mutable(index / 2) = ParentSlot(std::move(parent));
    }
  }
  if (last_is_blank) return absl::InvalidArgumentError("tree is empty or ends in a blank node");
  // A list that ends in a parent lacks the leaf to its right.
  const size_t width = leaves_.size() + parents_.size();
  Resize(CompleteLeafCount(static_cast<uint32_t>(width / 2 + 1)).value);
  return absl::OkStatus();
}

Bytes RatchetTree::Encode() const {
  uint32_t width = NodeWidth(leaf_count());
  while (width > 0 && encryption_key(NodeIndex{width - 1}) == nullptr) --width;
  Writer list;
  for (uint32_t index = 0; index < width; ++index) {
    const NodeIndex node{index};
    list.Present(encryption_key(node) != nullptr);
    if (encryption_key(node) == nullptr) continue;
    if (node.is_leaf()) WriteLeafNode(list.U8(kNodeLeaf), *leaf(LeafOf(node)));
    if (!node.is_leaf()) WriteParentNode(list.U8(kNodeParent), *parent(node));
  }
  Writer out;
  out.Vector(list.view());
  return out.TakeBytes();
}

const LeafNode* RatchetTree::leaf(LeafIndex index) const {
  return index.value < leaves_.size() ? leaves_[index.value].node.get() : nullptr;
}

const ParentNode* RatchetTree::parent(NodeIndex node) const {
  CHECK(!node.is_leaf());
  return node.value / 2 < parents_.size() ? parents_[node.value / 2].node.get() : nullptr;
}

const Bytes* RatchetTree::encryption_key(NodeIndex node) const {
  if (node.is_leaf()) {
    const LeafNode* found = leaf(LeafOf(node));
    return found == nullptr ? nullptr : &found->encryption_key;
  }
  const ParentNode* found = parent(node);
  return found == nullptr ? nullptr : &found->encryption_key;
}

void RatchetTree::Resize(uint32_t leaves) {
  leaves_.Resize(leaves);
  parents_.Resize(leaves - 1);
  hashes_.Resize(2 * size_t{leaves} - 1);
}

void RatchetTree::Put(LeafIndex index, LeafSlot slot) {
  LeafSlot& place = leaves_.Mutable(index.value);
  members_ += size_t{slot.node != nullptr} - size_t{place.node != nullptr};
  place = std::move(slot);
}

void RatchetTree::Forget(NodeIndex node) {
  hashes_.Mutable(node.value).size = 0;
  for (auto up = Parent(node, leaf_count()); up; up = Parent(*up, leaf_count()))
    hashes_.Mutable(up->value).size = 0;
}

void RatchetTree::BlankDirectPath(LeafIndex index) {
  for (const NodeIndex node : DirectPath(NodeOf(index), leaf_count())) {
    if (parent(node) != nullptr) parents_.Mutable(node.value / 2) = ParentSlot();
  }
  Forget(NodeOf(index));
}

void RatchetTree::SetLeaf(LeafIndex index, LeafNode leaf) {
  Put(index, LeafSlot(std::make_shared<const LeafNode>(std::move(leaf))));
  Forget(NodeOf(index));
}

LeafIndex RatchetTree::Add(LeafNode leaf) {
  LeafIndex index{0};
  while (index.value < leaves_.size() && this->leaf(index) != nullptr) ++index.value;
  if (index.value == leaves_.size()) Resize(static_cast<uint32_t>(2 * leaves_.size()));
  for (const NodeIndex node : DirectPath(NodeOf(index), leaf_count())) {
    if (parent(node) == nullptr) continue;
    ParentNode changed = *parent(node);
    const auto place =
        std::lower_bound(changed.unmerged_leaves.begin(), changed.unmerged_leaves.end(), index);
    changed.unmerged_leaves.insert(place, index);
    parents_.Mutable(node.value / 2) = ParentSlot(std::move(changed));
  }
  SetLeaf(index, std::move(leaf));
  return index;
}

void RatchetTree::Update(LeafIndex index, LeafNode leaf) {
  CHECK(this->leaf(index) != nullptr);
  BlankDirectPath(index);
  SetLeaf(index, std::move(leaf));
}

void RatchetTree::Remove(LeafIndex index) {
  CHECK(leaf(index) != nullptr);
  Put(index, {});
  BlankDirectPath(index);
  size_t used = leaves_.size();
  while (used > 1 && leaves_[used - 1].node == nullptr) --used;
  const LeafCount wanted = CompleteLeafCount(static_cast<uint32_t>(used));
  if (wanted != leaf_count()) Resize(wanted.value);
}

Bytes RatchetTree::SetPath(LeafIndex sender, const std::vector<PathStep>& steps,
                           const std::vector<Bytes>& keys) {
  CHECK(steps.size() == keys.size());
  BlankDirectPath(sender);
  Bytes parent_hash;  // of the topmost node: none
  for (size_t i = steps.size(); i-- > 0;) {
    parents_.Mutable(steps[i].node.value / 2) =
        ParentSlot(ParentNode{keys[i], std::move(parent_hash), {}});
    parent_hash = ParentHash(steps[i].node, steps[i].copath_child);
  }
  return parent_hash;
}

bool RatchetTree::HasMembers(NodeIndex node) const {
  if (encryption_key(node) != nullptr) return true;
  return !node.is_leaf() && (HasMembers(Left(node)) || HasMembers(Right(node)));
}

void RatchetTree::AppendResolution(NodeIndex node, std::vector<NodeIndex>& out) const {
  if (node.is_leaf()) {
    if (leaf(LeafOf(node)) != nullptr) out.push_back(node);
    return;
  }
  const ParentNode* found = parent(node);
  if (found == nullptr) {
    AppendResolution(Left(node), out);
    AppendResolution(Right(node), out);
    return;
  }
  out.push_back(node);
  for (const LeafIndex unmerged : found->unmerged_leaves) out.push_back(NodeOf(unmerged));
}

std::vector<NodeIndex> RatchetTree::Resolution(NodeIndex node) const {
  std::vector<NodeIndex> out;
  AppendResolution(node, out);
  return out;
}

std::vector<NodeIndex> RatchetTree::Resolution(NodeIndex node,
                                               const std::set<LeafIndex>& excluded) const {
  std::vector<NodeIndex> out = Resolution(node);
  std::erase_if(out, [&](NodeIndex n) { return n.is_leaf() && excluded.contains(LeafOf(n)); });
  return out;
}

std::vector<PathStep> RatchetTree::FilteredDirectPath(LeafIndex leaf) const {
  std::vector<PathStep> steps;
  NodeIndex below = NodeOf(leaf);
  for (const NodeIndex node : DirectPath(below, leaf_count())) {
    const NodeIndex other = below < node ? Right(node) : Left(node);
    if (HasMembers(other)) steps.push_back({node, other});
    below = node;
  }
  return steps;
}

// struct { NodeType node_type; select (node_type) {
//     case leaf:   uint32 leaf_index; optional<LeafNode> leaf_node;
//     case parent: optional<ParentNode> parent_node; opaque left_hash<V>; opaque right_hash<V>; };
//     } TreeHashInput;
Bytes RatchetTree::HashLeaf(LeafIndex index, const LeafNode* leaf) const {
  Writer input;
  input.U8(kNodeLeaf).U32(index.value).Present(leaf != nullptr);
  if (leaf != nullptr) WriteLeafNode(input, *leaf);
  return suite_->Hash(input.view());
}

Bytes RatchetTree::HashParent(const ParentNode* parent, ByteView left, ByteView right) const {
  Writer input;
  input.U8(kNodeParent).Present(parent != nullptr);
  if (parent != nullptr) WriteParentNode(input, *parent);
  input.Vector(left).Vector(right);
  return suite_->Hash(input.view());
}

Bytes RatchetTree::HashOfChildren(NodeIndex node) const {
  TreeHash(Left(node));  // computing one may move the other
  const ByteView right = TreeHash(Right(node));
  return HashParent(parent(node), TreeHash(Left(node)), right);
}

ByteView RatchetTree::TreeHash(NodeIndex node) const {
  if (hashes_[node.value].size == 0) {
    const Bytes hash = node.is_leaf() ? HashLeaf(LeafOf(node), leaf(LeafOf(node)))
                                      : HashOfChildren(node);
    CachedHash& cached = hashes_.Mutable(node.value);
    CHECK(!hash.empty() && hash.size() <= cached.bytes.size());
    std::memcpy(cached.bytes.data(), hash.data(), hash.size());
    cached.size = static_cast<uint8_t>(hash.size());
  }
  const CachedHash& known = hashes_[node.value];
  return ByteView(known.bytes.data(), known.size);
}

// The tree hash of `node` as it was before the `excluded` leaves (ascending) were added (§7.9):
// they are blank, and no parent lists them. Only paths down to excluded leaves are hashed anew.
Bytes RatchetTree::HashWithout(NodeIndex node, const std::vector<LeafIndex>& excluded) const {
  const bool touched = std::any_of(excluded.begin(), excluded.end(),
                                   [&](LeafIndex leaf) { return IsInSubtree(NodeOf(leaf), node); });
  if (!touched) return ToBytes(TreeHash(node));
  if (node.is_leaf()) return HashLeaf(LeafOf(node), nullptr);
  const Bytes left = HashWithout(Left(node), excluded);
  const Bytes right = HashWithout(Right(node), excluded);
  if (parent(node) == nullptr) return HashParent(nullptr, left, right);
  ParentNode changed = *parent(node);
  std::erase_if(changed.unmerged_leaves, [&](LeafIndex leaf) {
    return std::binary_search(excluded.begin(), excluded.end(), leaf);
  });
  return HashParent(&changed, left, right);
}

// struct { HPKEPublicKey encryption_key; opaque parent_hash<V>; opaque
// original_sibling_tree_hash<V>; } ParentHashInput;
Bytes RatchetTree::ParentHash(NodeIndex node, NodeIndex copath_child) const {
  const ParentNode* found = parent(node);
  CHECK(found != nullptr);
  const Bytes sibling = HashWithout(copath_child, found->unmerged_leaves);
  Writer input;
  input.Vector(found->encryption_key).Vector(found->parent_hash).Vector(sibling);
  return suite_->Hash(input.view());
}

}  // namespace plumbline::mls
