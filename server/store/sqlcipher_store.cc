#include "server/store/sqlcipher_store.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/reason.h"
#include "server/store/nullifier_hour.h"
#include "server/store/reader.h"

namespace plumbline::server {
namespace {

using identity::Refuse;

constexpr db::Migration kMigrations[] = {
    {"first", R"sql(
CREATE TABLE mailboxes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL UNIQUE, owner_key BLOB NOT NULL, grant_serial BLOB NOT NULL UNIQUE,
  expires_day INTEGER NOT NULL, counter INTEGER NOT NULL, capabilities BLOB NOT NULL);
CREATE INDEX mailboxes_by_expiry ON mailboxes(expires_day);
CREATE TABLE envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, sealed BLOB NOT NULL, day INTEGER NOT NULL);
CREATE INDEX envelopes_by_mailbox ON envelopes(mailbox);
CREATE TABLE answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL UNIQUE, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL,
  day INTEGER NOT NULL);
CREATE TABLE gates (
  row INTEGER PRIMARY KEY, handle BLOB NOT NULL UNIQUE, epoch INTEGER NOT NULL, public_key BLOB NOT NULL,
  day INTEGER NOT NULL);
CREATE TABLE commits (
  row INTEGER PRIMARY KEY, handle BLOB NOT NULL, epoch INTEGER NOT NULL, sealed_commit BLOB NOT NULL,
  next_public_key BLOB NOT NULL, read_token_hash BLOB NOT NULL, record_hash BLOB NOT NULL, day INTEGER NOT NULL,
  UNIQUE (handle, epoch));
CREATE TABLE nullifiers (
  row INTEGER PRIMARY KEY, nonce BLOB NOT NULL UNIQUE, until_hour INTEGER NOT NULL);
)sql"},
    {"revocation", R"sql(
CREATE TABLE revoked_grants (row INTEGER PRIMARY KEY, serial BLOB NOT NULL UNIQUE, expires_day INTEGER NOT NULL);
CREATE INDEX revoked_grants_by_expiry ON revoked_grants(expires_day);
CREATE TABLE revocation_state (row INTEGER PRIMARY KEY CHECK (row = 1), last_sequence INTEGER NOT NULL);
)sql"},
    {"void token keys", R"sql(
CREATE TABLE void_token_keys (row INTEGER PRIMARY KEY, token_key_id BLOB NOT NULL UNIQUE, until_hour INTEGER NOT NULL);
)sql"},
    {"keys of the organisation", R"sql(
CREATE TABLE organisation_keys (row INTEGER PRIMARY KEY CHECK (row = 1), statement BLOB NOT NULL);
)sql"},
    {"rows that tell no order", R"sql(
DROP INDEX envelopes_by_mailbox;
ALTER TABLE envelopes RENAME TO unplaced_envelopes;
CREATE TABLE envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, day INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE unplaced_answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
INSERT INTO unplaced_answers SELECT row, envelope_id, content_hash, outcome, day FROM answers;
DROP TABLE answers;
CREATE TABLE answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE row_places (row INTEGER PRIMARY KEY CHECK (row = 1), mark BLOB NOT NULL);
UPDATE mailboxes SET row = random() & 0x7fffffffffffffff;
UPDATE gates SET row = random() & 0x7fffffffffffffff;
UPDATE commits SET row = random() & 0x7fffffffffffffff;
CREATE INDEX commits_by_day ON commits(day);
CREATE TABLE probe (row INTEGER PRIMARY KEY CHECK (row = 1), last INTEGER NOT NULL);
)sql"},
    {"rows that tell no mailbox", R"sql(
ALTER TABLE envelopes RENAME TO placed_envelopes;
CREATE TABLE envelopes (row INTEGER PRIMARY KEY, day INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE mailbox_places (row INTEGER PRIMARY KEY, place BLOB NOT NULL);
CREATE TABLE store_id (row INTEGER PRIMARY KEY CHECK (row = 1), id BLOB NOT NULL);
DROP TABLE row_places;
)sql"}};

Bytes Join(std::span<const identity::Hash> hashes) {
  Bytes out;
  out.reserve(hashes.size() * 32);
  for (const identity::Hash& hash : hashes) out.insert(out.end(), hash.begin(), hash.end());
  return out;
}

absl::Status UnknownMailbox() {
  return Refuse(absl::StatusCode::kNotFound, "mailbox_unknown", "there is no such mailbox, or it has expired");
}

absl::Status OpenIn(db::Database& database, const NewMailbox& mailbox) {
  ASSIGN_OR_RETURN(db::Statement revoked, database.Prepare("SELECT 1 FROM revoked_grants WHERE serial = ?"));
  ASSIGN_OR_RETURN(const bool is_revoked, revoked.Bind(1, ByteView(mailbox.grant_serial)).Step());
  if (is_revoked) {
    return Refuse(absl::StatusCode::kUnauthenticated, "grant_revoked",
                  "this grant was revoked with its device or account; a device that is still active draws new ones");
  }
  ASSIGN_OR_RETURN(db::Statement find,
                   database.Prepare("SELECT mailbox, owner_key, grant_serial FROM mailboxes WHERE mailbox = ? OR grant_serial = ?"));
  ASSIGN_OR_RETURN(bool found, find.Bind(1, ByteView(mailbox.id)).Bind(2, ByteView(mailbox.grant_serial)).Step());
  while (found) {
    const bool same_id = Equal(find.Blob(0), mailbox.id), same_grant = Equal(find.Blob(2), mailbox.grant_serial);
    if (same_id && same_grant && Equal(find.Blob(1), mailbox.owner_key)) return absl::OkStatus();
    if (same_grant && !same_id) {
      return Refuse(absl::StatusCode::kAlreadyExists, "grant_used", "this grant has opened a mailbox; use another one");
    }
    if (same_id) {
      return Refuse(absl::StatusCode::kAlreadyExists, "mailbox_exists", "this mailbox id is taken; choose another one");
    }
    ASSIGN_OR_RETURN(found, find.Step());
  }
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO mailboxes (mailbox, owner_key, grant_serial, expires_day, counter, capabilities, row) "
                                    "VALUES (?, ?, ?, ?, 0, ?, ?)"));
  const int64_t row = RandomRow();
  RETURN_IF_ERROR(insert.Bind(1, ByteView(mailbox.id)).Bind(2, ByteView(mailbox.owner_key)).Bind(3, ByteView(mailbox.grant_serial))
                      .Bind(4, static_cast<int64_t>(mailbox.expires)).Bind(5, ByteView(Join(mailbox.capabilities))).Bind(6, row).Run());
  return WritePlace(database, row, mailbox.begin);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlcipherStore>> SqlcipherStore::Create(const StoreOptions& options, const db::Key& key,
                                                                       const audit::LogKey& log_key, const Clock& clock) {
  std::unique_ptr<SqlcipherStore> store(new SqlcipherStore(options, log_key, clock));
  RETURN_IF_ERROR(store->Start(key));
  return store;
}

