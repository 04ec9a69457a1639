// A sparse Merkle map from 32-byte indices to 32-byte values, with one root for its whole content.
// A leaf stands at the shallowest place that its index has for itself, so the tree over n indices
// that look random is about log2(n) deep, never deeper than kMapDepth, and the same content has the
// same root in whatever order it came (docs/transparency.md).
//
//   empty = SHA-256(0x02 || uint16 depth || prefix[32])
//   leaf  = SHA-256(0x03 || uint16 depth || index[32] || value[32])
//   inner = SHA-256(0x04 || uint16 depth || prefix[32] || left[32] || right[32])
//
// `depth` is how many bits of the index lead to the node, highest bit of the first byte first;
// `prefix` is these bits and zeros. So a node counts at its own place only, and no hash is one of
// the log's tree (0x00, 0x01).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "common/tlog/tree.h"

namespace plumbline::tlog {

inline constexpr uint16_t kMapDepth = 256;

struct MapIndex {
  Hash bytes{};
  auto operator<=>(const MapIndex&) const = default;
  // Bit `depth`, which is below kMapDepth: the side of the node at that depth on which the index
  // is.
  bool bit(uint16_t depth) const { return ((bytes[depth / 8] >> (7 - depth % 8)) & 1) == 1; }
};

struct MapEntry {
  MapIndex index;
  Hash value{};
  bool operator==(const MapEntry&) const = default;
};

// The place of a node. A value; ordered only to be a key.
struct MapPlace {
  uint16_t depth = 0;  // at most kMapDepth
  MapIndex prefix;     // zeros from bit `depth` on
  auto operator<=>(const MapPlace&) const = default;

  static MapPlace Of(const MapIndex& index, uint16_t depth);
  // Of a place above kMapDepth.
  MapPlace Child(bool right) const;
  bool Holds(const MapIndex& index) const { return Of(index, depth) == *this; }
};

struct MapInner {
  Hash left{}, right{};
  bool operator==(const MapInner&) const = default;
};

Hash EmptyMapHash(const MapPlace& place);
Hash MapLeafHash(uint16_t depth, const MapEntry& leaf);
Hash MapInnerHash(const MapPlace& place, const MapInner& inner);
inline Hash EmptyMapRoot() { return EmptyMapHash({}); }

// What stands at a place: nothing, a leaf or an inner node.
struct MapNode {
  std::optional<MapEntry> leaf;
  std::optional<MapInner> inner;  // not beside a leaf
  bool operator==(const MapNode&) const = default;
};
Hash MapNodeHash(const MapPlace& place, const MapNode& node);

// Where the nodes of the map's present version are; empty places are not written, and none becomes
// empty again. As thread-safe as the one behind it.
class MapStore {
 public:
  virtual ~MapStore() = default;
  // An empty node where none was written. DATA_LOSS if it is damaged.
  virtual absl::StatusOr<MapNode> Read(const MapPlace& place) = 0;
  // In place of what stood there.
  virtual absl::Status Write(const MapPlace& place, const MapNode& node) = 0;
};

// In memory, for tests and for auditors.
class MemoryMap final : public MapStore {
 public:
  absl::StatusOr<MapNode> Read(const MapPlace& place) override;
  absl::Status Write(const MapPlace& place, const MapNode& node) override;
  size_t count() const { return nodes_.size(); }

 private:
  std::map<MapPlace, MapNode> nodes_;
};

// The node at `place`, held against the hash that its parent or the map's root states. DATA_LOSS if
// it has another; codes of the store.
absl::StatusOr<MapNode> ReadMapNode(MapStore& store, const MapPlace& place, const Hash& hash);

// Sets the values of `changes`, in any order, in the map with `root`; returns its new root. Each
// node above a change is read once and written once. INVALID_ARGUMENT, with nothing written, if an
// index is there twice; DATA_LOSS if the store is not that of `root`; codes of the store. After any
// other failure than the first the store is half written: the caller takes it back.
absl::StatusOr<Hash> UpdateMap(MapStore& store, const Hash& root, std::vector<MapEntry> changes);

}  // namespace plumbline::tlog
