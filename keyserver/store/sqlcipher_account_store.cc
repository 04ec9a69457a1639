#include "keyserver/store/sqlcipher_account_store.h"

#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

int64_t Seconds(absl::Time time) { return absl::ToUnixSeconds(time); }

// Stored bytes that must have their size: anything else is damage.
template <size_t N>
absl::Status Take(ByteView stored, identity::Fixed<N>& out) {
  absl::StatusOr<identity::Fixed<N>> fixed = identity::ToFixed<N>(stored);
  if (!fixed.ok()) return absl::DataLossError("a stored key or id has a wrong size");
  out = *fixed;
  return absl::OkStatus();
}

constexpr char kDeviceColumns[] =
    "SELECT id, user, label, working_key, mls_key, credential, enrolled_day, tls_key_hash FROM device ";

absl::StatusOr<Device> ReadDevice(const db::Statement& row) {
  Device out;
  RETURN_IF_ERROR(Take(row.Blob(0), out.id));
  out.user = std::string(row.Text(1));
  out.label = std::string(row.Text(2));
  RETURN_IF_ERROR(Take(row.Blob(3), out.working_key));
  RETURN_IF_ERROR(Take(row.Blob(4), out.mls_key));
  out.credential = ToBytes(row.Blob(5));
  out.enrolled_day = static_cast<uint32_t>(row.Int64(6));
  out.tls_key_hash = ToBytes(row.Blob(7));
  return out;
}

absl::Status ReadDevices(db::Database& database, Account& account) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare(std::string(kDeviceColumns) + "WHERE user = ? ORDER BY id"));
  select.Bind(1, absl::string_view(account.user));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    ASSIGN_OR_RETURN(Device device, ReadDevice(select));
    account.devices.push_back(std::move(device));
  }
}

constexpr char kAccountColumns[] =
    "SELECT a.user, a.display_name, a.proofing_level, a.proofing_reference, a.suspended, a.revision, "
    "r.record, r.signature, a.removed, "
    "EXISTS (SELECT 1 FROM device d WHERE d.user = a.user) OR EXISTS (SELECT 1 FROM revoked_device v WHERE v.user = a.user) "
    "FROM account a JOIN directory_record r ON r.user = a.user AND r.version = a.record_version ";

Account ReadAccount(const db::Statement& row) {
  Account out;
  out.user = std::string(row.Text(0));
  out.display_name = std::string(row.Text(1));
  out.proofing_level = std::string(row.Text(2));
  out.proofing_reference = std::string(row.Text(3));
  out.suspended = row.Int64(4) != 0;
  out.revision = static_cast<uint64_t>(row.Int64(5));
  out.record = SignedBytes{ToBytes(row.Blob(6)), ToBytes(row.Blob(7))};
  out.removed = row.Int64(8) != 0;
  out.has_enrolled = row.Int64(9) != 0;
  return out;
}

// What issued a person's code; none for a code that is older than the directory's log.
absl::StatusOr<directory::SignedIntent> ReadCodeCause(db::Database& database, absl::string_view user) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT cause FROM enrolment_code WHERE user = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, user).Step());
  const absl::StatusOr<directory::Cause> cause = directory::ParseCause(found ? select.Blob(0) : ByteView());
  if (!cause.ok() || !std::holds_alternative<directory::SignedIntent>(*cause))
    return absl::DataLossError("what issued a code is damaged");
  return std::get<directory::SignedIntent>(*cause);
}

absl::Status WriteCode(db::Database& database, absl::string_view user, const EnrolmentCode& code,
                       const directory::SignedIntent& cause) {
  ASSIGN_OR_RETURN(db::Statement former, database.Prepare("DELETE FROM device_invitation WHERE user = ? AND device = ?"));
  RETURN_IF_ERROR(former.Bind(1, user).Bind(2, ByteView(kByRegistrar)).Run());
  ASSIGN_OR_RETURN(
      db::Statement replace,
      database.Prepare(
          "INSERT OR REPLACE INTO enrolment_code (user, code_key, expires_unix, attempts_left, used, void, cause) "
          "VALUES (?, ?, ?, ?, 0, 0, ?)"));
  return replace.Bind(1, user)
      .Bind(2, ByteView(code.key))
      .Bind(3, static_cast<int64_t>(code.expires_unix))
      .Bind(4, int64_t{code.attempts})
      .Bind(5, ByteView(directory::Encode(cause)))
      .Run();
}

