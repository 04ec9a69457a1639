#include "keyserver/store/sqlcipher_administrator_store.h"

#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

absl::Status RefuseCode(absl::string_view reason, absl::string_view text) {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, reason, text);
}

}  // namespace

absl::Status SqlcipherAdministratorStore::SetFirstCode(const Secret& mac_key, uint64_t expires_unix,
                                                       uint32_t attempts, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(
      db::Statement replace,
      database.Prepare("INSERT OR REPLACE INTO first_code (id, mac_key, expires_unix, attempts_left, used) "
                       "VALUES (1, ?, ?, ?, 0)"));
  RETURN_IF_ERROR(replace.Bind(1, mac_key.view())
                      .Bind(2, static_cast<int64_t>(expires_unix))
                      .Bind(3, int64_t{attempts})
                      .Run());
  return transaction.Commit();
}

absl::StatusOr<Secret> SqlcipherAdministratorStore::TakeAttempt(absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(
      db::Statement select,
      database.Prepare("SELECT mac_key, expires_unix, attempts_left, used FROM first_code WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return RefuseCode("code_wrong", "no code for a first administrator is open");
  if (select.Int64(3) != 0)
    return RefuseCode("code_used", "the code was used; the ceremony can issue another");
  if (select.Int64(2) <= 0)
    return RefuseCode("code_exhausted", "too many wrong attempts; the ceremony can issue another");
  if (absl::ToUnixSeconds(now) >= select.Int64(1)) {
    return RefuseCode("code_expired", "the code has expired; the ceremony can issue another");
  }
  Secret mac_key = Secret::CopyOf(select.Blob(0));
  select.Reset();
  RETURN_IF_ERROR(database.Execute("UPDATE first_code SET attempts_left = attempts_left - 1 WHERE id = 1"));
  RETURN_IF_ERROR(transaction.Commit());
  return mac_key;
}

absl::Status SqlcipherAdministratorStore::RegisterFirst(const Administrator& administrator,
                                                        const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  // The key to the code is overwritten: it has no further use.
  RETURN_IF_ERROR(
      database.Execute("UPDATE first_code SET used = 1, mac_key = x'' WHERE id = 1 AND used = 0"));
  if (database.changes() != 1)
    return RefuseCode("code_used", "the code was used; the ceremony can issue another");
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO administrator (key_id, name, public_key, registered_unix) "
                                    "VALUES (?, ?, ?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(administrator.key_id))
                                    .Bind(2, absl::string_view(administrator.name))
                                    .Bind(3, ByteView(administrator.public_key))
                                    .Bind(4, absl::ToUnixSeconds(clock_.Now()))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return identity::Refuse(absl::StatusCode::kAlreadyExists, "administrator_exists",
                            "this key is registered already");
  }
  RETURN_IF_ERROR(inserted);
  return transaction.Commit();
}

absl::StatusOr<std::optional<Administrator>> SqlcipherAdministratorStore::Find(const identity::Hash& key_id) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement select, connection_.database().Prepare(
                                             "SELECT name, public_key FROM administrator WHERE key_id = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(key_id)).Step());
  if (!found) return std::optional<Administrator>();
  Administrator out;
  out.key_id = key_id;
  out.name = std::string(select.Text(0));
  absl::StatusOr<identity::PublicKey> key = identity::ToFixed<32>(select.Blob(1));
  if (!key.ok()) return absl::DataLossError("a stored administrator's key has a wrong size");
  out.public_key = *key;
  return std::optional<Administrator>(std::move(out));
}

absl::Status SqlcipherAdministratorStore::RecordIntent(const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  return transaction.Commit();
}

}  // namespace plumbline::keyserver
