// The public ratchet tree of a group (RFC 9420 §4, §7): leaves, parent nodes and cached tree
// hashes. A copy shares all that did not change since, so staging a commit costs what the commit
// changes. Not thread-safe, not even for reading: hashes are computed when first asked for.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/leaf_node.h"
#include "mls/tree/persistent_vector.h"
#include "mls/tree/tree_math.h"

namespace plumbline::mls {

// struct { HPKEPublicKey encryption_key; opaque parent_hash<V>; uint32 unmerged_leaves<V>; }
// ParentNode;
struct ParentNode {
  Bytes encryption_key;
  Bytes parent_hash;
  std::vector<LeafIndex> unmerged_leaves;  // ascending, no repeats
  bool operator==(const ParentNode&) const = default;
};

// One step of a filtered direct path (§4.1.2): a node, and its child that is not towards the leaf.
struct PathStep {
  NodeIndex node;
  NodeIndex copath_child;
};

// The first 8 bytes of a key: whoever looks for a key in the whole tree reads these first.
uint64_t KeyPrefix(ByteView key);

// A leaf or blank, with what checks over all members look at.
struct LeafSlot {
  std::shared_ptr<const LeafNode> node;  // null: blank, and the rest is 0
  uint64_t encryption_prefix = 0;
  uint64_t signature_prefix = 0;
  uint16_t credential_type = 0;
  uint32_t supported_credentials = 0;  // bit i: credential type i; types above 31 are not here

  LeafSlot() = default;
  explicit LeafSlot(std::shared_ptr<const LeafNode> leaf);
};

struct ParentSlot {
  std::shared_ptr<const ParentNode> node;  // null: blank
  uint64_t encryption_prefix = 0;

  ParentSlot() = default;
  explicit ParentSlot(ParentNode parent);
};

using Leaves = PersistentVector<LeafSlot>;
using Parents = PersistentVector<ParentSlot>;

class RatchetTree {
 public:
  RatchetTree(const CipherSuite& suite, LeafNode first);

  // optional<Node> ratchet_tree<V> (§12.4.3.3). INVALID_ARGUMENT if malformed, if its last node is
  // blank, if a node has the wrong type for its place, or if it has more than `max_leaves` leaves.
  // Checks no meaning: ValidateTree does.
  static absl::StatusOr<RatchetTree> Parse(const CipherSuite& suite, ByteView wire,
                                           uint32_t max_leaves);
  Bytes Encode() const;

  const CipherSuite& suite() const { return *suite_; }
  LeafCount leaf_count() const { return LeafCount{static_cast<uint32_t>(leaves_.size())}; }
  NodeIndex root() const { return Root(leaf_count()); }
  size_t member_count() const { return members_; }

  // Null if the place is blank or outside the tree.
  const LeafNode* leaf(LeafIndex index) const;
  const ParentNode* parent(NodeIndex node) const;
  // The encryption key of a leaf or parent node; null if blank.
  const Bytes* encryption_key(NodeIndex node) const;
  const Leaves& leaves() const { return leaves_; }
  const Parents& parents() const { return parents_; }  // [i] is node 2i + 1

  // Proposals applied to the tree (§7.7): Add takes the leftmost blank leaf or doubles the tree;
  // Update and Remove blank the direct path; Remove drops a right half that became blank. The leaf
  // must be a member's (CHECKed).
  LeafIndex Add(LeafNode leaf);
  void Update(LeafIndex index, LeafNode leaf);
  void Remove(LeafIndex index);

  // Replaces the keys on the sender's path by `keys`, one per step of its filtered direct path
  // (§7.5), blanks the rest of its direct path and sets the parent hashes. Returns the parent hash
  // the sender's leaf has to carry.
  Bytes SetPath(LeafIndex sender, const std::vector<PathStep>& steps,
                const std::vector<Bytes>& keys);
  // Replaces a leaf and nothing else.
  void SetLeaf(LeafIndex index, LeafNode leaf);

  // §4.1.1: the nodes that together cover the members below `node`, left to right.
  std::vector<NodeIndex> Resolution(NodeIndex node) const;
  // The same without `excluded` leaves: those that joined by the commit at hand (§7.5).
  std::vector<NodeIndex> Resolution(NodeIndex node, const std::set<LeafIndex>& excluded) const;
  std::vector<PathStep> FilteredDirectPath(LeafIndex leaf) const;

  // §7.8; hash_size() bytes, valid until the next change or the next hash that is computed.
  ByteView TreeHash(NodeIndex node) const;
  ByteView RootHash() const { return TreeHash(root()); }
  // §7.9: of parent node `node` (not blank) as seen from the side away from `copath_child`.
  Bytes ParentHash(NodeIndex node, NodeIndex copath_child) const;

 private:
  struct CachedHash {
    uint8_t size = 0;  // 0: not known
    std::array<uint8_t, 64> bytes;
  };

  explicit RatchetTree(const CipherSuite& suite) : suite_(&suite) {}
  absl::Status ReadNodes(ByteView list, uint32_t max_leaves);
  void Resize(uint32_t leaves);
  void Put(LeafIndex index, LeafSlot slot);
  void BlankDirectPath(LeafIndex index);
  void Forget(NodeIndex node);  // drops the cached hashes of the node and everything above it
  bool HasMembers(NodeIndex node) const;
  void AppendResolution(NodeIndex node, std::vector<NodeIndex>& out) const;
  Bytes HashWithout(NodeIndex node, const std::vector<LeafIndex>& excluded) const;
  Bytes HashLeaf(LeafIndex index, const LeafNode* leaf) const;
  Bytes HashParent(const ParentNode* parent, ByteView left, ByteView right) const;
  Bytes HashOfChildren(NodeIndex node) const;

  const CipherSuite* suite_;
  Leaves leaves_;  // a power of two of them
  Parents parents_;
  mutable PersistentVector<CachedHash> hashes_;  // by node index
  size_t members_ = 0;                           // leaves that are not blank
};

}  // namespace plumbline::mls
