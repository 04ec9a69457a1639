#include "common/check.h"
#include "common/db/database.h"
#include "common/db/sqlite.h"

namespace plumbline::db {

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), bind_result_(other.bind_result_) {}

Statement::~Statement() {
  if (statement_ != nullptr) database_->GiveBack(statement_);
}

Statement& Statement::Keep(int result) {
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Statement& Statement::Bind(int index, int64_t value) { return Keep(sqlite3_bind_int64(statement_, index, value)); }

Statement& Statement::Bind(int index, absl::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  return Keep(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::Bind(int index, ByteView blob) {
  if (blob.empty()) return Keep(sqlite3_bind_zeroblob(statement_, index, 0));
  return Keep(sqlite3_bind_blob64(statement_, index, blob.data(), blob.size(), SQLITE_TRANSIENT));
}

Statement& Statement::BindNull(int index) { return Keep(sqlite3_bind_null(statement_, index)); }

absl::StatusOr<bool> Statement::Step() {
  if (bind_result_ != SQLITE_OK) return FromSqlite(sqlite3_db_handle(statement_), bind_result_);
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  const absl::Status failed = FromSqlite(sqlite3_db_handle(statement_), result);
  sqlite3_reset(statement_);
  return failed;
}

absl::Status Statement::Run() {
  ASSIGN_OR_RETURN(const bool row, Step());
  if (row) return absl::InternalError("a statement that should yield no rows did");
  return absl::OkStatus();
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_result_ = SQLITE_OK;
}

int64_t Statement::Int64(int column) const { return sqlite3_column_int64(statement_, column); }

absl::string_view Statement::Text(int column) const {
  const auto text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return absl::string_view();
  return absl::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

ByteView Statement::Blob(int column) const {
  const auto data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return ByteView(data, data == nullptr ? 0 : static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  if (database.in_transaction_) return absl::InternalError("a transaction is open on this connection already");
  RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  database.in_transaction_ = true;
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  database_->in_transaction_ = false;
  // Some failures (disk full, damaged page) have rolled back already; then there is nothing left to do.
  if (sqlite3_get_autocommit(database_->connection_) == 0) {
    sqlite3_exec(database_->connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

absl::Status Transaction::Commit() {
  CHECK(database_ != nullptr);
  // SQLite may have rolled back on an earlier failure that the caller passed over; COMMIT then says there is no transaction.
  const absl::Status committed = database_->Execute("COMMIT");
  if (!committed.ok() && sqlite3_get_autocommit(database_->connection_) == 0) {
    sqlite3_exec(database_->connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  database_->in_transaction_ = false;
  database_ = nullptr;
  return committed;
}

}  // namespace plumbline::db
