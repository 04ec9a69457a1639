#include "common/tlog/tiles.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/codec.h"

namespace plumbline::tlog {
namespace {

constexpr int kTileHeight = 8;

absl::Status NotATile() { return absl::InvalidArgumentError("not the path of a tile or bundle"); }

// How many hashes a tree of `size` leaves has at a tile level: its complete subtrees of that height.
uint64_t HashesAt(uint64_t size, uint8_t level) { return level * kTileHeight >= 64 ? 0 : size >> (level * kTileHeight); }

}  // namespace

std::string TilePath(const TileId& tile) {
  std::string number = absl::StrFormat("%03d", tile.index % 1000);
  for (uint64_t rest = tile.index / 1000; rest > 0; rest /= 1000) number = absl::StrFormat("x%03d/%s", rest % 1000, number);
  return absl::StrCat("tile/", tile.entries ? "entries" : absl::StrCat(tile.level), "/", number,
                      tile.width == kTileWidth ? "" : absl::StrCat(".p/", tile.width));
}

absl::StatusOr<TileId> ParseTilePath(absl::string_view path) {
  TileId out;
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, "tile/")) return NotATile();
  const std::pair<absl::string_view, absl::string_view> level = absl::StrSplit(rest, absl::MaxSplits('/', 1));
  uint32_t number = 0;
  out.entries = level.first == "entries";
  if (!out.entries && (!absl::SimpleAtoi(level.first, &number) || number > kMaxTileLevel)) return NotATile();
  out.level = static_cast<uint8_t>(number);
  rest = level.second;
  if (const size_t partial = rest.find(".p/"); partial != absl::string_view::npos) {
    if (!absl::SimpleAtoi(rest.substr(partial + 3), &number) || number < 1 || number >= kTileWidth) return NotATile();
    out.width = static_cast<uint16_t>(number);
    rest = rest.substr(0, partial);
  }
  for (absl::string_view group : absl::StrSplit(rest, '/')) {
    absl::ConsumePrefix(&group, "x");
    if (!absl::SimpleAtoi(group, &number) || number > 999 || out.index > kMaxSize / 1000) return NotATile();
    out.index = out.index * 1000 + number;
  }
  // Whatever was read too kindly is written otherwise.
  if (TilePath(out) != path) return NotATile();
  return out;
}

absl::StatusOr<std::vector<TileId>> TilesOf(uint64_t from, uint64_t size) {
  if (from > size || size > kMaxSize) return absl::InvalidArgumentError("no such range of a log");
  std::vector<TileId> out;
  for (uint8_t level = 0; HashesAt(size, level) > 0; ++level) {
    const uint64_t before = HashesAt(from, level), now = HashesAt(size, level);
    if (before == now) continue;
    for (uint64_t index = before / kTileWidth; index * kTileWidth < now; ++index) {
      const uint64_t width = std::min<uint64_t>(kTileWidth, now - index * kTileWidth);
      out.push_back({false, level, index, static_cast<uint16_t>(width)});
    }
  }
  return out;
}

absl::StatusOr<Bytes> MakeTile(NodeStore& nodes, const TileId& tile) {
  if (tile.entries) return absl::InvalidArgumentError("a bundle is not made of hashes");
  Writer out(size_t{tile.width} * sizeof(Hash));
  for (uint64_t i = 0; i < tile.width; ++i) {
    ASSIGN_OR_RETURN(const Hash hash,
                     nodes.Read({static_cast<uint8_t>(tile.level * kTileHeight), tile.index * kTileWidth + i}));
    out.Fixed(hash);
  }
  return out.TakeBytes();
}

absl::StatusOr<std::vector<Hash>> ParseTile(ByteView bytes, uint16_t width) {
  if (bytes.size() != width * sizeof(Hash)) return absl::InvalidArgumentError("a tile has another width");
  std::vector<Hash> out(width);
  for (size_t i = 0; i < width; ++i) {
    const ByteView hash = bytes.subspan(i * sizeof(Hash), sizeof(Hash));
    std::copy(hash.begin(), hash.end(), out[i].begin());
  }
  return out;
}

Hash RowHash(std::vector<Hash> row) {
  while (row.size() > 1) {
    for (size_t i = 0; i < row.size() / 2; ++i) row[i] = NodeHash(row[2 * i], row[2 * i + 1]);
    row.resize(row.size() / 2);
  }
  return row[0];
}

Bytes MakeBundle(const std::vector<Bytes>& entries) {
  Writer out;
  for (const Bytes& entry : entries) {
    CHECK(entry.size() <= kMaxEntry);
    out.U16(static_cast<uint16_t>(entry.size())).Fixed(entry);
  }
  return out.TakeBytes();
}

absl::StatusOr<std::vector<Bytes>> ParseBundle(ByteView bytes, uint16_t width) {
  Reader in(bytes);
  std::vector<Bytes> out;
  for (uint16_t i = 0; i < width; ++i) {
    ASSIGN_OR_RETURN(const uint16_t size, in.U16());
    ASSIGN_OR_RETURN(const ByteView entry, in.Fixed(size));
    out.push_back(ToBytes(entry));
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<const std::vector<Hash>*> TileNodes::Tile(uint8_t level, uint64_t index) {
  const uint64_t hashes = HashesAt(size_, level);
  if (index * kTileWidth >= hashes) return absl::InvalidArgumentError("the tree has no such tile");
  const uint64_t width = std::min<uint64_t>(kTileWidth, hashes - index * kTileWidth);
  const TileId tile{false, level, index, static_cast<uint16_t>(width)};
  auto known = known_.find(tile);
  if (known == known_.end()) {
    ASSIGN_OR_RETURN(const Bytes bytes, fetch_(TilePath(tile)));
    ASSIGN_OR_RETURN(std::vector<Hash> parsed, ParseTile(bytes, tile.width));
    known = known_.emplace(tile, std::move(parsed)).first;
  }
  return &known->second;
}

absl::StatusOr<Hash> TileNodes::Read(NodeId node) {
  // The node is over 2^height hashes of one tile, from its place on.
  const int height = node.level % kTileHeight;
  const uint64_t first = node.index << height;
  ASSIGN_OR_RETURN(const std::vector<Hash>* const tile,
                   Tile(static_cast<uint8_t>(node.level / kTileHeight), first / kTileWidth));
  const size_t place = first % kTileWidth, count = size_t{1} << height;
  if (place + count > tile->size()) return absl::InvalidArgumentError("the tree has no such node");
  const auto first_hash = tile->begin() + static_cast<std::ptrdiff_t>(place);
  return RowHash({first_hash, first_hash + static_cast<std::ptrdiff_t>(count)});
}

absl::Status TileNodes::Write(NodeId, const Hash&) { return absl::UnimplementedError("tiles are read only"); }

}  // namespace plumbline::tlog