// Where the invitations by devices are: it lets a device ask.
absl::Status WriteAttendedCode(db::Database& database, absl::string_view user, const EnrolmentCode& code) {
  ASSIGN_OR_RETURN(db::Statement former, database.Prepare("DELETE FROM enrolment_code WHERE user = ?"));
  RETURN_IF_ERROR(former.Bind(1, user).Run());
  ASSIGN_OR_RETURN(db::Statement replace,
                   database.Prepare("INSERT OR REPLACE INTO device_invitation (user, device, code_key, expires_unix, attempts_left, used) "
                                    "VALUES (?, ?, ?, ?, ?, 0)"));
  return replace.Bind(1, user)
      .Bind(2, ByteView(kByRegistrar))
      .Bind(3, ByteView(code.key))
      .Bind(4, static_cast<int64_t>(code.expires_unix))
      .Bind(5, int64_t{code.attempts})
      .Run();
}

}  // namespace

absl::Status SqlcipherAccountStore::Create(const Account& account, const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database.Prepare("INSERT INTO account (user, display_name, proofing_level, proofing_reference, "
                       "suspended, revision, record_version) VALUES (?, ?, ?, ?, 0, 1, 0)"));
  const absl::Status inserted = insert.Bind(1, absl::string_view(account.user))
                                    .Bind(2, absl::string_view(account.display_name))
                                    .Bind(3, absl::string_view(account.proofing_level))
                                    .Bind(4, absl::string_view(account.proofing_reference))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return Refuse(absl::StatusCode::kAlreadyExists, "account_exists",
                  "there is an account of that name already");
  }
  RETURN_IF_ERROR(inserted);
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, account.user, account.record, CauseOf(trace)));
  return transaction.Commit();
}

absl::StatusOr<Account> SqlcipherAccountStore::Find(absl::string_view user) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement select,
                   connection_.database().Prepare(std::string(kAccountColumns) + "WHERE a.user = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, user).Step());
  if (!found) return absl::NotFoundError("no such account");
  Account out = ReadAccount(select);
  RETURN_IF_ERROR(ReadDevices(connection_.database(), out));
  return out;
}

absl::StatusOr<std::vector<Account>> SqlcipherAccountStore::List() {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement select,
                   connection_.database().Prepare(std::string(kAccountColumns) + "ORDER BY a.user"));
  std::vector<Account> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    out.push_back(ReadAccount(select));
  }
  for (Account& account : out) RETURN_IF_ERROR(ReadDevices(connection_.database(), account));
  return out;
}

absl::Status SqlcipherAccountStore::Reactivate(absl::string_view user, uint64_t revision, const SignedBytes& record,
                                               const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  RETURN_IF_ERROR(Advance(database, user, revision));
  ASSIGN_OR_RETURN(db::Statement update,
                   database.Prepare("UPDATE account SET suspended = 0 WHERE user = ? AND removed = 0"));
  RETURN_IF_ERROR(update.Bind(1, user).Run());
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, user, record, CauseOf(trace)));
  return transaction.Commit();
}

absl::Status SqlcipherAccountStore::IssueCode(absl::string_view user, uint64_t revision,
                                              const EnrolmentCode& code, const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  RETURN_IF_ERROR(Advance(database, user, revision));
  RETURN_IF_ERROR(code.attended ? WriteAttendedCode(database, user, code) : WriteCode(database, user, code, trace.cause));
  return transaction.Commit();
}

