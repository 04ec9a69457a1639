#include "mls/tree/tree_validation.h"

#include <algorithm>
#include <array>
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

// Keys, found by their first bytes.
class Claims {
 public:
  explicit Claims(std::vector<KeyClaim> claims) {
    for (KeyClaim& claim : claims) {
      const uint64_t prefix = KeyPrefix(claim.key);
      filter_[Bit(prefix) / 64] |= uint64_t{1} << (Bit(prefix) % 64);
      claims_.push_back({prefix, claim});
    }
    std::sort(claims_.begin(), claims_.end(), Less);
  }

  bool Repeat() const {
    return std::adjacent_find(claims_.begin(), claims_.end(), [](const Entry& a, const Entry& b) {
             return a.prefix == b.prefix && Equal(a.claim.key, b.claim.key);
           }) != claims_.end();
  }
  // False for nearly all that Clash would deny.
  bool MayHave(uint64_t prefix) const {
    return (filter_[Bit(prefix) / 64] >> (Bit(prefix) % 64) & 1) != 0;
  }
  // Whether `key`, found in `node`, is claimed for another node or none.
  bool Clash(ByteView key, NodeIndex node) const {
    const Entry wanted{KeyPrefix(key), {key, std::nullopt}};
    const auto found = std::lower_bound(claims_.begin(), claims_.end(), wanted, Less);
    return found != claims_.end() && Equal(found->claim.key, key) && found->claim.owner != node;
  }

 private:
  struct Entry {
    uint64_t prefix;
    KeyClaim claim;
  };
  static bool Less(const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return std::lexicographical_compare(a.claim.key.begin(), a.claim.key.end(),
                                        b.claim.key.begin(), b.claim.key.end());
  }
  static uint32_t Bit(uint64_t prefix) {  // Fibonacci hashing: keys may begin alike
    return static_cast<uint32_t>(prefix * 0x9E3779B97F4A7C15u >> 52);
  }

  std::vector<Entry> claims_;
  std::array<uint64_t, 64> filter_{};
};

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

absl::Status CheckEncryptionKeysAreNew(const RatchetTree& tree, std::vector<KeyClaim> claims) {
  const Claims claimed(std::move(claims));
  if (claimed.Repeat()) return absl::InvalidArgumentError("an encryption key occurs twice");
  bool clash = false;
  tree.leaves().ForEach([&](size_t i, const LeafSlot& slot) {
    clash |= claimed.MayHave(slot.encryption_prefix) && slot.node != nullptr &&
             claimed.Clash(slot.node->encryption_key, NodeOf({static_cast<uint32_t>(i)}));
  });
  tree.parents().ForEach([&](size_t i, const ParentSlot& slot) {
    clash |= claimed.MayHave(slot.encryption_prefix) && slot.node != nullptr &&
             claimed.Clash(slot.node->encryption_key, NodeIndex{static_cast<uint32_t>(2 * i + 1)});
  });
  if (clash) return absl::InvalidArgumentError("an encryption key is already in the tree");
  return absl::OkStatus();
}

absl::Status CheckSignatureKeysAreNew(const RatchetTree& tree, std::vector<KeyClaim> claims) {
  const Claims claimed(std::move(claims));
  if (claimed.Repeat()) return absl::InvalidArgumentError("a signature key occurs twice");
  bool clash = false;
  tree.leaves().ForEach([&](size_t i, const LeafSlot& slot) {
    clash |= claimed.MayHave(slot.signature_prefix) && slot.node != nullptr &&
             claimed.Clash(slot.node->signature_key, NodeOf({static_cast<uint32_t>(i)}));
  });
  if (clash) return absl::InvalidArgumentError("a signature key is another member's");
  return absl::OkStatus();
}

absl::Status CheckUniqueKeys(const RatchetTree& tree) {
  std::vector<KeyClaim> encryption;
  std::vector<KeyClaim> signature;
  for (uint32_t index = 0; index < NodeWidth(tree.leaf_count()); ++index) {
    const NodeIndex node{index};
    const Bytes* key = tree.encryption_key(node);
    if (key == nullptr) continue;
    encryption.push_back({*key, node});
    if (node.is_leaf()) signature.push_back({tree.leaf(LeafOf(node))->signature_key, node});
  }
  if (Claims(std::move(encryption)).Repeat())
    return absl::InvalidArgumentError("an encryption key occurs twice");
  if (Claims(std::move(signature)).Repeat())
    return absl::InvalidArgumentError("a signature key occurs twice");
  return absl::OkStatus();
}

absl::Status CheckCredentialTypes(const RatchetTree& tree) {
  uint32_t in_use = 0;  // types below 32, as bits
  uint32_t supported = ~uint32_t{0};
  std::set<uint16_t> others;
  tree.leaves().ForEach([&](size_t, const LeafSlot& slot) {
    if (slot.node == nullptr) return;
    if (slot.credential_type < 32) in_use |= uint32_t{1} << slot.credential_type;
    if (slot.credential_type >= 32) others.insert(slot.credential_type);
    supported &= slot.supported_credentials;
  });
  bool all = (in_use & ~supported) == 0;
  for (const uint16_t type : others) {
    tree.leaves().ForEach([&](size_t, const LeafSlot& slot) {
      all &= slot.node == nullptr || Contains(slot.node->capabilities.credentials, type);
    });
  }
  if (!all)
    return absl::InvalidArgumentError("a member does not support a credential type in use");
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
