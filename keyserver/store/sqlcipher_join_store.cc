#include "keyserver/store/sqlcipher_join_store.h"

#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

int64_t Seconds(absl::Time time) { return absl::ToUnixSeconds(time); }

constexpr char kColumns[] =
    "SELECT hash, user, device_id, invited_by, request, asked_unix, expires_unix, state, "
    "tls_certificate "
    "FROM join_request ";

absl::StatusOr<Join> Read(const db::Statement& row) {
  Join out;
  const auto hash = identity::ToFixed<32>(row.Blob(0));
  const auto device = identity::ToFixed<16>(row.Blob(2));
  const auto invited_by = identity::ToFixed<16>(row.Blob(3));
  if (!hash.ok() || !device.ok() || !invited_by.ok())
    return absl::DataLossError("a stored id has a wrong size");
  out.hash = *hash;
  out.user = std::string(row.Text(1));
  out.device_id = *device;
  out.invited_by = *invited_by;
  out.request = ToBytes(row.Blob(4));
  out.asked_unix = row.Int64(5);
  out.expires_unix = row.Int64(6);
  out.state = static_cast<JoinState>(row.Int64(7));
  out.tls_certificate = ToBytes(row.Blob(8));
  return out;
}

// Takes a request that waits to `state`.
absl::Status Decide(db::Database& database, const identity::Hash& hash, JoinState state,
                    ByteView tls_certificate, absl::Time now) {
  ASSIGN_OR_RETURN(db::Statement update,
                   database.Prepare("UPDATE join_request SET state = ?, tls_certificate = ? "
                                    "WHERE hash = ? AND state = 0 AND expires_unix > ?"));
  RETURN_IF_ERROR(update.Bind(1, static_cast<int64_t>(state))
                      .Bind(2, tls_certificate)
                      .Bind(3, ByteView(hash))
                      .Bind(4, Seconds(now))
                      .Run());
  if (database.changes() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(db::Statement why,
                   database.Prepare("SELECT state FROM join_request WHERE hash = ?"));
  ASSIGN_OR_RETURN(const bool there, why.Bind(1, ByteView(hash)).Step());
  if (there && why.Int64(0) != 0) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "join_decided",
                            "this was decided before; look at `plumbline devices`");
  }
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "join_expired",
                          "the new device has waited too long; make a new invitation");
}

}  // namespace

absl::Status SqlcipherJoinStore::Invite(absl::string_view user, const identity::DeviceId& device,
                                        const EnrolmentCode& code, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(CheckActive(database, device));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(
      db::Statement replace,
      database.Prepare(
          "INSERT OR REPLACE INTO device_invitation (user, device, code_key, expires_unix, "
          "attempts_left, used) VALUES (?, ?, ?, ?, ?, 0)"));
  RETURN_IF_ERROR(replace.Bind(1, user)
                      .Bind(2, ByteView(device))
                      .Bind(3, ByteView(code.key))
                      .Bind(4, static_cast<int64_t>(code.expires_unix))
                      .Bind(5, int64_t{code.attempts})
                      .Run());
  return transaction.Commit();
}

