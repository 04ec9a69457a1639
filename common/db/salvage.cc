#include "common/db/salvage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/db/sqlite.h"

namespace plumbline::db {
namespace {

constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
constexpr int64_t kRowsTogether = 10'000;  // in one transaction

// A statement that is finalized here and nowhere else: what fails in a damaged file is not kept compiled.
class Query final {
 public:
  Query(sqlite3* connection, const std::string& sql)
      : prepared_(sqlite3_prepare_v2(connection, sql.c_str(), -1, &statement_, nullptr)) {}
  ~Query() { sqlite3_finalize(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  sqlite3_stmt* get() const { return statement_; }
  int Step() { return prepared_ == SQLITE_OK ? sqlite3_step(statement_) : prepared_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
  const int prepared_;
};

std::string Quoted(absl::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// One pass over a table in rowid order from `first`. Each row is given to `take`. True at the end; false if a row cannot be read,
// and then `next` is the first rowid that has not been dealt with.
template <typename Take>
absl::StatusOr<bool> ReadRows(sqlite3* connection, const std::string& table, int64_t first, int64_t& next, Take take) {
  next = first;
  Query query(connection, absl::StrCat("SELECT rowid, * FROM ", Quoted(table), " WHERE rowid >= ? ORDER BY rowid"));
  sqlite3_bind_int64(query.get(), 1, first);
  for (;;) {
    const int result = query.Step();
    if (result == SQLITE_DONE) return true;
    if (result != SQLITE_ROW) return false;
    const int64_t row = sqlite3_column_int64(query.get(), 0);
    RETURN_IF_ERROR(take(query.get()));
    if (row == kLast) return true;
    next = row + 1;
  }
}

bool Readable(sqlite3* connection, const std::string& table, int64_t first) {
  Query query(connection, absl::StrCat("SELECT rowid, * FROM ", Quoted(table), " WHERE rowid >= ? ORDER BY rowid LIMIT 1"));
  sqlite3_bind_int64(query.get(), 1, first);
  const int result = query.Step();
  return result == SQLITE_ROW || result == SQLITE_DONE;
}

// The first rowid from `bad` on from which the table can be read again; nothing if there is none.
std::optional<int64_t> Behind(sqlite3* connection, const std::string& table, int64_t bad) {
  int64_t step = 1, good = kLast;
  for (;; step *= 2) {
    if (step > kLast / 2 || (bad > 0 && step > kLast - bad)) return std::nullopt;
    good = bad + step;
    if (Readable(connection, table, good)) break;
  }
  for (int64_t low = bad + step / 2; low < good;) {  // not readable from `low`, if that is above `bad`
    const int64_t middle = low + (good - low) / 2;
    if (Readable(connection, table, middle)) {
      good = middle;
    } else {
      low = middle + 1;
    }
  }
  return good;
}

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("store_unavailable: cannot ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : Failed("sync", folder);
}

void RemoveFiles(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock"}) unlink((path + suffix).c_str());
}

}  // namespace

std::string SalvageReport::Damaged() const {
  std::vector<std::string> names;
  for (const SalvagedTable& table : tables) {
    if (table.damaged) names.push_back(table.name);
  }
  return absl::StrJoin(names, ", ");
}

bool SalvageReport::IsDamaged(absl::string_view table) const {
  return std::any_of(tables.begin(), tables.end(), [&](const SalvagedTable& each) { return each.damaged && each.name == table; });
}

absl::StatusOr<std::vector<Salvage::Table>> Salvage::Tables(Database& database) {
  std::vector<Table> tables;
  Query query(database.connection_, "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
  for (;;) {
    const int result = query.Step();
    if (result == SQLITE_DONE) return tables;
    if (result != SQLITE_ROW) return absl::DataLossError("store_damaged: not even its list of tables can be read; restore it from a backup");
    Table table;
    table.name = reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 0));
    table.sql = reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 1));
    if (table.sql.find("WITHOUT ROWID") != std::string::npos) {
      return absl::FailedPreconditionError(absl::StrCat("table ", table.name, " has no rowids"));
    }
    tables.push_back(std::move(table));
  }
}

absl::Status Salvage::CopyTable(Database& from, Database* to, const Table& table, SalvagedTable& report) {
  report.name = table.name;
  std::unique_ptr<Query> insert;
  std::optional<Transaction> transaction;
  const auto take = [&](sqlite3_stmt* row) -> absl::Status {
    ++report.rows;
    if (to == nullptr) return absl::OkStatus();
    if (!transaction.has_value()) {
      ASSIGN_OR_RETURN(Transaction begun, Transaction::Begin(*to));
      transaction.emplace(std::move(begun));
    }
    const int columns = sqlite3_column_count(row);
    if (insert == nullptr) {
      std::vector<std::string> names = {"rowid"}, marks = {"?"};
      for (int i = 1; i < columns; ++i) {
        names.push_back(Quoted(sqlite3_column_name(row, i)));
        marks.push_back("?");
      }
      insert = std::make_unique<Query>(to->connection_, absl::StrCat("INSERT INTO ", Quoted(table.name), " (", absl::StrJoin(names, ", "),
                                                                     ") VALUES (", absl::StrJoin(marks, ", "), ")"));
    }
    for (int i = 0; i < columns; ++i) sqlite3_bind_value(insert->get(), i + 1, sqlite3_column_value(row, i));
    const int result = sqlite3_step(insert->get());
    const absl::Status failed = FromSqlite(to->connection_, result);
    sqlite3_reset(insert->get());
    if (result != SQLITE_DONE) return failed;
    if (report.rows % kRowsTogether != 0) return absl::OkStatus();
    RETURN_IF_ERROR(transaction->Commit());
    transaction.reset();
    return absl::OkStatus();
  };
  for (int64_t first = kFirst;;) {
    int64_t next = first;
    ASSIGN_OR_RETURN(const bool ended, ReadRows(from.connection_, table.name, first, next, take));
    if (ended) break;
    report.damaged = true;
    // A damaged page at a row's end shows only with the next step: the last row before a failure is not believed.
    if (next > first && report.rows > 0) {
      --report.rows;
      if (to != nullptr) RETURN_IF_ERROR(DropRow(*to, table.name, next - 1));
    }
    // Nothing of ours has a rowid below one: the search need not begin at the smallest there could be.
    const std::optional<int64_t> behind = Behind(from.connection_, table.name, std::max<int64_t>(next, 0));
    if (!behind.has_value()) break;
    first = *behind;
  }
  insert.reset();
  return transaction.has_value() ? transaction->Commit() : absl::OkStatus();
}

absl::Status Salvage::DropRow(Database& to, const std::string& table, int64_t row) {
  Query remove(to.connection_, absl::StrCat("DELETE FROM ", Quoted(table), " WHERE rowid = ?"));
  sqlite3_bind_int64(remove.get(), 1, row);
  const int result = remove.Step();
  return result == SQLITE_DONE ? absl::OkStatus() : FromSqlite(to.connection_, result);
}

absl::StatusOr<SalvageReport> Salvage::Survey(Database& database) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables(database));
  SalvageReport report;
  for (const Table& table : tables) {
    report.tables.emplace_back();
    RETURN_IF_ERROR(CopyTable(database, nullptr, table, report.tables.back()));
  }
  return report;
}

