#include "common/tlog/log_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbline::tlog {
namespace {

constexpr int kTileHeight = 8;
constexpr uint8_t kLevels = 8;  // a tree of kMaxSize has no more

uint64_t HashesAt(uint64_t size, uint8_t level) { return size >> (level * kTileHeight); }

absl::Status OtherFiles(const TileId& tile, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(TilePath(tile), ": ", why));
}

// What a file holds. Where a partial one is gone, the first part of the whole one that came after it: a log may remove the
// former.
template <typename T>
absl::StatusOr<std::vector<T>> FetchRow(TileSource& source, TileId tile, size_t max_each,
                                        absl::StatusOr<std::vector<T>> (*parse)(ByteView, uint16_t)) {
  const TileId asked = tile;
  absl::StatusOr<Bytes> bytes = source.Fetch(TilePath(tile), tile.width * max_each);
  if (absl::IsNotFound(bytes.status()) && tile.width < kTileWidth) {
    tile.width = kTileWidth;
    bytes = source.Fetch(TilePath(tile), tile.width * max_each);
  }
  if (!bytes.ok()) return absl::Status(bytes.status().code(), absl::StrCat(TilePath(asked), ": ", bytes.status().message()));
  absl::StatusOr<std::vector<T>> row = parse(*bytes, tile.width);
  if (!row.ok()) return OtherFiles(tile, row.status().message());
  row->resize(asked.width);
  return row;
}

}  // namespace

absl::StatusOr<std::string> FetchCheckpoint(TileSource& source) {
  ASSIGN_OR_RETURN(const Bytes note, source.Fetch("checkpoint", kMaxNote));
  return ToString(note);
}

absl::StatusOr<LogReader> LogReader::Open(TileSource& source, const Checkpoint& checkpoint) {
  if (checkpoint.size > kMaxSize) return absl::InvalidArgumentError("no tree is that large");
  LogReader out(source, checkpoint.size);
  // The partial tiles are exactly what the root is over: with it, each hash of theirs is signed.
  for (uint8_t level = 0; level < kLevels; ++level) {
    const uint64_t hashes = HashesAt(checkpoint.size, level);
    const auto width = static_cast<uint16_t>(hashes % kTileWidth);
    if (width == 0) continue;
    const TileId tile{false, level, hashes / kTileWidth, width};
    ASSIGN_OR_RETURN(out.edge_[level], FetchRow<Hash>(source, tile, sizeof(Hash), ParseTile));
  }
  ASSIGN_OR_RETURN(const Hash root, Root(out, checkpoint.size));
  if (root != checkpoint.root)
    return absl::DataLossError(absl::StrCat("the files are not those of the signed tree of ", checkpoint.size, " leaves"));
  return out;
}

absl::StatusOr<const LogReader::Row*> LogReader::Tile(uint8_t level, uint64_t index) {
  const uint64_t whole = level < kLevels ? HashesAt(size_, level) / kTileWidth : 0;
  if (index == whole) {
    const auto edge = edge_.find(level);
    if (edge != edge_.end()) return &edge->second;
  }
  if (index >= whole) return absl::InvalidArgumentError("the tree has no such tile");
  auto& [known_index, row] = known_[level];
  if (!row.empty() && known_index == index) return &row;
  const TileId tile{false, level, index, kTileWidth};
  ASSIGN_OR_RETURN(Row read, FetchRow<Hash>(*source_, tile, sizeof(Hash), ParseTile));
  ASSIGN_OR_RETURN(const Hash stated, Read({static_cast<uint8_t>((level + 1) * kTileHeight), index}));
  if (RowHash(read) != stated) return OtherFiles(tile, "it is not under the signed root");
  known_index = index;
  row = std::move(read);
  return &row;
}

absl::StatusOr<Hash> LogReader::Read(NodeId node) {
  // The node is over 2^height hashes of one tile, from its place on.
  const int height = node.level % kTileHeight;
  const uint64_t first = node.index << height;
  ASSIGN_OR_RETURN(const Row* const tile, Tile(static_cast<uint8_t>(node.level / kTileHeight), first / kTileWidth));
  const size_t place = first % kTileWidth, count = size_t{1} << height;
  if (place + count > tile->size()) return absl::InvalidArgumentError("the tree has no such node");
  const auto begin = tile->begin() + static_cast<std::ptrdiff_t>(place);
  return RowHash({begin, begin + static_cast<std::ptrdiff_t>(count)});
}

absl::Status LogReader::Write(NodeId, const Hash&) { return absl::UnimplementedError("what was signed is read only"); }

absl::Status LogReader::ReadLeaves(uint64_t from, uint64_t end, const TakeLeaf& take) {
  if (from > end || end > size_) return absl::InvalidArgumentError("the tree has no such leaves");
  for (uint64_t first = from - from % kTileWidth; first < end; first += kTileWidth) {
    const auto width = static_cast<uint16_t>(std::min<uint64_t>(kTileWidth, size_ - first));
    const TileId bundle{true, 0, first / kTileWidth, width};
    ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, FetchRow<Bytes>(*source_, bundle, 2 + kMaxEntry, ParseBundle));
    Row hashes;
    for (const Bytes& leaf : leaves) hashes.push_back(LeafHash(leaf));
    bool same = false;
    if (width == kTileWidth) {
      ASSIGN_OR_RETURN(const Hash stated, Read({kTileHeight, bundle.index}));
      same = RowHash(hashes) == stated;
    } else {
      same = hashes == edge_[0];
    }
    if (!same) {
      ASSIGN_OR_RETURN(const Row* const signed_hashes, Tile(0, bundle.index));
      const auto differs = std::mismatch(hashes.begin(), hashes.end(), signed_hashes->begin()).first - hashes.begin();
      return OtherFiles(bundle,
                        absl::StrCat("leaf ", first + static_cast<uint64_t>(differs), " is not the one under the signed root"));
    }
    for (uint64_t place = std::max(from, first); place < std::min(end, first + width); ++place)
      RETURN_IF_ERROR(take(place, leaves[place - first]));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::tlog
