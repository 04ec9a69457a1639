#include "keyserver/store/log_tables.h"

namespace plumbline::keyserver {
namespace {

constexpr int kTileLevels = 4;

// The level at which a node's tile begins and as much of the index as leads there, in whole bytes.
Bytes TileOf(const tlog::MapPlace& place) {
  const auto begin = static_cast<uint16_t>(place.depth / kTileLevels * kTileLevels);
  const tlog::MapPlace root = tlog::MapPlace::Of(place.prefix, begin);
  Bytes out{static_cast<uint8_t>(begin / kTileLevels)};
  out.insert(out.end(), root.prefix.bytes.begin(), root.prefix.bytes.begin() + (begin + 7) / 8);
  return out;
}

}  // namespace

absl::StatusOr<tlog::MapNode> SqlMap::Read(const tlog::MapPlace& place) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT is_leaf, first, second FROM map_node WHERE tile = ? AND depth = ? AND prefix = ? AND "
                                     "since <= ? ORDER BY since DESC LIMIT 1"));
  const Bytes tile = TileOf(place);
  select.Bind(1, ByteView(tile))
      .Bind(2, int64_t{place.depth})
      .Bind(3, ByteView(place.prefix.bytes))
      .Bind(4, static_cast<int64_t>(version_));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return tlog::MapNode{};
  tlog::Hash first, second;
  RETURN_IF_ERROR(TakeHash(select.Blob(1), first));
  RETURN_IF_ERROR(TakeHash(select.Blob(2), second));
  tlog::MapNode out;
  if (select.Int64(0) != 0) {
    out.leaf = tlog::MapEntry{tlog::MapIndex{first}, second};
  } else {
    out.inner = tlog::MapInner{first, second};
  }
  return out;
}

absl::Status SqlMap::Write(const tlog::MapPlace& place, const tlog::MapNode& node) {
  if (!node.leaf && !node.inner) return absl::InternalError("an empty place of the map is not written");
  const tlog::Hash& first = node.leaf ? node.leaf->index.bytes : node.inner->left;
  const tlog::Hash& second = node.leaf ? node.leaf->value : node.inner->right;
  ASSIGN_OR_RETURN(db::Statement replace,
                   database_.Prepare("INSERT OR REPLACE INTO map_node (tile, depth, prefix, since, is_leaf, first, second) "
                                     "VALUES (?, ?, ?, ?, ?, ?, ?)"));
  const Bytes tile = TileOf(place);
  RETURN_IF_ERROR(replace.Bind(1, ByteView(tile))
                      .Bind(2, int64_t{place.depth})
                      .Bind(3, ByteView(place.prefix.bytes))
                      .Bind(4, static_cast<int64_t>(version_))
                      .Bind(5, int64_t{node.leaf.has_value()})
                      .Bind(6, ByteView(first))
                      .Bind(7, ByteView(second))
                      .Run());
  ASSIGN_OR_RETURN(db::Statement prune,
                   database_.Prepare("DELETE FROM map_node WHERE tile = ?1 AND depth = ?2 AND prefix = ?3 AND since < (SELECT "
                                     "MAX(since) FROM map_node WHERE tile = ?1 AND depth = ?2 AND prefix = ?3 AND since <= ?4)"));
  return prune.Bind(1, ByteView(tile))
      .Bind(2, int64_t{place.depth})
      .Bind(3, ByteView(place.prefix.bytes))
      .Bind(4, static_cast<int64_t>(published_))
      .Run();
}

}  // namespace plumbline::keyserver
