// The leaves of the directory's log (docs/transparency.md): one genesis, then batches of entries,
// each ended by the root of the map over them. They name nobody: an index is an output of the
// directory's VRF, and what stands behind an entry is committed to, not told; record and nonce can
// be forgotten and every proof still holds.
//
//   struct { uint8 version = 1; uint8 kind; select (kind) { case 1: Genesis; case 2: Entry; case 3:
//   MapRoot; } } DirectoryLeaf;
#pragma once

#include <string>
#include <variant>

#include "common/crypto/vrf.h"
#include "common/tlog/map.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxDirectoryLeaf = 1024;  // bytes; each kind is smaller
// Entries between two map roots, at most: what a reader has to hold before it can check them.
inline constexpr size_t kMaxBatch = 1 << 16;

// struct { opaque origin<V>; opaque authority[32]; opaque vrf_key[32]; } Genesis;
struct GenesisLeaf {
  std::string origin;            // the log's name, as in its checkpoints; CheckKeyName
  Hash authority{};              // SHA-256 of the DER of the organisation's root certificate
  crypto::VrfPublicKey vrf_key;  // under which every index of this log is made
  bool operator==(const GenesisLeaf&) const = default;
};

// struct { opaque index[32]; uint64 version; opaque previous[32]; opaque commitment[32]; opaque
// cause[32]; } Entry;
struct EntryLeaf {
  MapIndex index;
  uint64_t version = 0;  // of the record, from 1
  Hash previous{};    // leaf hash of the entry of version - 1; zeros in version 1 and in no other
  Hash commitment{};  // to the record
  Hash cause{};       // commitment to what made this version, with its signatures
  bool operator==(const EntryLeaf&) const = default;
};

// The map after the entries at [first, end) of the log, which are those since the last map root or
// the genesis; `end` is this leaf's own place. Its value at an index is the leaf hash of the last
// of them with that index, and what it was before where there is none. struct { uint64 version;
// uint64 first; uint64 end; opaque root[32]; } MapRoot;
struct MapRootLeaf {
  uint64_t version = 0;  // of the map, from 1; only that one may be without entries
  uint64_t first = 0, end = 0;
  Hash root{};
  bool operator==(const MapRootLeaf&) const = default;
};

using DirectoryLeaf = std::variant<GenesisLeaf, EntryLeaf, MapRootLeaf>;

Bytes Encode(const DirectoryLeaf& leaf);
// INVALID_ARGUMENT for any other input than Encode's of a leaf that keeps the rules above.
absl::StatusOr<DirectoryLeaf> ParseDirectoryLeaf(ByteView wire);

// Of its encoding (RFC 6962 §2.1).
inline Hash LeafHashOf(const DirectoryLeaf& leaf) { return LeafHash(Encode(leaf)); }

}  // namespace plumbline::tlog
