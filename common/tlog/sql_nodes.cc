#include "common/tlog/sql_nodes.h"

#include <algorithm>

namespace plumbline::tlog {

absl::Status TakeHash(ByteView stored, Hash& out) {
  if (stored.size() != out.size()) return absl::DataLossError("a stored hash of the directory's log has a wrong size");
  std::copy(stored.begin(), stored.end(), out.begin());
  return absl::OkStatus();
}

absl::StatusOr<Hash> SqlNodes::Read(NodeId node) {
  ASSIGN_OR_RETURN(db::Statement select, database_.Prepare("SELECT hash FROM log_node WHERE level = ? AND number = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, int64_t{node.level}).Bind(2, static_cast<int64_t>(node.index)).Step());
  if (!found) return absl::DataLossError("a node of the directory's log is missing");
  Hash out;
  RETURN_IF_ERROR(TakeHash(select.Blob(0), out));
  return out;
}

absl::Status SqlNodes::Write(NodeId node, const Hash& hash) {
  ASSIGN_OR_RETURN(db::Statement insert, database_.Prepare("INSERT INTO log_node (level, number, hash) VALUES (?, ?, ?)"));
  return insert.Bind(1, int64_t{node.level}).Bind(2, static_cast<int64_t>(node.index)).Bind(3, ByteView(hash)).Run();
}

}  // namespace plumbline::tlog
