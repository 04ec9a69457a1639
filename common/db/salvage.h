// What is still whole in a database with damaged pages: which tables are touched, and a copy of every row that can be read.
#pragma once

#include <string>
#include <vector>

#include "common/db/database.h"

namespace plumbline::db {

struct SalvagedTable {
  std::string name;
  int64_t rows = 0;      // that were read
  bool damaged = false;  // there were others
};

struct SalvageReport {
  std::vector<SalvagedTable> tables;
  // "envelopes, gates"; empty if nothing was damaged.
  std::string Damaged() const;
  bool IsDamaged(absl::string_view table) const;
};

// Reads every row of every table by its rowid; around what cannot be read it goes on with the next row that can.
class Salvage final {
 public:
  // Reads only. FAILED_PRECONDITION for a table without rowids. DATA_LOSS if not even the list of tables can be read.
  static absl::StatusOr<SalvageReport> Survey(Database& database);

  // Replaces the damaged database at `path` by a new one under the same key with all that could be read: tables, rows with
  // their rowids, indexes, schema version. The old file is kept as `<path>.damaged-<unix seconds>`. Nobody else has it open.
  // Killed at any moment it leaves the old one or the new one, whole. Fails, and leaves the old one, if the new one cannot be
  // written, or if a table of `required` is damaged: DATA_LOSS store_damaged.
  static absl::StatusOr<SalvageReport> Replace(const std::string& path, const Key& key, absl::Time now,
                                               const std::vector<std::string>& required);

 private:
  struct Table {
    std::string name, sql;
  };
  static absl::StatusOr<std::vector<Table>> Tables(Database& database);
  static absl::Status CopyTable(Database& from, Database* to, const Table& table, SalvagedTable& report);
  static absl::Status DropRow(Database& to, const std::string& table, int64_t row);
  static absl::StatusOr<SalvageReport> CopyAll(Database& from, Database& to);
};

}  // namespace plumbline::db
