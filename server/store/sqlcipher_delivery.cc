// What takes envelopes and commits out again: reading, acknowledging, expiry.
#include <algorithm>

#include "common/identity/reason.h"
#include "server/store/reader.h"
#include "server/store/sqlcipher_store.h"

namespace plumbline::server {
namespace {

using identity::Refuse;

// A connection keeps the pages that it read, as they were, until it reads again.
constexpr char kForgetPages[] = "PRAGMA shrink_memory";

// A snapshot: all statements until the end of the scope see the same state.
class ReadTransaction final {
 public:
  explicit ReadTransaction(db::Database& database) : database_(database), status_(database.Execute("BEGIN")) {}
  ~ReadTransaction() {
    if (status_.ok()) database_.Execute("ROLLBACK").IgnoreError();
  }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  const absl::Status& status() const { return status_; }

 private:
  db::Database& database_;
  const absl::Status status_;
};

// The place where the next envelope of the mailbox will go. NOT_FOUND mailbox_unknown.
absl::StatusOr<identity::MailboxPlace> PresentPlace(db::Database& database, const identity::MailboxId& mailbox, Day today) {
  ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT row FROM mailboxes WHERE mailbox = ? AND expires_day >= ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(mailbox)).Bind(2, static_cast<int64_t>(today)).Step());
  if (found) return ReadPlace(database, find.Int64(0));
  return Refuse(absl::StatusCode::kNotFound, "mailbox_unknown", "there is no such mailbox, or it has expired");
}

}  // namespace

absl::StatusOr<uint64_t> SqlcipherStore::CountBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, Day today) {
  const Reader reader(*this);
  ASSIGN_OR_RETURN(const identity::MailboxPlace present, PresentPlace(*reader, mailbox, today));
  identity::MailboxPlace at = place;
  for (uint64_t steps = 0; steps <= kMaxSteps; ++steps) {
    if (at == present) return steps;
    at = ChainStep(at).next;
  }
  return Refuse(absl::StatusCode::kFailedPrecondition, "place_unknown",
                "the mailbox has no such place; what is in it cannot be found, so its owner opens another one");
}

absl::StatusOr<Batch> SqlcipherStore::ReadBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place,
                                                 const ReadLimit& limit, Day today) {
  constexpr uint64_t kMaxEmpty = 10'000;  // places in one reading whose rows are gone
  const Reader reader(*this);
  const ReadTransaction snapshot(*reader);
  RETURN_IF_ERROR(snapshot.status());
  ASSIGN_OR_RETURN(const identity::MailboxPlace present, PresentPlace(*reader, mailbox, today));
  ASSIGN_OR_RETURN(db::Statement read, reader->Prepare("SELECT content FROM envelopes WHERE row = ?"));
  Batch batch;
  batch.reached = place;
  size_t bytes = 0;
  while (batch.reached != present) {
    const ChainStep step(batch.reached);
    read.Reset();
    ASSIGN_OR_RETURN(const bool found, read.Bind(1, static_cast<int64_t>(step.row)).Step());
    std::optional<RowContent> content = found ? OpenRow(step, read.Blob(0)) : std::nullopt;
    if (content) {
      batch.more = batch.envelopes.size() >= limit.rows || (bytes > 0 && bytes + content->sealed.size() > limit.bytes);
    } else {
      batch.more = batch.steps >= kMaxEmpty;
    }
    if (batch.more) return batch;
    batch.reached = step.next;
    ++batch.steps;
    if (!content) continue;
    bytes += content->sealed.size();
    batch.envelopes.push_back(StoredEnvelope{step.row, content->envelope_id, std::move(content->sealed), step.next, batch.steps});
  }
  return batch;
}

void SqlcipherStore::StartAck(const identity::MailboxId& mailbox, std::vector<Row> rows, Told done) {
  const size_t count = rows.size();
  writer_->StartPatient(
      count,
      [this, mailbox, rows = std::move(rows)](db::Transaction& transaction) { return AckIn(transaction.database(), mailbox, rows); },
      std::move(done));
}

