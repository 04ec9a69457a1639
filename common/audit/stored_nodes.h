// The tables of an audit record: the records, the tree over them, the last checkpoint.
//   audit_record      sequence, the canonical bytes, the signature
//   audit_node        the hash of each complete subtree (tlog::NodeStore)
//   audit_checkpoint  one row: only the last signed note, so that no earlier end can be made to look like the present one
#pragma once

#include "common/db/database.h"
#include "common/tlog/tree.h"

namespace plumbline::audit {

inline constexpr const char* kTables[] = {
    "CREATE TABLE audit_record (sequence INTEGER PRIMARY KEY, encoded BLOB NOT NULL, signature BLOB NOT NULL)",
    "CREATE TABLE audit_node (row INTEGER PRIMARY KEY, level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL)",
    "CREATE UNIQUE INDEX audit_node_place ON audit_node (level, position)",
    "CREATE TABLE audit_checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), note BLOB NOT NULL)"};

// How a database keeps its audit record.
enum class Layout {
  kNone,   // not at all
  kChain,  // the chain of hashes of an earlier version
  kTree,
};
absl::StatusOr<Layout> LayoutOf(db::Database& database);

// Over one connection; Write inside the caller's transaction.
class StoredNodes final : public tlog::NodeStore {
 public:
  explicit StoredNodes(db::Database& database) : database_(database) {}
  absl::StatusOr<tlog::Hash> Read(tlog::NodeId node) override;
  // ALREADY_EXISTS if it is there.
  absl::Status Write(tlog::NodeId node, const tlog::Hash& hash) override;

 private:
  db::Database& database_;
};

// The note, or the empty string if there is none.
absl::StatusOr<std::string> ReadCheckpoint(db::Database& database);
absl::Status WriteCheckpoint(db::Database& database, absl::string_view note);
absl::Status InsertRecord(db::Database& database, uint64_t sequence, ByteView encoded, ByteView signature);

// DATA_LOSS "audit_broken: record <sequence> <how>; <what to do>".
absl::Status Broken(uint64_t sequence, absl::string_view how);
// The same about the record as a whole.
absl::Status Broken(absl::string_view what);

}  // namespace plumbline::audit