absl::Status SqlcipherStore::SalvageIfDamaged(const db::Key& key) {
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(options_.path, key));
    if (database->CheckIntegrity().ok()) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(salvage_, db::Salvage::Replace(options_.path, key, clock_.Now(),
                                                         {"audit_record", "audit_node", "audit_checkpoint"}));
  return absl::OkStatus();
}

absl::Status ForgetStoreId(db::Database& database) { return database.Execute("DELETE FROM store_id"); }

absl::Status SqlcipherStore::LoadId(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT OR IGNORE INTO store_id (row, id) VALUES (1, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, ByteView(identity::RandomFixed<16>())).Run());
  ASSIGN_OR_RETURN(db::Statement read, database.Prepare("SELECT id FROM store_id"));
  RETURN_IF_ERROR(read.Step().status());
  const absl::StatusOr<identity::Fixed<16>> id = identity::ToFixed<16>(read.Blob(0));
  if (!id.ok()) return absl::DataLossError("store_damaged: its id is none");
  id_ = *id;
  return absl::OkStatus();
}

absl::Status SqlcipherStore::LoadTokenFloor(db::Database& database) {
  // Made where it is needed: it is no part of the schema's history.
  RETURN_IF_ERROR(database.Execute("CREATE TABLE IF NOT EXISTS token_floor (row INTEGER PRIMARY KEY, opens INTEGER NOT NULL)"));
  if (salvage_.IsDamaged("nullifiers") || salvage_.IsDamaged("void_token_keys") || salvage_.IsDamaged("token_floor")) {
    const absl::Time opens = clock_.Now() + absl::Minutes(3);  // clocks differ
    ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT INTO token_floor (opens) VALUES (?)"));
    RETURN_IF_ERROR(insert.Bind(1, absl::ToUnixSeconds(opens)).Run());
  }
  ASSIGN_OR_RETURN(db::Statement last, database.Prepare("SELECT MAX(opens) FROM token_floor"));
  ASSIGN_OR_RETURN(const bool found, last.Step());
  if (found && !last.IsNull(0)) token_floor_ = absl::FromUnixSeconds(last.Int64(0));
  return absl::OkStatus();
}

