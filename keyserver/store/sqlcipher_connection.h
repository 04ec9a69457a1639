// The key server's database: one connection that all its stores share under one mutex, since there is one
// writer anyway.
#pragma once

#include <memory>
#include <string>

#include "common/audit/audit_log.h"
#include "common/clock.h"
#include "common/db/database.h"
#include "common/mutex.h"
#include "keyserver/store/directory_log.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

class SqlcipherConnection final {
 public:
  // Opens, creates where options say so, and migrates. Records that are older than the directory's log enter it as they are. A log
  // that was signed with the former key is signed anew, and key.rotated is recorded.
  // Codes as db::Database::Open, audit::AuditLog::Open and DirectoryLog::Begin. `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<SqlcipherConnection>> Open(const std::string& path,
                                                                   const db::Key& key, audit::LogKey log_key,
                                                                   DirectoryLogKeys directory_keys,
                                                                   const Clock& clock,
                                                                   const db::OpenOptions& options);

  Mutex& mutex() ABSL_LOCK_RETURNED(mutex_) { return mutex_; }
  db::Database& database() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return *database_; }
  DirectoryLog& directory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return directory_; }
  audit::AuditLog& audit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return audit_; }

  // The log is signed by its newest key alone from here on, and key.former_ended is recorded. Nothing where that is so already.
  absl::Status EndFormerLogKey() ABSL_LOCKS_EXCLUDED(mutex_);

  // Inside `transaction`: the intent's nonce, the intent where it is kept, and its audit event.
  // PERMISSION_DENIED intent_replayed.
  absl::Status Record(db::Transaction& transaction, const IntentTrace& trace)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same for a decision about a device, which is kept. FAILED_PRECONDITION join_decided.
  absl::Status Record(db::Transaction& transaction, const DecisionTrace& trace)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // A person's next record, in the directory and in its log. Its version is the one after the account's.
  absl::Status StoreRecord(db::Transaction& transaction, absl::string_view user, const SignedBytes& record,
                           const directory::Cause& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

 private:
  SqlcipherConnection(std::unique_ptr<db::Database> database, audit::LogKey log_key, DirectoryLogKeys directory_keys,
                      const Clock& clock)
      : log_key_(std::move(log_key)),
        directory_keys_(std::move(directory_keys)),
        database_(std::move(database)),
        directory_(*database_, directory_keys_),
        audit_(audit::AuditLog::Attach(*database_, clock, log_key_)) {}
  const audit::LogKey log_key_;
  Mutex mutex_;
  DirectoryLogKeys directory_keys_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<db::Database> database_ ABSL_GUARDED_BY(mutex_);
  DirectoryLog directory_ ABSL_GUARDED_BY(mutex_);
  audit::AuditLog audit_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::keyserver