absl::StatusOr<SalvageReport> Salvage::CopyAll(Database& from, Database& to) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables(from));
  RETURN_IF_ERROR(to.Execute("PRAGMA foreign_keys = OFF"));
  SalvageReport report;
  for (const Table& table : tables) {
    RETURN_IF_ERROR(to.Execute(table.sql));
    report.tables.emplace_back();
    RETURN_IF_ERROR(CopyTable(from, &to, table, report.tables.back()));
  }
  std::vector<std::string> indexes;
  {
    Query query(from.connection_, "SELECT sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL");
    for (int result = query.Step(); result != SQLITE_DONE; result = query.Step()) {
      if (result != SQLITE_ROW) return absl::DataLossError("store_damaged: its list of indexes cannot be read; restore it from a backup");
      indexes.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 0)));
    }
  }
  for (const std::string& sql : indexes) RETURN_IF_ERROR(to.Execute(sql));
  ASSIGN_OR_RETURN(const int version, from.SchemaVersion());
  RETURN_IF_ERROR(to.Execute(absl::StrCat("PRAGMA user_version = ", version)));
  return report;
}

absl::StatusOr<SalvageReport> Salvage::Replace(const std::string& path, const Key& key, absl::Time now,
                                               const std::vector<std::string>& required) {
  const std::string fresh = path + ".salvage";
  RemoveFiles(fresh);
  SalvageReport report;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Database> from, Database::Open(path, key, {.create = false}));
    ASSIGN_OR_RETURN(const std::unique_ptr<Database> to, Database::Open(fresh, key));
    ASSIGN_OR_RETURN(report, CopyAll(*from, *to));
    for (const std::string& name : required) {
      if (!report.IsDamaged(name)) continue;
      return absl::DataLossError(absl::StrCat("store_damaged: table ", name, " of ", path,
                                              " has damaged pages, and cannot be used without them; restore it from a backup"));
    }
    RETURN_IF_ERROR(to->CheckIntegrity());
    RETURN_IF_ERROR(to->Checkpoint());
    RETURN_IF_ERROR(from->Checkpoint());  // its log must not be taken for the new one's
  }
  for (const std::string& log : {path + "-wal", fresh + "-wal"}) {
    struct stat info;
    if (stat(log.c_str(), &info) == 0 && info.st_size > 0) return Failed("empty", log);
    unlink(log.c_str());
  }
  unlink((path + "-shm").c_str());
  const std::string kept = absl::StrCat(path, ".damaged-", absl::ToUnixSeconds(now));
  if (link(path.c_str(), kept.c_str()) != 0 && errno != EEXIST) return Failed("keep", path);
  RETURN_IF_ERROR(SyncFolderOf(path));
  if (rename(fresh.c_str(), path.c_str()) != 0) return Failed("replace", path);
  RemoveFiles(fresh);
  RETURN_IF_ERROR(SyncFolderOf(path));
  return report;
}

}  // namespace plumbline::db
