#include "client/store/store.h"

#include "client/store/schema.h"

namespace plumbline::client {

absl::Status Change::Commit() {
  if (*observer_) (*observer_)(false);
  RETURN_IF_ERROR(transaction_.Commit());
  if (*observer_) (*observer_)(true);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path, const db::Key& key, bool create) {
  db::OpenOptions options;
  options.create = create;
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path, key, options));
  RETURN_IF_ERROR(database->Migrate(kMigrations));
  return std::unique_ptr<Store>(new Store(std::move(database)));
}

absl::StatusOr<Change> Store::Begin() {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
  return Change(std::move(transaction), observer_);
}

}  // namespace plumbline::client
