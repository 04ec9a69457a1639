// The nodes of a tree as rows of a database: one tree in each.
#pragma once

#include "common/db/database.h"
#include "common/tlog/tree.h"

namespace plumbline::tlog {

inline constexpr char kLogNodeTable[] =
    "CREATE TABLE log_node (level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)) "
    "WITHOUT ROWID;";

// DATA_LOSS unless it has 32 bytes.
absl::Status TakeHash(ByteView stored, Hash& out);

// Over one connection, which outlives it.
class SqlNodes final : public NodeStore {
 public:
  explicit SqlNodes(db::Database& database) : database_(database) {}
  absl::StatusOr<Hash> Read(NodeId node) override;
  // ALREADY_EXISTS if it is there.
  absl::Status Write(NodeId node, const Hash& hash) override;

 private:
  db::Database& database_;
};

}  // namespace plumbline::tlog