absl::StatusOr<JoinStore::Tried> SqlcipherJoinStore::TryInvitation(absl::string_view user,
                                                                   const identity::PublicKey& key,
                                                                   absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(
      db::Statement select,
      database.Prepare(
          "SELECT code_key, expires_unix, attempts_left, used, device FROM device_invitation "
          "WHERE user = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, user).Step());
  if (!found) return Tried{};
  const bool matches = ConstantTimeEqual(select.Blob(0), key);
  const bool expired = Seconds(now) >= select.Int64(1);
  const bool exhausted = select.Int64(2) <= 0;
  const bool used = select.Int64(3) != 0;
  ASSIGN_OR_RETURN(const identity::DeviceId device, identity::ToFixed<16>(select.Blob(4)));
  if (matches && used) return Tried{CodeVerdict::kUsed, device};
  if (used) return Tried{};
  if (exhausted) return Tried{CodeVerdict::kExhausted, device};
  if (matches) return Tried{expired ? CodeVerdict::kExpired : CodeVerdict::kGood, device};
  select.Reset();
  ASSIGN_OR_RETURN(
      db::Statement burn,
      database.Prepare(
          "UPDATE device_invitation SET attempts_left = attempts_left - 1 WHERE user = ?"));
  RETURN_IF_ERROR(burn.Bind(1, user).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return Tried{};
}

absl::Status SqlcipherJoinStore::Ask(const Join& join, const identity::PublicKey& code_key,
                                     absl::Time now, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(
      db::Statement use,
      database.Prepare(
          "UPDATE device_invitation SET used = 1 WHERE user = ? AND code_key = ? AND used = 0 "
          "AND attempts_left > 0 AND expires_unix > ?"));
  RETURN_IF_ERROR(use.Bind(1, absl::string_view(join.user))
                      .Bind(2, ByteView(code_key))
                      .Bind(3, Seconds(now))
                      .Run());
  if (database.changes() != 1) {
    return identity::Refuse(absl::StatusCode::kUnauthenticated, "code_used",
                            "the invitation was used or replaced; make a new one");
  }
  ASSIGN_OR_RETURN(
      db::Statement count,
      database.Prepare(
          "SELECT COUNT(*) FROM join_request WHERE user = ? AND state = 0 AND expires_unix > ?"));
  RETURN_IF_ERROR(
      count.Bind(1, absl::string_view(join.user)).Bind(2, Seconds(now)).Step().status());
  if (count.Int64(0) >= kMaxWaitingJoins) {
    return identity::Refuse(absl::StatusCode::kResourceExhausted, "too_many_join_requests",
                            "four devices of this person wait already; decide about them first");
  }
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database.Prepare(
          "INSERT INTO join_request (hash, user, device_id, invited_by, request, asked_unix, "
          "expires_unix, state, tls_certificate) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(join.hash))
                                    .Bind(2, absl::string_view(join.user))
                                    .Bind(3, ByteView(join.device_id))
                                    .Bind(4, ByteView(join.invited_by))
                                    .Bind(5, ByteView(join.request))
                                    .Bind(6, join.asked_unix)
                                    .Bind(7, join.expires_unix)
                                    .Bind(8, ByteView())
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return identity::Refuse(absl::StatusCode::kAlreadyExists, "key_in_use",
                            "a device asked with these keys before; make new ones");
  }
  RETURN_IF_ERROR(inserted);
  return transaction.Commit();
}

absl::StatusOr<std::optional<Join>> SqlcipherJoinStore::Find(const identity::Hash& hash) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement select,
                   connection_.database().Prepare(std::string(kColumns) + "WHERE hash = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(hash)).Step());
  if (!found) return std::optional<Join>();
  ASSIGN_OR_RETURN(Join join, Read(select));
  return std::optional<Join>(std::move(join));
}

absl::StatusOr<std::vector<Join>> SqlcipherJoinStore::Waiting(absl::string_view user,
                                                              absl::Time now) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(
      db::Statement select,
      connection_.database().Prepare(
          std::string(kColumns) +
          "WHERE user = ? AND state = 0 AND expires_unix > ? ORDER BY asked_unix, hash"));
  select.Bind(1, user).Bind(2, Seconds(now));
  std::vector<Join> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    ASSIGN_OR_RETURN(Join join, Read(select));
    out.push_back(std::move(join));
  }
}

template <typename Trace>
absl::Status SqlcipherJoinStore::LetIn(const identity::Hash& hash, const Device& device, ByteView tls_certificate,
                                       uint64_t revision, const SignedBytes& record, absl::Time now, const Trace& trace) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  RETURN_IF_ERROR(Decide(database, hash, JoinState::kApproved, tls_certificate, now));
  RETURN_IF_ERROR(Advance(database, device.user, revision));
  RETURN_IF_ERROR(InsertDevice(database, device));
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, device.user, record, CauseOf(trace)));
  return transaction.Commit();
}

absl::Status SqlcipherJoinStore::Approve(const identity::Hash& hash, const Device& device, ByteView tls_certificate,
                                         uint64_t revision, const SignedBytes& record, absl::Time now, const DecisionTrace& trace) {
  return LetIn(hash, device, tls_certificate, revision, record, now, trace);
}

absl::Status SqlcipherJoinStore::Activate(const identity::Hash& hash, const Device& device, ByteView tls_certificate,
                                          uint64_t revision, const SignedBytes& record, absl::Time now, const IntentTrace& trace) {
  return LetIn(hash, device, tls_certificate, revision, record, now, trace);
}

absl::Status SqlcipherJoinStore::Refuse(const identity::Hash& hash, absl::Time now,
                                        const DecisionTrace& trace) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  RETURN_IF_ERROR(Decide(connection_.database(), hash, JoinState::kRefused, {}, now));
  return transaction.Commit();
}

}  // namespace plumbline::keyserver
