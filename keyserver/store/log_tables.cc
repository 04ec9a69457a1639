#include "keyserver/store/log_tables.h"

namespace plumbline::keyserver {

absl::StatusOr<tlog::MapNode> SqlMap::Read(const tlog::MapPlace& place) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT is_leaf, first, second FROM map_node WHERE depth = ? AND prefix = ? AND since <= ? "
                                     "ORDER BY since DESC LIMIT 1"));
  select.Bind(1, int64_t{place.depth}).Bind(2, ByteView(place.prefix.bytes)).Bind(3, static_cast<int64_t>(version_));
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
                   database_.Prepare("INSERT OR REPLACE INTO map_node (depth, prefix, since, is_leaf, first, second) "
                                     "VALUES (?, ?, ?, ?, ?, ?)"));
  RETURN_IF_ERROR(replace.Bind(1, int64_t{place.depth})
                      .Bind(2, ByteView(place.prefix.bytes))
                      .Bind(3, static_cast<int64_t>(version_))
                      .Bind(4, int64_t{node.leaf.has_value()})
                      .Bind(5, ByteView(first))
                      .Bind(6, ByteView(second))
                      .Run());
  ASSIGN_OR_RETURN(db::Statement prune,
                   database_.Prepare("DELETE FROM map_node WHERE depth = ?1 AND prefix = ?2 AND since < (SELECT MAX(since) FROM "
                                     "map_node WHERE depth = ?1 AND prefix = ?2 AND since <= ?3)"));
  return prune.Bind(1, int64_t{place.depth})
      .Bind(2, ByteView(place.prefix.bytes))
      .Bind(3, static_cast<int64_t>(published_))
      .Run();
}

}  // namespace plumbline::keyserver
