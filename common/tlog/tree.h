// The Merkle tree of RFC 6962 §2.1 over SHA-256, grown at its end: the hash of each complete subtree is stored once and never
// changes, so that a leaf is appended, a root computed and a proof made with O(log n) reads and writes.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::tlog {

using Hash = std::array<uint8_t, 32>;

// Leaves of a tree, at most. (2^62 appends are out of reach, and every sum of two sizes fits.)
inline constexpr uint64_t kMaxSize = uint64_t{1} << 62;

Hash LeafHash(ByteView leaf);                          // SHA-256(0x00 || leaf)
Hash NodeHash(const Hash& left, const Hash& right);    // SHA-256(0x01 || left || right)
Hash EmptyRoot();                                      // SHA-256("")

// The complete subtree over the leaves [index << level, (index + 1) << level).
struct NodeId {
  uint8_t level;
  uint64_t index;
  auto operator<=>(const NodeId&) const = default;
};

// Where the hashes of complete subtrees are. Each is written once. As thread-safe as the one behind it.
class NodeStore {
 public:
  virtual ~NodeStore() = default;
  // DATA_LOSS if it is not there or damaged.
  virtual absl::StatusOr<Hash> Read(NodeId node) = 0;
  virtual absl::Status Write(NodeId node, const Hash& hash) = 0;
};

// In memory, for tests and for a log that was just fetched.
class MemoryNodes final : public NodeStore {
 public:
  absl::StatusOr<Hash> Read(NodeId node) override;
  absl::Status Write(NodeId node, const Hash& hash) override;
  size_t count() const { return nodes_.size(); }

 private:
  std::map<NodeId, Hash> nodes_;
};

// Makes `leaf` the leaf number `size` of a tree that has `size` leaves: writes it and every subtree that it completes.
// INVALID_ARGUMENT at kMaxSize; codes of the store.
absl::Status Append(NodeStore& nodes, uint64_t size, const Hash& leaf);

// The root over the first `size` leaves. Codes of the store.
absl::StatusOr<Hash> Root(NodeStore& nodes, uint64_t size);

// RFC 6962 §2.1.1 and §2.1.2, for the tree of the first `size` leaves, lowest node first.
// INVALID_ARGUMENT unless index < size, or 0 < from <= size.
absl::StatusOr<std::vector<Hash>> ProveInclusion(NodeStore& nodes, uint64_t index, uint64_t size);
absl::StatusOr<std::vector<Hash>> ProveConsistency(NodeStore& nodes, uint64_t from, uint64_t size);

// The right edge of a growing tree: enough to compute each root while the leaves go by, and to append without a store.
class CompactRange final {
 public:
  CompactRange() = default;
  // With the peaks that such a range had at that size. INVALID_ARGUMENT if there are not as many as it has.
  static absl::StatusOr<CompactRange> Of(uint64_t size, std::vector<Hash> peaks);
  void Append(const Hash& leaf);
  uint64_t size() const { return size_; }
  const std::vector<Hash>& peaks() const { return peaks_; }
  Hash Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Hash> peaks_;  // of the complete subtrees, largest first
};

}  // namespace plumbline::tlog
