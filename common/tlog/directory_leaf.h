// The leaves of the directory's log (docs/transparency.md): one genesis, then batches of entries,
// and keys for anonymous tokens, each ended by the root of the map over them. They name nobody: an index is an output of the
// directory's VRF, and what stands behind an entry is committed to, not told; record and nonce can
// be forgotten and every proof still holds.
//
//   struct { uint8 version = 1; uint8 kind; select (kind) { case 1: Genesis; case 2: Entry; case 3:
//   MapRoot; case 4: TokenKey; } } DirectoryLeaf;
#pragma once

#include <string>
#include <variant>

#include "common/crypto/vrf.h"
#include "common/tlog/map.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxDirectoryLeaf = 1024;  // bytes; each kind is smaller
// Leaves between two map roots, at most: what a reader has to hold before it can check them.
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

// The map after the leaves at [first, end) of the log, which are those since the last map root or
// the genesis; `end` is this leaf's own place. Its value at an index is the leaf hash of the last
// of them with that index, and what it was before where there is none. struct { uint64 version;
// uint64 first; uint64 end; opaque root[32]; } MapRoot;
struct MapRootLeaf {
  uint64_t version = 0;  // of the map, from 1; only that one may be over no leaf
  uint64_t first = 0, end = 0;
  Hash root{};
  bool operator==(const MapRootLeaf&) const = default;
};

// That anonymous tokens for one purpose are signed with this key, and no other, in one epoch
// (docs/protocols/tokens.md). Everybody reads it here, so that nobody has a key of their own.
// struct { opaque purpose<V>; opaque token_class<V>; uint64 epoch; uint64 opens; uint64 closes;
// uint64 ends; opaque token_key_id[32]; } TokenKey;
inline constexpr size_t kMaxTokenName = 32;             // of a purpose, of a class
inline constexpr uint64_t kMinTokenEpoch = 60;          // seconds between two keys' opening
inline constexpr uint64_t kMaxTokenLife = 36 * 3600;    // seconds from opening to end
struct TokenKeyLeaf {
  std::string purpose;      // what tokens are good for: "delivery". Lower-case letters, digits, "-"
  std::string token_class;  // who may draw them: "member". The same letters
  uint64_t epoch = 0;       // from 1, one after the other within a purpose and class
  uint64_t opens = 0;       // Unix seconds: tokens are drawn from then on,
  uint64_t closes = 0;      // until then,
  uint64_t ends = 0;        // and redeemed until then
  Hash token_key_id{};      // SHA-256 of its SubjectPublicKeyInfo (RFC 9578 §6.5)
  bool operator==(const TokenKeyLeaf&) const = default;
};

using DirectoryLeaf = std::variant<GenesisLeaf, EntryLeaf, MapRootLeaf, TokenKeyLeaf>;

Bytes Encode(const DirectoryLeaf& leaf);
// INVALID_ARGUMENT for any other input than Encode's of a leaf that keeps the rules above.
absl::StatusOr<DirectoryLeaf> ParseDirectoryLeaf(ByteView wire);

// Of its encoding (RFC 6962 §2.1).
inline Hash LeafHashOf(const DirectoryLeaf& leaf) { return LeafHash(Encode(leaf)); }

}  // namespace plumbline::tlog
