// One encrypted SQLite database (SQLCipher) through one connection. It fails closed: without a cipher, on a plain file,
// with a wrong key or a page that was changed there is no connection, only a status that says why.
//
// Fixed settings: raw 256-bit key, page 4096 bytes, WAL with synchronous=FULL (a returned Commit() is on disk),
// secure_delete, foreign keys enforced, temporary tables in memory, autocheckpoint at 10,000 pages.
// The engine may be SQLite 3.15.2: no UPSERT, RETURNING, STRICT, JSON, window functions.
//
// NOT thread-safe: one connection for each thread that works at the same time (see OpenOptions::exclusive).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace plumbline::db {

// A database key: 32 raw bytes, never a passphrase. Move-only.
class Key final {
 public:
  static constexpr size_t kSize = 32;
  static Key Random() { return Key(Secret::Random(kSize)); }
  // INVALID_ARGUMENT unless `bytes` is 32 bytes.
  static absl::StatusOr<Key> FromSecret(Secret&& bytes);
  static Key CopyOf(const Key& key) { return Key(Secret::CopyOf(key.view())); }
  ByteView view() const { return bytes_.view(); }

 private:
  explicit Key(Secret&& bytes) : bytes_(std::move(bytes)) {}
  Secret bytes_;
};

struct OpenOptions {
  // False: NOT_FOUND if the file is not there yet.
  bool create = true;
  // Takes the lock file `<path>.lock`: no other process opens this database meanwhile. The first connection of a process
  // takes it; its further connections to the same file say false and must not outlive the first.
  bool exclusive = true;
  // How long a statement waits for another connection's write before it fails with ABORTED.
  absl::Duration busy_timeout = absl::Seconds(5);
};

struct Migration {
  const char* name;  // for error texts
  const char* sql;   // one or more statements; runs in a transaction of its own
};

class Statement;

// Codes of everything that runs SQL (Statement, Transaction, Execute):
//   ALREADY_EXISTS  a unique or primary key is taken      FAILED_PRECONDITION  another constraint
//   ABORTED  another connection holds the database too long: retry the whole transaction
//   RESOURCE_EXHAUSTED  the disk is full                   DATA_LOSS  a page was changed or damaged
//   UNAVAILABLE  the file cannot be read or written        INTERNAL  wrong SQL: our bug
class Database final {
 public:
  // Opens or creates `path` (mode 0600).
  //   FAILED_PRECONDITION  already open elsewhere; not an encrypted database; the library has no cipher
  //   PERMISSION_DENIED  the key does not open it (or its first page is damaged: they cannot be told apart)
  //   DATA_LOSS  it opened, and a page is damaged            UNAVAILABLE  the file cannot be read or written
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, const Key& key,
                                                        const OpenOptions& options = OpenOptions());
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // A statement ready to bind. Compiled once for each SQL text and kept; returned to the cache when destroyed, which
  // must be before the database. `sql` is a constant of the program: values are bound, never pasted.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // One statement without parameters whose rows, if any, are of no interest.
  absl::Status Execute(absl::string_view sql);
  // Rows changed by the last INSERT, UPDATE or DELETE.
  int64_t changes() const;
  // Rows that this connection ever inserted, changed or deleted.
  int64_t total_changes() const;
  // False where the engine has given up a transaction by itself: a full disk, a broken file.
  bool transaction_is_open() const;
  int64_t last_insert_rowid() const;

  // Brings the schema from its stored version to migrations.size(), each step in its own transaction.
  // FAILED_PRECONDITION if the stored version is newer than this program knows: nothing is changed.
  absl::Status Migrate(std::span<const Migration> migrations);
  absl::StatusOr<int> SchemaVersion();

  // Moves the whole write-ahead log into the database and truncates it: what was deleted is then gone from both.
  // ABORTED if a reader is in the way.
  absl::Status Checkpoint();
  // Reads every page. DATA_LOSS with the first finding.
  absl::Status CheckIntegrity();

  // A consistent copy under `key`, which may differ. `path` must not exist. The copy is made beside it, verified to be
  // encrypted and whole, and only then renamed. ALREADY_EXISTS; the codes above; nothing is left behind on failure.
  absl::Status BackupTo(const std::string& path, const Key& key);

  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  friend class Transaction;
  friend class Salvage;  // salvage.cc
  class FileLock;
  Database(std::string path, std::unique_ptr<FileLock> lock);
  absl::Status Connect(const Key& key, const OpenOptions& options);
  absl::Status ApplyKey(const Key& key);
  absl::Status Configure();
  absl::Status CopyInto(Database& target);
  absl::StatusOr<std::string> QueryText(absl::string_view sql);
  void GiveBack(sqlite3_stmt* statement);

  const std::string path_;
  std::unique_ptr<FileLock> lock_;
  sqlite3* connection_ = nullptr;
  bool in_transaction_ = false;
  absl::flat_hash_map<std::string, sqlite3_stmt*> idle_;  // compiled, not in use
};

// A compiled statement on loan. Parameters count from 1, columns from 0. A failed Bind is reported by the next Step.
// Move-only; a moved-from statement may only be destroyed.
class Statement final {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, absl::string_view text);
  Statement& Bind(int index, ByteView blob);  // also the empty blob, which is not null
  Statement& BindNull(int index);

  // True: a row is ready. False: there are no more.
  absl::StatusOr<bool> Step();
  // Steps a statement that yields no rows to its end. INTERNAL if it does yield one.
  absl::Status Run();
  // Ready to be bound and run again; bindings are cleared.
  void Reset();

  // The current row's columns. Views are borrowed until the next Step, Reset or destruction.
  int64_t Int64(int column) const;
  absl::string_view Text(int column) const;
  ByteView Blob(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  Statement& Keep(int result);
  Database* database_;
  sqlite3_stmt* statement_;
  int bind_result_ = 0;
};

// BEGIN IMMEDIATE: from here on this connection is the only writer. Rolled back when destroyed without Commit().
// One at a time for each connection; a second is INTERNAL.
class Transaction final {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  // On return with OK all of it is on disk; with any other status none of it is, now or after a restart.
  absl::Status Commit();
  Database& database() const { return *database_; }

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace plumbline::db
