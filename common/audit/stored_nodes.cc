#include "common/audit/stored_nodes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plumbline::audit {

absl::Status Broken(uint64_t sequence, absl::string_view how) { return Broken(absl::StrCat("record ", sequence, " ", how)); }

absl::Status Broken(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("audit_broken: ", what,
                                          "; keep the database as evidence, find out who could write to it, and restore the "
                                          "last copy that verifies"));
}

absl::StatusOr<Layout> LayoutOf(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement query,
                   database.Prepare("SELECT SUM(name = 'audit_record'), SUM(name = 'audit_node') FROM sqlite_master "
                                    "WHERE type = 'table' AND name IN ('audit_record', 'audit_node', 'audit_checkpoint')"));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row || query.IsNull(0)) return Layout::kNone;
  if (query.Int64(1) != 0) return Layout::kTree;
  return query.Int64(0) != 0 ? Layout::kChain : Layout::kNone;
}

absl::StatusOr<tlog::Hash> StoredNodes::Read(tlog::NodeId node) {
  ASSIGN_OR_RETURN(db::Statement query, database_.Prepare("SELECT hash FROM audit_node WHERE level = ? AND position = ?"));
  ASSIGN_OR_RETURN(const bool row, query.Bind(1, int64_t{node.level}).Bind(2, static_cast<int64_t>(node.index)).Step());
  tlog::Hash hash;
  if (!row || query.Blob(0).size() != hash.size()) {
    return absl::DataLossError("audit_broken: a node of the stored tree is missing or has a wrong size");
  }
  const ByteView blob = query.Blob(0);
  std::copy(blob.begin(), blob.end(), hash.begin());
  return hash;
}

absl::Status StoredNodes::Write(tlog::NodeId node, const tlog::Hash& hash) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   database_.Prepare("INSERT INTO audit_node (level, position, hash) VALUES (?, ?, ?)"));
  return insert.Bind(1, int64_t{node.level}).Bind(2, static_cast<int64_t>(node.index)).Bind(3, ByteView(hash)).Run();
}

absl::StatusOr<std::string> ReadCheckpoint(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement query, database.Prepare("SELECT note FROM audit_checkpoint WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? ToString(query.Blob(0)) : std::string();
}

absl::Status WriteCheckpoint(db::Database& database, absl::string_view note) {
  ASSIGN_OR_RETURN(db::Statement replace, database.Prepare("INSERT OR REPLACE INTO audit_checkpoint (id, note) VALUES (1, ?)"));
  return replace.Bind(1, AsBytes(note)).Run();
}

absl::Status InsertRecord(db::Database& database, uint64_t sequence, ByteView encoded, ByteView signature) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO audit_record (sequence, encoded, signature) VALUES (?, ?, ?)"));
  return insert.Bind(1, static_cast<int64_t>(sequence)).Bind(2, encoded).Bind(3, signature).Run();
}

}  // namespace plumbline::audit
