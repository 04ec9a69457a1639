#include "keyserver/store/sqlcipher_departure_store.h"

#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

using identity::DeviceId;
using identity::Refuse;

// Runs `sql`, whose one parameter is `value`.
template <typename Value>
absl::Status RunWith(db::Database& database, absl::string_view sql, const Value& value) {
  ASSIGN_OR_RETURN(db::Statement statement, database.Prepare(sql));
  return statement.Bind(1, value).Run();
}

absl::StatusOr<std::vector<DeviceId>> Leavers(db::Database& database, const Departure& departure) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT id FROM device WHERE user = ?"));
  select.Bind(1, absl::string_view(departure.user));
  std::vector<DeviceId> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    ASSIGN_OR_RETURN(const DeviceId id, identity::ToFixed<16>(select.Blob(0)));
    if (!departure.device || *departure.device == id) out.push_back(id);
  }
  if (departure.device && out.empty()) {
    return Refuse(absl::StatusCode::kNotFound, "device_unknown", "this person has no such device");
  }
  return out;
}

absl::Status ReadDrawn(db::Database& database, const DeviceId& device, std::vector<DrawnGrant>& out) {
  ASSIGN_OR_RETURN(
      db::Statement grants,
      database.Prepare("SELECT sealed, expires_day FROM drawn_grant WHERE device = ?"));
  grants.Bind(1, ByteView(device));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, grants.Step());
    if (!more) break;
    out.push_back({ToBytes(grants.Blob(0)), static_cast<uint32_t>(grants.Int64(1))});
  }
  return absl::OkStatus();
}

// What it drew is in the queue by now, or was never drawn.
absl::Status EndSupplies(db::Database& database, const DeviceId& device) {
  RETURN_IF_ERROR(RunWith(database, "DELETE FROM drawn_grant WHERE device = ?", ByteView(device)));
  RETURN_IF_ERROR(
      RunWith(database, "DELETE FROM device_invitation WHERE device = ?", ByteView(device)));
  RETURN_IF_ERROR(RunWith(database, "DELETE FROM join_request WHERE invited_by = ? AND state = 0",
                          ByteView(device)));
  // The hash stays, so that no package comes back.
  return RunWith(database, "UPDATE key_package SET message = NULL WHERE device = ?",
                 ByteView(device));
}

absl::Status EndDevice(db::Database& database, const DeviceId& device) {
  RETURN_IF_ERROR(RunWith(database,
                          "INSERT INTO revoked_device (id, user, working_key, mls_key, credential) "
                          "SELECT id, user, working_key, mls_key, credential FROM device WHERE id = ?",
                          ByteView(device)));
  RETURN_IF_ERROR(RunWith(database, "DELETE FROM key_package WHERE device = ?", ByteView(device)));
  return RunWith(database, "DELETE FROM device WHERE id = ?", ByteView(device));
}

absl::Status EndInvitations(db::Database& database, absl::string_view user) {
  RETURN_IF_ERROR(RunWith(database, "UPDATE enrolment_code SET void = 1 WHERE user = ?", user));
  RETURN_IF_ERROR(RunWith(database, "DELETE FROM device_invitation WHERE user = ?", user));
  return RunWith(database, "DELETE FROM join_request WHERE user = ?", user);
}

absl::Status Queue(db::Database& database, absl::string_view user,
                   const identity::RevokedItems& items) {
  uint32_t keep_until = 0;
  for (const auto& grant : items.grants) keep_until = std::max(keep_until, grant.expires_day);
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database.Prepare(
          "INSERT INTO revocation (user, items, keep_until_day, confirmed) VALUES (?, ?, ?, 0)"));
  return insert.Bind(1, user).Bind(2, ByteView(Encode(items))).Bind(3, int64_t{keep_until}).Run();
}