absl::Status SqlcipherStore::AckIn(db::Database& database, const identity::MailboxId& mailbox, std::span<const Row> rows) {
  ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT day, LENGTH(content) FROM envelopes WHERE row = ?"));
  ASSIGN_OR_RETURN(db::Statement remove, database.Prepare("DELETE FROM envelopes WHERE row = ?"));
  for (const Row row : rows) {
    find.Reset();
    ASSIGN_OR_RETURN(const bool found, find.Bind(1, static_cast<int64_t>(row)).Step());
    if (!found) continue;
    const Day stored{find.Int64(0)};
    const int64_t bytes = find.Int64(1) - static_cast<int64_t>(kRowOverhead);
    find.Reset();
    remove.Reset();
    RETURN_IF_ERROR(remove.Bind(1, static_cast<int64_t>(row)).Run());
    quota_.Remove(mailbox, stored, bytes);
    written_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredCommit> SqlcipherStore::ReadCommit(const identity::Fixed<32>& handle, uint64_t epoch) {
  const Reader reader(*this);
  ASSIGN_OR_RETURN(db::Statement find, reader->Prepare("SELECT sealed_commit, next_public_key, read_token_hash FROM commits "
                                                       "WHERE handle = ? AND epoch = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(handle)).Bind(2, static_cast<int64_t>(epoch)).Step());
  if (!found) {
    ASSIGN_OR_RETURN(db::Statement gate, reader->Prepare("SELECT 1 FROM gates WHERE handle = ? AND epoch > ?"));
    ASSIGN_OR_RETURN(const bool passed, gate.Bind(1, ByteView(handle)).Bind(2, static_cast<int64_t>(epoch)).Step());
    if (passed) {
      return Refuse(absl::StatusCode::kNotFound, "commit_expired", "the group has gone on, and this commit is no longer kept");
    }
    return Refuse(absl::StatusCode::kNotFound, "commit_unknown", "there is no such commit, or it is no longer kept");
  }
  StoredCommit commit;
  commit.sealed_commit = ToBytes(find.Blob(0));
  ASSIGN_OR_RETURN(commit.next_key, identity::ToFixed<32>(find.Blob(1)));
  ASSIGN_OR_RETURN(commit.read_token_hash, identity::ToFixed<32>(find.Blob(2)));
  return commit;
}

absl::Status SqlcipherStore::DeleteAll(const char* sql, int64_t limit) {
  constexpr int64_t kMany = 1000;  // rows in one transaction, so that nobody waits long behind it
  for (int64_t deleted = kMany; deleted == kMany;) {
    const absl::Status status = writer_->Run(kMany, [&](db::Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(db::Statement remove, transaction.database().Prepare(sql));
      RETURN_IF_ERROR(remove.Bind(1, limit).Bind(2, kMany).Run());
      deleted = transaction.database().changes();
      if (deleted > 0) written_ = true;
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<identity::MailboxId>> SqlcipherStore::ExpiredMailboxes(Day today) {
  const Reader reader(*this);
  ASSIGN_OR_RETURN(db::Statement find, reader->Prepare("SELECT mailbox FROM mailboxes WHERE expires_day < ? LIMIT 10000"));
  std::vector<identity::MailboxId> expired;
  ASSIGN_OR_RETURN(bool found, find.Bind(1, static_cast<int64_t>(today)).Step());
  while (found) {
    ASSIGN_OR_RETURN(const identity::MailboxId id, identity::ToFixed<16>(find.Blob(0)));
    expired.push_back(id);
    ASSIGN_OR_RETURN(found, find.Step());
  }
  return expired;
}

absl::Status SqlcipherStore::DeleteMailbox(const identity::MailboxId& mailbox) {
  return writer_->Run(1000, [&](db::Transaction& transaction) -> absl::Status {
    return DeleteMailboxIn(transaction.database(), mailbox);
  });
}

absl::Status SqlcipherStore::DeleteMailboxIn(db::Database& database, const identity::MailboxId& mailbox) {
  // Its envelopes cannot be found without its owner: what was in them nobody opens any more, and the rows go when their days are over.
  ASSIGN_OR_RETURN(db::Statement place, database.Prepare("DELETE FROM mailbox_places WHERE row = (SELECT row FROM mailboxes WHERE mailbox = ?)"));
  RETURN_IF_ERROR(place.Bind(1, ByteView(mailbox)).Run());
  ASSIGN_OR_RETURN(db::Statement remove, database.Prepare("DELETE FROM mailboxes WHERE mailbox = ?"));
  RETURN_IF_ERROR(remove.Bind(1, ByteView(mailbox)).Run());
  quota_.Forget(mailbox);
  written_ = true;
  return absl::OkStatus();
}

absl::Status SqlcipherStore::DeleteRows(const char* sql, std::span<const int64_t> rows) {
  constexpr size_t kMany = 1000;  // in one transaction, so that nobody waits long behind it
  for (size_t at = 0; at < rows.size(); at += kMany) {
    const std::span<const int64_t> part = rows.subspan(at, std::min(kMany, rows.size() - at));
    const absl::Status status = writer_->Run(part.size(), [&](db::Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(db::Statement remove, transaction.database().Prepare(sql));
      for (const int64_t row : part) {
        remove.Reset();
        RETURN_IF_ERROR(remove.Bind(1, row).Run());
      }
      written_ = true;
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqlcipherStore::DeleteBefore(const char* find, const char* remove, int64_t day) {
  for (int64_t after = 0;;) {
    std::vector<int64_t> rows;
    bool any = false;
    {
      const Reader reader(*this);
      ASSIGN_OR_RETURN(db::Statement look, reader->Prepare(find));
      ASSIGN_OR_RETURN(bool found, look.Bind(1, after).Step());
      any = found;
      while (found) {
        after = look.Int64(0);
        if (look.Int64(1) < day) rows.push_back(after);
        ASSIGN_OR_RETURN(found, look.Step());
      }
    }
    RETURN_IF_ERROR(DeleteRows(remove, rows));
    if (!any) return absl::OkStatus();
  }
}

absl::StatusOr<std::vector<identity::MailboxId>> SqlcipherStore::Sweep(absl::Time now) {
  const Day today = DayOf(now);
  ASSIGN_OR_RETURN(std::vector<identity::MailboxId> expired, ExpiredMailboxes(today));
  for (const identity::MailboxId& mailbox : expired) RETURN_IF_ERROR(DeleteMailbox(mailbox));
  const int64_t day = static_cast<int64_t>(today);
  if (swept_ != day) {  // these are read from end to end: nothing in their order or in an index tells how old they are
    RETURN_IF_ERROR(DeleteBefore("SELECT row, day FROM envelopes WHERE row > ? ORDER BY row LIMIT 10000",
                                 "DELETE FROM envelopes WHERE row = ?", day - options_.envelope_days));
    RETURN_IF_ERROR(DeleteBefore("SELECT row, day FROM answers WHERE row > ? ORDER BY row LIMIT 10000",
                                 "DELETE FROM answers WHERE row = ?", day - options_.answer_days));
    swept_ = day;
  }
  RETURN_IF_ERROR(DeleteAll("DELETE FROM commits WHERE row IN (SELECT row FROM commits WHERE day < ?1 LIMIT ?2)",
                            day - options_.envelope_days));
  RETURN_IF_ERROR(DeleteAll("DELETE FROM gates WHERE row IN (SELECT row FROM gates WHERE day < ?1 LIMIT ?2)",
                            day - options_.gate_days));
  RETURN_IF_ERROR(DeleteAll("DELETE FROM nullifiers WHERE until_hour < ?1 AND row IN "
                            "(SELECT row FROM nullifiers ORDER BY row LIMIT ?2)",
                            absl::ToInt64Hours(now - absl::UnixEpoch())));
  RETURN_IF_ERROR(DeleteAll("DELETE FROM void_token_keys WHERE until_hour < ?1 AND row IN "
                            "(SELECT row FROM void_token_keys ORDER BY row LIMIT ?2)",
                            absl::ToInt64Hours(now - absl::UnixEpoch())));
  RETURN_IF_ERROR(DeleteAll("DELETE FROM revoked_grants WHERE serial IN "
                            "(SELECT serial FROM revoked_grants WHERE expires_day < ?1 LIMIT ?2)",
                            day));
  return expired;
}

absl::Status SqlcipherStore::Erase() {
  if (!written_.exchange(false)) return absl::OkStatus();
  const absl::Status status = writer_->RunAlone([](db::Database& database) -> absl::Status {
    RETURN_IF_ERROR(database.Checkpoint());
    return database.Execute(kForgetPages);
  });
  if (!status.ok()) written_ = true;
  RETURN_IF_ERROR(status);
  MutexLock lock(mutex_);
  for (const std::unique_ptr<db::Database>& reader : readers_) RETURN_IF_ERROR(reader->Execute(kForgetPages));
  return absl::OkStatus();
}

}  // namespace plumbline::server
