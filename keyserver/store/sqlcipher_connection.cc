#include "keyserver/store/sqlcipher_connection.h"

#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

constexpr db::Migration kMigrations[] = {
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
};

}  // namespace

absl::StatusOr<std::unique_ptr<SqlcipherConnection>> SqlcipherConnection::Open(
    const std::string& path, const db::Key& key, audit::LogKey log_key, const Clock& clock,
    const db::OpenOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path, key, options));
  RETURN_IF_ERROR(database->Migrate(kMigrations));
  RETURN_IF_ERROR(audit::AuditLog::Open(*database, clock, log_key).status());
  return std::unique_ptr<SqlcipherConnection>(
      new SqlcipherConnection(std::move(database), std::move(log_key), clock));
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

}  // namespace plumbline::keyserver