absl::StatusOr<CodeVerdict> SqlcipherAccountStore::TryCode(absl::string_view user, const identity::PublicKey& key,
                                                           absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(
      db::Statement select,
      database.Prepare("SELECT code_key, expires_unix, attempts_left, used, void FROM enrolment_code WHERE user = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, user).Step());
  if (!found) return CodeVerdict::kWrong;
  const bool matches = ConstantTimeEqual(select.Blob(0), key);
  const bool expired = Seconds(now) >= select.Int64(1);
  const bool exhausted = select.Int64(2) <= 0;
  const bool used = select.Int64(3) != 0;
  if (select.Int64(4) != 0) return matches ? CodeVerdict::kWithdrawn : CodeVerdict::kWrong;
  if (matches && used) return CodeVerdict::kUsed;
  if (used) return CodeVerdict::kWrong;
  if (exhausted) return CodeVerdict::kExhausted;
  if (matches) return expired ? CodeVerdict::kExpired : CodeVerdict::kGood;
  select.Reset();
  ASSIGN_OR_RETURN(
      db::Statement burn,
      database.Prepare("UPDATE enrolment_code SET attempts_left = attempts_left - 1 WHERE user = ?"));
  RETURN_IF_ERROR(burn.Bind(1, user).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return CodeVerdict::kWrong;
}

absl::Status SqlcipherAccountStore::AddDevice(const Device& device, uint64_t revision,
                                              const SignedBytes& record, const identity::PublicKey& code_key,
                                              absl::Time now, const directory::Enrolment& cause,
                                              const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(
      db::Statement use,
      database.Prepare("UPDATE enrolment_code SET used = 1 WHERE user = ? AND code_key = ? AND used = 0 "
                       "AND void = 0 AND attempts_left > 0 AND expires_unix > ?"));
  RETURN_IF_ERROR(
      use.Bind(1, absl::string_view(device.user)).Bind(2, ByteView(code_key)).Bind(3, Seconds(now)).Run());
  if (database.changes() != 1) {
    return Refuse(absl::StatusCode::kUnauthenticated, "code_used",
                  "the code was used or replaced; ask for a new one");
  }
  directory::Enrolment whole = cause;
  ASSIGN_OR_RETURN(whole.code, ReadCodeCause(database, device.user));
  RETURN_IF_ERROR(Advance(database, device.user, revision));
  RETURN_IF_ERROR(InsertDevice(database, device));
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, device.user, record, whole));
  return transaction.Commit();
}

absl::Status SqlcipherAccountStore::RenewCredential(const Device& device, const identity::Hash& former, uint64_t revision,
                                                    const SignedBytes& record, const directory::Renewed& cause,
                                                    const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(CheckActive(database, device.id));
  RETURN_IF_ERROR(Advance(database, device.user, revision));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(db::Statement keep, database.Prepare("INSERT INTO former_credential (hash, device, credential) "
                                                        "SELECT ?, id, credential FROM device WHERE id = ?"));
  RETURN_IF_ERROR(keep.Bind(1, ByteView(former)).Bind(2, ByteView(device.id)).Run());
  ASSIGN_OR_RETURN(db::Statement replace, database.Prepare("UPDATE device SET credential = ? WHERE id = ?"));
  RETURN_IF_ERROR(replace.Bind(1, ByteView(device.credential)).Bind(2, ByteView(device.id)).Run());
  ASSIGN_OR_RETURN(db::Statement packages, database.Prepare("UPDATE key_package SET former = 1 WHERE device = ? AND message IS NOT NULL"));
  RETURN_IF_ERROR(packages.Bind(1, ByteView(device.id)).Run());
  RETURN_IF_ERROR(connection_.StoreRecord(transaction, device.user, record, cause));
  return transaction.Commit();
}

absl::StatusOr<std::optional<DeviceState>> SqlcipherAccountStore::FindDevice(const identity::DeviceId& id) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(
      db::Statement select,
      connection_.database().Prepare(
          "SELECT d.id, d.user, d.label, d.working_key, d.mls_key, d.credential, d.enrolled_day, d.tls_key_hash, a.suspended "
          "FROM device d JOIN account a ON a.user = d.user WHERE d.id = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(id)).Step());
  if (!found) {
    ASSIGN_OR_RETURN(db::Statement former,
                     connection_.database().Prepare("SELECT user FROM revoked_device WHERE id = ?"));
    ASSIGN_OR_RETURN(const bool revoked, former.Bind(1, ByteView(id)).Step());
    if (!revoked) return std::optional<DeviceState>();
    DeviceState out;
    out.device.id = id;
    out.device.user = std::string(former.Text(0));
    out.revoked = true;
    return std::optional<DeviceState>(std::move(out));
  }
  ASSIGN_OR_RETURN(Device device, ReadDevice(select));
  return std::optional<DeviceState>(DeviceState{std::move(device), select.Int64(8) != 0, false});
}

absl::Status SqlcipherAccountStore::KeepTlsKey(const identity::DeviceId& id, const identity::Hash& tls_key_hash) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement update,
                   connection_.database().Prepare("UPDATE device SET tls_key_hash = ? WHERE id = ? AND tls_key_hash = x''"));
  return update.Bind(1, ByteView(tls_key_hash)).Bind(2, ByteView(id)).Run();
}

}  // namespace plumbline::keyserver
