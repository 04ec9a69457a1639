// A service's own record of security events: a Merkle log in its database. Each record is signed together with the checkpoint
// over it in the transaction that writes it, so that a changed, removed or reordered record is found, and also a cut or
// rewritten end, by anybody who has the log's public key (docs/protocols/audit.md).
#pragma once

#include "common/audit/audit_reader.h"
#include "common/audit/log_key.h"
#include "common/audit/record.h"
#include "common/clock.h"
#include "common/db/database.h"
#include "common/status.h"

namespace plumbline::audit {

// Over one connection, and as little thread-safe as that. Several over several connections to one database are fine: the log
// grows under the write lock.
class AuditLog final {
 public:
  // Makes its tables where there is no record at all. FAILED_PRECONDITION audit_key_missing if there is a chain of an earlier
  // version: only MigrateChain, which an operator starts by hand, may sign what nobody signed before. Codes as Database.
  static absl::StatusOr<AuditLog> Open(db::Database& database, const Clock& clock, const LogKey& key);
  // The same on a database that Open has seen; touches nothing, so it may be inside a transaction.
  static AuditLog Attach(db::Database& database, const Clock& clock, const LogKey& key) { return AuditLog(database, clock, key); }

  // A privileged action is recorded first. Append: durable on return, in a transaction of its own; INTERNAL if one is open on
  // this connection. AppendIn: part of the caller's transaction, so record and effect are durable together or not at all.
  // INVALID_ARGUMENT if a text or the details are above the limits. DATA_LOSS audit_broken, with the first wrong record, if the
  // end of the log is not what its own last checkpoint says: it signs nothing that contradicts what it signed before. Returns
  // the record's sequence.
  absl::StatusOr<uint64_t> Append(const Entry& entry);
  absl::StatusOr<uint64_t> AppendIn(db::Transaction& transaction, const Entry& entry);

  AuditReader reader() const { return AuditReader(database_, key_.verifier()); }

 private:
  AuditLog(db::Database& database, const Clock& clock, const LogKey& key) : database_(database), clock_(clock), key_(key) {}
  absl::StatusOr<uint64_t> CheckedSize();
  db::Database& database_;
  const Clock& clock_;
  const LogKey& key_;
};

// Turns the chain of an earlier version into a log signed by `key`, in one transaction. Nothing to do where there is no chain.
// DATA_LOSS audit_broken if the chain itself is broken: it is not signed, and nothing changes.
absl::Status MigrateChain(db::Database& database, const LogKey& key);

// Signs each record and the checkpoint anew by `after`, in the caller's transaction. DATA_LOSS audit_broken if the record does not
// verify under `before`: what was not signed before is not signed now.
absl::Status SignAnew(db::Transaction& transaction, const LogKey& before, const LogKey& after);

}  // namespace plumbline::audit
