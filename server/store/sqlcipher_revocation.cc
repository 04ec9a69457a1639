// Revoke: what has left is gone in the transaction that says so.
#include "server/store/nullifier_hour.h"
#include "server/store/sqlcipher_store.h"

namespace plumbline::server {
namespace {

absl::StatusOr<uint64_t> LastSequence(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement last,
                   database.Prepare("SELECT last_sequence FROM revocation_state WHERE row = 1"));
  ASSIGN_OR_RETURN(const bool found, last.Step());
  return found ? static_cast<uint64_t>(last.Int64(0)) : 0;
}

absl::Status SetLastSequence(db::Database& database, uint64_t sequence) {
  ASSIGN_OR_RETURN(
      db::Statement set,
      database.Prepare(
          "INSERT OR REPLACE INTO revocation_state (row, last_sequence) VALUES (1, ?)"));
  return set.Bind(1, static_cast<int64_t>(sequence)).Run();
}

// Marks the grant as revoked; the mailbox that it opened, if there is one.
absl::StatusOr<std::optional<identity::MailboxId>> RevokeGrant(db::Database& database,
                                                               const identity::RevokedGrant& grant,
                                                               int64_t& changes) {
  ASSIGN_OR_RETURN(
      db::Statement mark,
      database.Prepare("INSERT OR IGNORE INTO revoked_grants (serial, expires_day) VALUES (?, ?)"));
  RETURN_IF_ERROR(mark.Bind(1, ByteView(grant.serial)).Bind(2, int64_t{grant.expires_day}).Run());
  changes += database.changes();
  ASSIGN_OR_RETURN(db::Statement find,
                   database.Prepare("SELECT mailbox FROM mailboxes WHERE grant_serial = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(grant.serial)).Step());
  if (!found) return std::optional<identity::MailboxId>();
  ASSIGN_OR_RETURN(const identity::MailboxId id, identity::ToFixed<16>(find.Blob(0)));
  return std::optional<identity::MailboxId>(id);
}

absl::Status MakeVoid(db::Database& database, const identity::VoidTokenKey& key, int64_t& changes) {
  ASSIGN_OR_RETURN(
      db::Statement mark,
      database.Prepare("INSERT OR IGNORE INTO void_token_keys (token_key_id, until_hour) VALUES (?, ?)"));
  const absl::Time ends = absl::FromUnixSeconds(
      static_cast<int64_t>(std::min<uint64_t>(key.ends_unix, uint64_t{1} << 40)));
  RETURN_IF_ERROR(mark.Bind(1, ByteView(key.token_key_id)).Bind(2, NullifierHour(ends)).Run());
  changes += database.changes();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RevocationResult> SqlcipherStore::Revoke(const identity::Revocation& revocation,
                                                        const audit::Entry& entry) {
  RevocationResult result;
  const size_t rows = revocation.items.grants.size() + revocation.items.token_keys.size();
  const absl::Status status = writer_->Run(rows, [&](db::Transaction& transaction) -> absl::Status {
    result = RevocationResult();
    db::Database& database = transaction.database();
    ASSIGN_OR_RETURN(result.last_sequence, LastSequence(database));
    if (revocation.previous > result.last_sequence) return absl::OkStatus();
    int64_t changes = 0;
    for (const identity::RevokedGrant& grant : revocation.items.grants) {
      ASSIGN_OR_RETURN(const std::optional<identity::MailboxId> mailbox,
                       RevokeGrant(database, grant, changes));
      if (mailbox) result.closed.push_back(*mailbox);
    }
    for (const identity::VoidTokenKey& key : revocation.items.token_keys)
      RETURN_IF_ERROR(MakeVoid(database, key, changes));
    if (changes > 0 || !result.closed.empty() || revocation.sequence > result.last_sequence) {
      RETURN_IF_ERROR(audit::AuditLog::Attach(database, clock_, log_key_).AppendIn(transaction, entry).status());
    }
    for (const identity::MailboxId& mailbox : result.closed)
      RETURN_IF_ERROR(DeleteMailboxIn(database, mailbox));
    if (revocation.sequence > result.last_sequence) {
      RETURN_IF_ERROR(SetLastSequence(database, revocation.sequence));
      result.last_sequence = revocation.sequence;
    }
    result.carried_out = true;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<Bytes> SqlcipherStore::OrganisationKeys() {
  Bytes out;
  const absl::Status status = writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(db::Statement select, transaction.database().Prepare("SELECT statement FROM organisation_keys WHERE row = 1"));
    ASSIGN_OR_RETURN(const bool found, select.Step());
    out = found ? ToBytes(select.Blob(0)) : Bytes();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return out;
}

absl::Status SqlcipherStore::SetOrganisationKeys(ByteView wire, const audit::Entry& entry) {
  return writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(audit::AuditLog::Attach(transaction.database(), clock_, log_key_).AppendIn(transaction, entry).status());
    ASSIGN_OR_RETURN(db::Statement set,
                     transaction.database().Prepare("INSERT OR REPLACE INTO organisation_keys (row, statement) VALUES (1, ?)"));
    return set.Bind(1, wire).Run();
  });
}

}  // namespace plumbline::server
