#include "keyserver/store/account_rows.h"

#include <algorithm>

#include "common/check.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {

using identity::Refuse;

absl::Status Advance(db::Database& database, absl::string_view user, uint64_t revision) {
  ASSIGN_OR_RETURN(
      db::Statement update,
      database.Prepare(
          "UPDATE account SET revision = revision + 1 WHERE user = ? AND revision = ?"));
  RETURN_IF_ERROR(update.Bind(1, user).Bind(2, static_cast<int64_t>(revision)).Run());
  if (database.changes() == 1) return absl::OkStatus();
  return Refuse(absl::StatusCode::kAborted, "state_changed",
                "the account has changed meanwhile; look again and repeat");
}

absl::Status InsertDevice(db::Database& database, const Device& device) {
  const auto in_use = [] {
    return Refuse(absl::StatusCode::kAlreadyExists, "key_in_use",
                  "a device has or had one of these keys; make new ones");
  };
  ASSIGN_OR_RETURN(
      db::Statement former,
      database.Prepare("SELECT 1 FROM revoked_device WHERE working_key = ? OR mls_key = ?"));
  ASSIGN_OR_RETURN(
      const bool revoked,
      former.Bind(1, ByteView(device.working_key)).Bind(2, ByteView(device.mls_key)).Step());
  if (revoked) return in_use();
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database.Prepare(
          "INSERT INTO device (id, user, label, working_key, mls_key, credential, enrolled_day, tls_key_hash) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(device.id))
                                    .Bind(2, absl::string_view(device.user))
                                    .Bind(3, absl::string_view(device.label))
                                    .Bind(4, ByteView(device.working_key))
                                    .Bind(5, ByteView(device.mls_key))
                                    .Bind(6, ByteView(device.credential))
                                    .Bind(7, int64_t{device.enrolled_day})
                                    .Bind(8, ByteView(device.tls_key_hash))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) return in_use();
  return inserted;
}

absl::Status CheckActive(db::Database& database, const identity::DeviceId& device) {
  ASSIGN_OR_RETURN(
      db::Statement find,
      database.Prepare(
          "SELECT a.suspended FROM device d JOIN account a ON a.user = d.user WHERE d.id = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(device)).Step());
  if (!found) {
    return Refuse(absl::StatusCode::kPermissionDenied, "device_revoked",
                  "this device was removed; it may be enrolled again as a new one");
  }
  if (find.Int64(0) == 0) return absl::OkStatus();
  return Refuse(absl::StatusCode::kPermissionDenied, "account_suspended",
                "the account is suspended; ask your administrator");
}

directory::Cause CauseOf(const IntentTrace& trace) {
  if (trace.joined) return directory::Activated{trace.cause, *trace.joined};
  return trace.cause;
}

directory::Cause CauseOf(const DecisionTrace& trace) {
  directory::Decided out;
  out.decision = trace.decision;
  CHECK(trace.signature.size() == out.signature.size());  // it was verified
  std::copy(trace.signature.begin(), trace.signature.end(), out.signature.begin());
  out.joined = trace.joined;
  return out;
}

}  // namespace plumbline::keyserver
