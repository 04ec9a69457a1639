// A log as static resources (C2SP tlog-tiles): tiles of up to 256 hashes, bundles of up to 256 entries, by paths that any web
// server or folder can have. Of a tree, everything can be computed from its tiles.
//
//   tile    = tile/<L>/<N>[.p/<W>]          ; W hashes MTH(D[(256 N + i) 256^L : (256 N + i + 1) 256^L])
//   bundle  = tile/entries/<N>[.p/<W>]      ; W times uint16 length || entry
//   <N> in groups of three digits, all but the last after an 'x'; <W> from 1 to 255, absent for 256
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/tlog/tree.h"

namespace plumbline::tlog {

inline constexpr uint16_t kTileWidth = 256;
inline constexpr uint8_t kMaxTileLevel = 63;  // that a path can have; a tree of kMaxSize ends at 7
inline constexpr size_t kMaxEntry = 65535;    // bytes

struct TileId {
  bool entries = false;  // a bundle; its level is 0
  uint8_t level = 0;
  uint64_t index = 0;
  uint16_t width = kTileWidth;  // 1 to 256; below 256 it is partial
  auto operator<=>(const TileId&) const = default;
};
std::string TilePath(const TileId& tile);
// INVALID_ARGUMENT for anything that TilePath does not make.
absl::StatusOr<TileId> ParseTilePath(absl::string_view path);

// The tiles of the tree with `size` leaves that are not tiles of the one with `from`, lowest level first, without bundles.
// INVALID_ARGUMENT if from > size or size > kMaxSize.
absl::StatusOr<std::vector<TileId>> TilesOf(uint64_t from, uint64_t size);

// The bytes of a tile. Codes of the store; INVALID_ARGUMENT for a bundle.
absl::StatusOr<Bytes> MakeTile(NodeStore& nodes, const TileId& tile);
// INVALID_ARGUMENT unless `bytes` is `width` hashes.
absl::StatusOr<std::vector<Hash>> ParseTile(ByteView bytes, uint16_t width);

// The subtree over hashes that are next to each other in a tile. `row` has a power of two of them.
Hash RowHash(std::vector<Hash> row);

// Each entry is at most kMaxEntry long.
Bytes MakeBundle(const std::vector<Bytes>& entries);
// INVALID_ARGUMENT unless `bytes` is a bundle of `width` entries.
absl::StatusOr<std::vector<Bytes>> ParseBundle(ByteView bytes, uint16_t width);

// A tree of which only tiles are at hand. What it gives counts only under a root from a verified checkpoint: Root() first.
// Keeps every tile that it fetched. Not thread-safe.
class TileNodes final : public NodeStore {
 public:
  // By a path; whatever it fails with is passed on.
  using Fetch = std::function<absl::StatusOr<Bytes>(const std::string& path)>;
  // Of the tree with `size` leaves: partial tiles are asked for as it has them.
  TileNodes(uint64_t size, Fetch fetch) : size_(size), fetch_(std::move(fetch)) {}
  absl::StatusOr<Hash> Read(NodeId node) override;
  absl::Status Write(NodeId node, const Hash& hash) override;  // UNIMPLEMENTED

 private:
  absl::StatusOr<const std::vector<Hash>*> Tile(uint8_t level, uint64_t index);
  const uint64_t size_;
  const Fetch fetch_;
  std::map<TileId, std::vector<Hash>> known_;
};

}  // namespace plumbline::tlog