absl::Status SqlcipherStore::Start(const db::Key& key) {
  RETURN_IF_ERROR(SalvageIfDamaged(key));
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(options_.path, key));
  RETURN_IF_ERROR(database->Migrate(kMigrations));
  RETURN_IF_ERROR(ChainRows(*database));
  RETURN_IF_ERROR(LoadId(*database));
  RETURN_IF_ERROR(LoadTokenFloor(*database));
  // Rows are spread over the whole table, so what the writing connection has read is worth keeping: 64 MiB.
  RETURN_IF_ERROR(database->Execute("PRAGMA cache_size = -65536"));
  if (options_.max_pages > 0) {
    RETURN_IF_ERROR(database->Execute(absl::StrCat("PRAGMA max_page_count = ", options_.max_pages)));
  }
  RETURN_IF_ERROR(audit::AuditLog::Open(*database, clock_, log_key_).status());  // makes its tables
  writer_ = std::make_unique<GroupCommit>(std::move(database), GroupCommit::Hooks{.begins = [this] { quota_.Keep(); }, .undone = [this] { quota_.UndoTo(0); }});
  for (int i = 0; i < options_.readers; ++i) {
    db::OpenOptions open;
    open.create = false;
    open.exclusive = false;
    ASSIGN_OR_RETURN(std::unique_ptr<db::Database> reader, db::Database::Open(options_.path, key, open));
    ReturnReader(std::move(reader));
  }
  return absl::OkStatus();
}

SqlcipherStore::~SqlcipherStore() {
  {
    MutexLock lock(mutex_);
    readers_.clear();  // before the connection that holds the lock
  }
  writer_.reset();
}

std::unique_ptr<db::Database> SqlcipherStore::BorrowReader() {
  MutexLock lock(mutex_);
  while (readers_.empty()) returned_.Wait(mutex_);
  std::unique_ptr<db::Database> reader = std::move(readers_.back());
  readers_.pop_back();
  return reader;
}

void SqlcipherStore::ReturnReader(std::unique_ptr<db::Database> reader) {
  MutexLock lock(mutex_);
  readers_.push_back(std::move(reader));
  returned_.NotifyOne();
}

absl::Status SqlcipherStore::Open(const NewMailbox& mailbox) {
  CHECK(mailbox.capabilities.size() <= kMaxCapabilities);
  return writer_->Run(1, [&](db::Transaction& transaction) { return OpenIn(transaction.database(), mailbox); });
}

absl::Status SqlcipherStore::SetCapabilities(const identity::MailboxId& id, uint64_t counter,
                                             std::span<const identity::Hash> capabilities, Day today) {
  CHECK(capabilities.size() <= kMaxCapabilities && counter <= kMaxEpoch);
  return writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(db::Statement find,
                     transaction.database().Prepare("SELECT counter FROM mailboxes WHERE mailbox = ? AND expires_day >= ?"));
    ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(id)).Bind(2, static_cast<int64_t>(today)).Step());
    if (!found) return UnknownMailbox();
    if (static_cast<int64_t>(counter) <= find.Int64(0)) {
      return Refuse(absl::StatusCode::kAborted, "stale_counter", "a newer set of capabilities is in place; count on from it");
    }
    ASSIGN_OR_RETURN(db::Statement update,
                     transaction.database().Prepare("UPDATE mailboxes SET counter = ?, capabilities = ? WHERE mailbox = ?"));
    return update.Bind(1, static_cast<int64_t>(counter)).Bind(2, ByteView(Join(capabilities))).Bind(3, ByteView(id)).Run();
  });
}

absl::StatusOr<Mailbox> SqlcipherStore::Find(const identity::MailboxId& id, Day today) {
  const Reader reader(*this);
  ASSIGN_OR_RETURN(db::Statement find,
                   reader->Prepare("SELECT owner_key, expires_day FROM mailboxes WHERE mailbox = ? AND expires_day >= ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(id)).Bind(2, static_cast<int64_t>(today)).Step());
  if (!found) return UnknownMailbox();
  ASSIGN_OR_RETURN(const identity::PublicKey owner, identity::ToFixed<32>(find.Blob(0)));
  return Mailbox{owner, Day{find.Int64(1)}};
}

absl::StatusOr<Spent> SqlcipherStore::Spend(const tokens::Redeemed& token) {
  if (token.opens <= token_floor_) return Spent::kVoid;
  Spent out = Spent::kVoid;
  const absl::Status status = writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    db::Database& database = transaction.database();
    out = Spent::kVoid;
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT 1 FROM void_token_keys WHERE token_key_id = ?"));
    ASSIGN_OR_RETURN(const bool is_void, find.Bind(1, ByteView(token.token_key_id)).Step());
    if (is_void) return absl::OkStatus();
    ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT OR IGNORE INTO nullifiers (nonce, until_hour) VALUES (?, ?)"));
    RETURN_IF_ERROR(insert.Bind(1, ByteView(token.nullifier)).Bind(2, NullifierHour(token.ends)).Run());
    out = database.changes() == 1 ? Spent::kNow : Spent::kBefore;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return out;
}

absl::Status SqlcipherStore::Probe() {
  return writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(db::Statement set, transaction.database().Prepare("INSERT OR REPLACE INTO probe (row, last) VALUES (1, ?)"));
    return set.Bind(1, RandomRow()).Run();
  });
}

absl::Status SqlcipherStore::Record(const audit::Entry& entry) {
  return writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    return audit::AuditLog::Attach(transaction.database(), clock_, log_key_).AppendIn(transaction, entry).status();
  });
}

}  // namespace plumbline::server
