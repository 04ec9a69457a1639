// The client's encrypted store: one SQLCipher file, one connection, one process. The tables are reached through the narrow
// classes beside this one; whatever changes together is written in one Change.
// Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/db/database.h"
#include "common/status.h"

namespace plumbline::client {

// Called around each commit: with false before it, with true once it is on disk. Tests stop the process there.
using CommitObserver = std::function<void(bool durable)>;

// One transaction. Functions that write take it, so nothing can be written outside one. Rolled back when destroyed
// without Commit().
class Change final {
 public:
  Change(Change&&) noexcept = default;
  // On return with OK all of it is on disk; with any other status none of it is.
  absl::Status Commit();
  db::Database& db() const { return transaction_.database(); }

 private:
  friend class Store;
  Change(db::Transaction transaction, const CommitObserver& observer)
      : transaction_(std::move(transaction)), observer_(&observer) {}
  db::Transaction transaction_;
  const CommitObserver* observer_;
};

class Store final {
 public:
  // Opens `path`, makes it if `create`, and brings its tables up to date. Codes as db::Database::Open and Migrate.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path, const db::Key& key, bool create);

  absl::StatusOr<Change> Begin();
  db::Database& db() { return *database_; }
  void ObserveCommits(CommitObserver observer) { observer_ = std::move(observer); }

 private:
  explicit Store(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
  CommitObserver observer_;
};

}  // namespace plumbline::client