absl::StatusOr<std::optional<QueuedRevocation>> ReadOne(db::Database& database,
                                                        absl::string_view sql) {
  QueuedRevocation out;
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare(sql));
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return std::optional<QueuedRevocation>();
    out.sequence = static_cast<uint64_t>(select.Int64(0));
    out.items = ToBytes(select.Blob(1));
  }
  ASSIGN_OR_RETURN(
      db::Statement before,
      database.Prepare("SELECT IFNULL(MAX(sequence), 0) FROM revocation WHERE sequence < ?"));
  RETURN_IF_ERROR(before.Bind(1, static_cast<int64_t>(out.sequence)).Step().status());
  out.previous = static_cast<uint64_t>(before.Int64(0));
  return std::optional<QueuedRevocation>(std::move(out));
}

}  // namespace

template <typename Trace>
absl::Status SqlcipherDepartureStore::DepartWith(const Departure& departure, const Trace& trace,
                                                 const TakeAway& take) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  RETURN_IF_ERROR(Advance(database, departure.user, departure.revision));
  ASSIGN_OR_RETURN(const std::vector<DeviceId> leavers, Leavers(database, departure));
  std::vector<DrawnGrant> drawn;
  for (const DeviceId& device : leavers) RETURN_IF_ERROR(ReadDrawn(database, device, drawn));
  ASSIGN_OR_RETURN(const std::vector<identity::RevokedItems> taken, take(drawn));
  for (const identity::RevokedItems& items : taken)
    RETURN_IF_ERROR(Queue(database, departure.user, items));
  for (const DeviceId& device : leavers) {
    RETURN_IF_ERROR(EndSupplies(database, device));
    if (departure.what != Leaving::kSuspension) RETURN_IF_ERROR(EndDevice(database, device));
  }
  if (departure.what != Leaving::kDevice) RETURN_IF_ERROR(EndInvitations(database, departure.user));
  if (departure.what == Leaving::kSuspension) {
    RETURN_IF_ERROR(RunWith(database, "UPDATE account SET suspended = 1 WHERE user = ?",
                            absl::string_view(departure.user)));
  }
  if (departure.what == Leaving::kRemoval) {
    RETURN_IF_ERROR(RunWith(database, "UPDATE account SET removed = 1 WHERE user = ?",
                            absl::string_view(departure.user)));
  }
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, departure.user, departure.record, CauseOf(trace)));
  return transaction.Commit();
}

absl::Status SqlcipherDepartureStore::Depart(const Departure& departure, const IntentTrace& trace,
                                             const TakeAway& take) {
  return DepartWith(departure, trace, take);
}

absl::Status SqlcipherDepartureStore::Depart(const Departure& departure, const DecisionTrace& trace,
                                             const TakeAway& take) {
  return DepartWith(departure, trace, take);
}

absl::StatusOr<std::optional<QueuedRevocation>> SqlcipherDepartureStore::NextPending() {
  MutexLock lock(connection_.mutex());
  return ReadOne(
      connection_.database(),
      "SELECT sequence, items FROM revocation WHERE confirmed = 0 ORDER BY sequence LIMIT 1");
}

absl::StatusOr<std::optional<QueuedRevocation>> SqlcipherDepartureStore::Newest() {
  MutexLock lock(connection_.mutex());
  return ReadOne(connection_.database(),
                 "SELECT sequence, items FROM revocation ORDER BY sequence DESC LIMIT 1");
}

absl::Status SqlcipherDepartureStore::Confirm(uint64_t sequence, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(RunWith(database, "UPDATE revocation SET confirmed = 1 WHERE sequence = ?",
                          static_cast<int64_t>(sequence)));
  return transaction.Commit();
}

absl::Status SqlcipherDepartureStore::Rewind(uint64_t sequence) {
  MutexLock lock(connection_.mutex());
  return RunWith(connection_.database(), "UPDATE revocation SET confirmed = 0 WHERE sequence > ?",
                 static_cast<int64_t>(sequence));
}

absl::StatusOr<RevocationCount> SqlcipherDepartureStore::Count(absl::string_view user) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(
      db::Statement count,
      connection_.database().Prepare(
          "SELECT IFNULL(SUM(confirmed <> 0), 0), IFNULL(SUM(confirmed = 0), 0) FROM revocation WHERE user = ?"));
  RETURN_IF_ERROR(count.Bind(1, user).Step().status());
  return RevocationCount{static_cast<uint32_t>(count.Int64(0)),
                         static_cast<uint32_t>(count.Int64(1))};
}

}  // namespace plumbline::keyserver
