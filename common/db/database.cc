#include "common/db/database.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/db/file_lock.h"
#include "common/db/sqlite.h"

namespace plumbline::db {
namespace {

absl::Status FromConstraint(int extended, const std::string& text) {
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
      extended == SQLITE_CONSTRAINT_ROWID) {
    return absl::AlreadyExistsError(text);
  }
  return absl::FailedPreconditionError(text);
}

absl::Status DiskFull() {
  return absl::ResourceExhaustedError("disk_full: the disk that holds the store is full; free space and try again");
}

}  // namespace

absl::Status FromSqlite(sqlite3* connection, int result) {
  const std::string text = absl::StrCat("store: ", sqlite3_errstr(result));
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return FromConstraint(sqlite3_extended_errcode(connection), text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::AbortedError("store_busy: another connection is writing; try again");
    case SQLITE_FULL:
      return DiskFull();
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError("store_damaged: a page of the store was changed or damaged; restore it from a backup");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      // The index of a write-ahead log that finds no room is said to be an error of the disk.
      if (sqlite3_system_errno(connection) == ENOSPC) return DiskFull();
      [[fallthrough]];
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::UnavailableError(absl::StrCat("store_unavailable: ", sqlite3_errstr(result)));
    case SQLITE_ERROR:
      return absl::InternalError(absl::StrCat("store: ", sqlite3_errmsg(connection)));
    default:
      return absl::InternalError(text);
  }
}

absl::StatusOr<Key> Key::FromSecret(Secret&& bytes) {
  if (bytes.size() != kSize) return absl::InvalidArgumentError("a database key is 32 bytes long");
  return Key(std::move(bytes));
}

Database::Database(std::string path, std::unique_ptr<FileLock> lock) : path_(std::move(path)), lock_(std::move(lock)) {}

Database::~Database() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  // Fails only if a statement outlived its database: our bug.
  CHECK(sqlite3_close(connection_) == SQLITE_OK);
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  const auto found = idle_.find(sql);
  if (found != idle_.end()) {
    sqlite3_stmt* statement = found->second;
    idle_.erase(found);
    return Statement(*this, statement);
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int result = sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement, &rest);
  if (result != SQLITE_OK) return FromSqlite(connection_, result);
  if (statement == nullptr || rest != sql.data() + sql.size()) {
    sqlite3_finalize(statement);
    return absl::InternalError("not exactly one SQL statement");
  }
  return Statement(*this, statement);
}

void Database::GiveBack(sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  const bool kept = idle_.emplace(sqlite3_sql(statement), statement).second;
  if (!kept) sqlite3_finalize(statement);  // the same text was on loan twice
}

absl::Status Database::Execute(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
  }
}

int64_t Database::changes() const { return sqlite3_changes(connection_); }
int64_t Database::total_changes() const { return sqlite3_total_changes(connection_); }
bool Database::transaction_is_open() const { return sqlite3_get_autocommit(connection_) == 0; }
int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(connection_); }

absl::StatusOr<std::string> Database::QueryText(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? std::string(statement.Text(0)) : std::string();
}

absl::StatusOr<int> Database::SchemaVersion() {
  ASSIGN_OR_RETURN(Statement statement, Prepare("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError("the schema version cannot be read");
  return static_cast<int>(statement.Int64(0));
}

absl::Status Database::Migrate(std::span<const Migration> migrations) {
  ASSIGN_OR_RETURN(const int stored, SchemaVersion());
  const int known = static_cast<int>(migrations.size());
  if (stored < 0 || stored > known) {
    return absl::FailedPreconditionError(
        absl::StrCat("store_too_new: this store has schema ", stored, ", this program knows up to ", known,
                     "; use the newer program"));
  }
  for (int step = stored; step < known; ++step) {
    ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*this));
    ASSIGN_OR_RETURN(const int now, SchemaVersion());
    if (now > step) continue;  // another connection was faster
    const int result = sqlite3_exec(connection_, migrations[step].sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) {
      const absl::Status failed = FromSqlite(connection_, result);
      return absl::Status(failed.code(), absl::StrCat("migration ", migrations[step].name, ": ", failed.message()));
    }
    const std::string set_version = absl::StrCat("PRAGMA user_version = ", step + 1);
    if (sqlite3_exec(connection_, set_version.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return absl::InternalError("the schema version cannot be written");
    }
    RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

absl::Status Database::Checkpoint() {
  ASSIGN_OR_RETURN(Statement statement, Prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row || statement.Int64(0) != 0) {
    return absl::AbortedError("store_busy: a reader is in the way of the checkpoint; try again");
  }
  return absl::OkStatus();
}

absl::Status Database::CheckIntegrity() {
  const absl::StatusOr<std::string> findings = QueryText("PRAGMA integrity_check");
  if (findings.ok() && *findings == "ok") return absl::OkStatus();
  std::string first(findings.ok() ? *findings : std::string(findings.status().message()));
  constexpr absl::string_view kHeading = "*** in database main ***\n";
  if (absl::StartsWith(first, kHeading)) first.erase(0, kHeading.size());
  first.resize(std::min(first.size(), first.find('\n')));
  return absl::DataLossError(absl::StrCat("store_damaged: pages of ", path_, " were changed or damaged (", first,
                                          "); stop, keep the file as evidence, and restore it from a backup"));
}

}  // namespace plumbline::db
