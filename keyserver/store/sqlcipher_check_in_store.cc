#include "keyserver/store/sqlcipher_check_in_store.h"

#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

absl::Status Copied() {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "store_copied",
                          "another copy of this device's folder was used after this one; use that one, or enrol this as a new device");
}

absl::Status RolledBack() {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "store_rolled_back",
                          "this device's folder is older than one that was used: a backup that was put back, or a copy whose original goes "
                          "on elsewhere; use the newer one, or enrol this as a new device");
}

}  // namespace

absl::Status SqlcipherCheckInStore::Take(const identity::DeviceId& device, const CheckIn& check_in, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  db::Database& database = transaction.database();
  RETURN_IF_ERROR(CheckActive(database, device));
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT generation, state FROM check_in WHERE device = ?"));
    ASSIGN_OR_RETURN(const bool known, select.Bind(1, ByteView(device)).Step());
    if (known) {
      const auto last = static_cast<uint64_t>(select.Int64(0));
      if (check_in.generation == last && Equal(select.Blob(1), check_in.next)) return absl::OkStatus();
      if (check_in.generation < last) return RolledBack();
      if (check_in.generation == last) return Copied();
      if (check_in.generation == last + 1 && !Equal(select.Blob(1), check_in.previous)) return Copied();
      if (check_in.generation > last + 1) RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
    }
  }
  ASSIGN_OR_RETURN(db::Statement replace,
                   database.Prepare("INSERT OR REPLACE INTO check_in (device, generation, state) VALUES (?, ?, ?)"));
  RETURN_IF_ERROR(replace.Bind(1, ByteView(device))
                      .Bind(2, static_cast<int64_t>(check_in.generation))
                      .Bind(3, ByteView(check_in.next))
                      .Run());
  return transaction.Commit();
}

absl::Status SqlcipherCheckInStore::ForgetRemoved() {
  MutexLock lock(connection_.mutex());
  return connection_.database().Execute("DELETE FROM check_in WHERE device NOT IN (SELECT id FROM device)");
}

}  // namespace plumbline::keyserver
