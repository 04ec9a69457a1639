#include "keyserver/store/sqlcipher_connection.h"

#include "common/identity/reason.h"
#include "keyserver/store/adoption.h"
#include "keyserver/store/former_logs.h"

namespace plumbline::keyserver {
namespace {

constexpr db::Migration kAccounts[] = {
    {"accounts and key packages", R"sql(
CREATE TABLE account (
  user TEXT PRIMARY KEY, display_name TEXT NOT NULL, proofing_level TEXT NOT NULL, proofing_reference TEXT NOT NULL,
  suspended INTEGER NOT NULL, revision INTEGER NOT NULL, record_version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE directory_record (
  user TEXT NOT NULL REFERENCES account, version INTEGER NOT NULL, record BLOB NOT NULL, signature BLOB NOT NULL,
  PRIMARY KEY (user, version)) WITHOUT ROWID;
CREATE TABLE device (
  id BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES account, label TEXT NOT NULL, working_key BLOB NOT NULL UNIQUE,
  mls_key BLOB NOT NULL UNIQUE, credential BLOB NOT NULL, enrolled_day INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX device_by_user ON device (user, id);
CREATE TABLE enrolment_code (
  user TEXT PRIMARY KEY REFERENCES account, hash BLOB NOT NULL, expires_unix INTEGER NOT NULL,
  attempts_left INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE key_package (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, device BLOB NOT NULL REFERENCES device, suite INTEGER NOT NULL,
  expires_unix INTEGER NOT NULL, last_resort INTEGER NOT NULL,
  message BLOB);                                            -- null once claimed: the hash stays so it cannot come back
CREATE INDEX key_package_waiting ON key_package (device, suite, last_resort, number) WHERE message IS NOT NULL;
CREATE TABLE administrator (
  key_id BLOB PRIMARY KEY, name TEXT NOT NULL, public_key BLOB NOT NULL, registered_unix INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE first_code (
  id INTEGER PRIMARY KEY CHECK (id = 1), mac_key BLOB NOT NULL, expires_unix INTEGER NOT NULL,
  attempts_left INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE TABLE intent (
  nonce BLOB PRIMARY KEY, expires_unix INTEGER NOT NULL, keep INTEGER NOT NULL, evidence BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE nullifier (nonce BLOB PRIMARY KEY, forget_unix INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE draw (
  device BLOB NOT NULL, what TEXT NOT NULL, day INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (device, what, day)) WITHOUT ROWID;
CREATE TABLE drawn_grant (number INTEGER PRIMARY KEY, device BLOB NOT NULL, sealed BLOB NOT NULL, expires_day INTEGER NOT NULL);
)sql"},
    {"leavers and devices of a person", R"sql(
ALTER TABLE account ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrolment_code ADD COLUMN void INTEGER NOT NULL DEFAULT 0;
CREATE TABLE revoked_device (                              -- for ever, so that no key comes back
  id BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES account, working_key BLOB NOT NULL UNIQUE,
  mls_key BLOB NOT NULL UNIQUE) WITHOUT ROWID;
CREATE INDEX revoked_device_by_user ON revoked_device (user);
CREATE INDEX drawn_grant_by_device ON drawn_grant (device);
CREATE TABLE drawn_pass (
  number INTEGER PRIMARY KEY, device BLOB NOT NULL, purpose TEXT NOT NULL, sealed BLOB NOT NULL, expires_unix INTEGER NOT NULL);
CREATE INDEX drawn_pass_by_device ON drawn_pass (device);
CREATE TABLE revocation (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, items BLOB NOT NULL, keep_until_day INTEGER NOT NULL,
  confirmed INTEGER NOT NULL);
CREATE INDEX revocation_by_user ON revocation (user);
CREATE INDEX revocation_pending ON revocation (sequence) WHERE confirmed = 0;
CREATE TABLE device_invitation (
  user TEXT PRIMARY KEY REFERENCES account, device BLOB NOT NULL, hash BLOB NOT NULL, expires_unix INTEGER NOT NULL,
  attempts_left INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE join_request (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES account, device_id BLOB NOT NULL, invited_by BLOB NOT NULL,
  request BLOB NOT NULL, asked_unix INTEGER NOT NULL, expires_unix INTEGER NOT NULL,
  state INTEGER NOT NULL,                                  -- 0 waiting, 1 approved, 2 refused
  tls_certificate BLOB NOT NULL) WITHOUT ROWID;            -- empty until approved
CREATE INDEX join_request_by_user ON join_request (user);
CREATE TABLE device_decision (hash BLOB PRIMARY KEY, decision BLOB NOT NULL, signature BLOB NOT NULL) WITHOUT ROWID;
)sql"},
};
constexpr db::Migration kCauses = {"what the directory's log says of older records", R"sql(
-- A code is a key now, and what issued it is kept with it; older codes and invitations are void.
DROP TABLE enrolment_code;
CREATE TABLE enrolment_code (
  user TEXT PRIMARY KEY REFERENCES account, code_key BLOB NOT NULL, expires_unix INTEGER NOT NULL, attempts_left INTEGER NOT NULL,
  used INTEGER NOT NULL, void INTEGER NOT NULL, cause BLOB NOT NULL) WITHOUT ROWID;
DROP TABLE device_invitation;
CREATE TABLE device_invitation (
  user TEXT PRIMARY KEY REFERENCES account, device BLOB NOT NULL, code_key BLOB NOT NULL, expires_unix INTEGER NOT NULL,
  attempts_left INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
ALTER TABLE revoked_device ADD COLUMN credential BLOB NOT NULL DEFAULT x'';
)sql"};

constexpr db::Migration kTokens = {"anonymous tokens in place of passes", R"sql(
CREATE TABLE token_key (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, leaf BLOB NOT NULL, statement BLOB NOT NULL,
  wrapped BLOB NOT NULL,                                   -- empty once nothing more is signed with it
  void INTEGER NOT NULL, closes_unix INTEGER NOT NULL, ends_unix INTEGER NOT NULL);
DROP TABLE drawn_pass;
)sql"};

constexpr db::Migration kUnlock = {"unlock keys", R"sql(
CREATE TABLE unlock (                                      -- of a device; stays after its keys are destroyed
  device BLOB PRIMARY KEY, attempts_left INTEGER NOT NULL, last_attempt_unix INTEGER NOT NULL,
  nonce BLOB NOT NULL,                                     -- of the newest evaluation that was not proved; empty: none
  destroyed TEXT NOT NULL,                                 -- by what; empty: it is not
  last_version INTEGER NOT NULL, changed_day INTEGER NOT NULL, changes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE unlock_key (
  device BLOB NOT NULL REFERENCES unlock, version INTEGER NOT NULL, public_key BLOB NOT NULL, wrapped BLOB NOT NULL,
  proof_key BLOB NOT NULL,                                 -- empty: not in force yet
  PRIMARY KEY (device, version)) WITHOUT ROWID;
CREATE TABLE shred (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL);
INSERT INTO shred VALUES (1, 0);                           -- 0: there was no shred key yet
CREATE TABLE check_in (device BLOB PRIMARY KEY, generation INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
)sql"};

constexpr db::Migration kServiceKeys = {"certificates of services that were succeeded", R"sql(
CREATE TABLE service_succession (                          -- of a certificate: what it was renewed by, until that ends
  certificate_hash BLOB PRIMARY KEY, successor_hash BLOB NOT NULL, certificate BLOB NOT NULL, ends_unix INTEGER NOT NULL,
  service TEXT NOT NULL, line_begins_unix INTEGER NOT NULL) WITHOUT ROWID;   -- a line: from a ceremony's certificate on
)sql"};
constexpr db::Migration kWrapping = {"which secret wraps the keys", R"sql(
CREATE TABLE wrapping (id INTEGER PRIMARY KEY CHECK (id = 1), secret_id BLOB NOT NULL);  -- no row: it was never replaced
)sql"};
constexpr db::Migration kCredentials = {"credentials that were renewed", R"sql(
CREATE TABLE former_credential (                           -- for ever: the log's feed tells older records with them
  hash BLOB PRIMARY KEY, device BLOB NOT NULL, credential BLOB NOT NULL) WITHOUT ROWID;
ALTER TABLE key_package ADD COLUMN former INTEGER NOT NULL DEFAULT 0;   -- 1: under a former credential
)sql"};

constexpr db::Migration kRoleKeys = {"which statement of the organisation's keys counts", R"sql(
CREATE TABLE role_rotation (                               -- no row: no role key was ever replaced
  id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL,
  former BLOB NOT NULL);                                   -- where the replaced key is in its token; empty: it was in none
)sql"};

constexpr db::Migration kTlsKeys = {"the TLS keys of devices", R"sql(
ALTER TABLE device ADD COLUMN tls_key_hash BLOB NOT NULL DEFAULT x'';   -- x'': enrolled before this was kept, and not heard of since
)sql"};

std::vector<db::Migration> Migrations() {
  std::vector<db::Migration> out(std::begin(kAccounts), std::end(kAccounts));
  out.push_back(DirectoryLog::Tables());
  out.push_back(kCauses);
  out.push_back(DirectoryLog::TokenKeyTables());
  out.push_back(kTokens);
  out.push_back(kUnlock);
  out.push_back(kServiceKeys);
  out.push_back(kWrapping);
  out.push_back(kCredentials);
  out.push_back(kRoleKeys);
  out.push_back(kTlsKeys);
  out.push_back(FormerLogs::Tables());
  return out;
}

audit::Entry OfLogKey(audit::Event event, const DirectoryLogKeys& keys) {
  audit::Entry entry;
  entry.event = event;
  entry.actor = "ceremony";
  entry.subject = "log";
  entry.details = {{"key", keys.signer.verifier().ToText()}};
  if (keys.former) entry.details["former"] = keys.former->verifier().ToText();
  return entry;
}

absl::Status BeginLog(db::Database& database, const DirectoryLogKeys& keys, audit::AuditLog& audit) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  DirectoryLog log(database, keys);
  RETURN_IF_ERROR(log.Begin(transaction));
  if (keys.former) {
    ASSIGN_OR_RETURN(const bool replaced, log.SignAnew(transaction));
    if (replaced) RETURN_IF_ERROR(audit.AppendIn(transaction, OfLogKey(audit::Event::kKeyRotated, keys)).status());
  }
  RETURN_IF_ERROR(AdoptRecords(transaction, log));
  return transaction.Commit();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlcipherConnection>> SqlcipherConnection::Open(
    const std::string& path, const db::Key& key, audit::LogKey log_key, DirectoryLogKeys directory_keys,
    const Clock& clock, const db::OpenOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path, key, options));
  // Half of a directory, of suspensions or of spent tokens is not served: it would be believed.
  RETURN_IF_ERROR(database->CheckIntegrity());
  RETURN_IF_ERROR(database->Migrate(Migrations()));
  ASSIGN_OR_RETURN(audit::AuditLog audit, audit::AuditLog::Open(*database, clock, log_key));
  RETURN_IF_ERROR(BeginLog(*database, directory_keys, audit));
  return std::unique_ptr<SqlcipherConnection>(
      new SqlcipherConnection(std::move(database), std::move(log_key), std::move(directory_keys), clock));
}

absl::Status SqlcipherConnection::EndFormerLogKey() {
  MutexLock lock(mutex_);
  if (!directory_keys_.former) return absl::OkStatus();
  const audit::Entry entry = OfLogKey(audit::Event::kFormerKeyEnded, directory_keys_);
  std::optional<tlog::NoteSigner> former = std::exchange(directory_keys_.former, std::nullopt);
  const auto end = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> absl::Status {
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
    RETURN_IF_ERROR(directory_.SignAnew(transaction).status());
    RETURN_IF_ERROR(audit_.AppendIn(transaction, entry).status());
    return transaction.Commit();
  };
  absl::Status ended = end();
  if (!ended.ok()) directory_keys_.former = std::move(former);
  return ended;
}

absl::Status SqlcipherConnection::StoreRecord(db::Transaction& transaction, absl::string_view user, const SignedBytes& record,
                                              const directory::Cause& cause) {
  ASSIGN_OR_RETURN(db::Statement update,
                   database_->Prepare("UPDATE account SET record_version = record_version + 1 WHERE user = ?"));
  RETURN_IF_ERROR(update.Bind(1, user).Run());
  ASSIGN_OR_RETURN(db::Statement insert,
                   database_->Prepare("INSERT INTO directory_record (user, version, record, signature) "
                                      "SELECT user, record_version, ?, ? FROM account WHERE user = ?"));
  RETURN_IF_ERROR(
      insert.Bind(1, ByteView(record.bytes)).Bind(2, ByteView(record.signature)).Bind(3, user).Run());
  ASSIGN_OR_RETURN(const identity::UserUri name, identity::ParseUserUri(user));
  ASSIGN_OR_RETURN(db::Statement version, database_->Prepare("SELECT record_version FROM account WHERE user = ?"));
  ASSIGN_OR_RETURN(const bool found, version.Bind(1, user).Step());
  if (!found) return absl::NotFoundError("no such account");
  return directory_.Append(transaction, {{name, static_cast<uint64_t>(version.Int64(0)), record.bytes, directory::Encode(cause)}});
}

absl::Status SqlcipherConnection::Record(db::Transaction& transaction, const IntentTrace& trace) {
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database_->Prepare("INSERT INTO intent (nonce, expires_unix, keep, evidence) VALUES (?, ?, ?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(trace.nonce))
                                    .Bind(2, static_cast<int64_t>(trace.expires_unix))
                                    .Bind(3, int64_t{trace.keep})
                                    .Bind(4, ByteView(trace.evidence))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return identity::Refuse(absl::StatusCode::kPermissionDenied, "intent_replayed",
                            "this action was carried out before; make a new one");
  }
  RETURN_IF_ERROR(inserted);
  return audit_.AppendIn(transaction, trace.entry).status();
}

absl::Status SqlcipherConnection::Record(db::Transaction& transaction, const DecisionTrace& trace) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   database_->Prepare("INSERT INTO device_decision (hash, decision, signature) VALUES (?, ?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(trace.hash))
                                    .Bind(2, ByteView(trace.decision))
                                    .Bind(3, ByteView(trace.signature))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "join_decided",
                            "this was decided before; look at `plumbline devices`");
  }
  RETURN_IF_ERROR(inserted);
  return audit_.AppendIn(transaction, trace.entry).status();
}

}  // namespace plumbline::keyserver
