// What a map with a known root has at an index: proved, and checked without the map. One root and
// one index have one answer: each node on the way is hashed with its place and its kind, so a
// second answer would be a collision of SHA-256.
#pragma once

#include "common/tlog/map.h"

namespace plumbline::tlog {

// struct { uint8 version = 1; Hash siblings<V>; optional<MapEntry> leaf; } MapProof;   MapEntry:
// index[32], value[32]
struct MapProof {
  std::vector<Hash> siblings;    // of the nodes on the way down, highest first; at most kMapDepth
  std::optional<MapEntry> leaf;  // what stands at its end: the index's leaf, another's, or nothing
  bool operator==(const MapProof&) const = default;
};
inline constexpr size_t kMaxMapProof = 1 + 2 + size_t{kMapDepth} * 32 + 1 + 64;  // bytes

Bytes Encode(const MapProof& proof);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<MapProof> ParseMapProof(ByteView wire);

// DATA_LOSS if the store is not that of `root`; codes of the store.
absl::StatusOr<MapProof> ProveMap(MapStore& store, const Hash& root, const MapIndex& index);

// The value of `index` in the map with `root`; nothing if the proof says that it has none.
// INVALID_ARGUMENT if it proves neither. At most kMapDepth + 1 hashes.
absl::StatusOr<std::optional<Hash>> VerifyMapProof(const Hash& root, const MapIndex& index,
                                                   const MapProof& proof);

}  // namespace plumbline::tlog
