#include "server/store/sqlcipher_attachments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/reason.h"

namespace plumbline::server {
namespace {

using identity::Refuse;

constexpr int64_t kIncompleteDays = 2;
constexpr int64_t kPurgeTogether = 16;  // pieces in one transaction, so that nobody waits long behind it
constexpr int64_t kRowCost = 4096;      // bytes of the quota that an attachment takes while it is empty
constexpr Day kRemoved{0};              // expired long ago

// A piece is found by attachment and number; its row says nothing else.
constexpr db::Migration kMigrations[] = {{"first", R"sql(
CREATE TABLE attachments (
  row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, owner_hash BLOB NOT NULL, size INTEGER NOT NULL,
  durable INTEGER NOT NULL, expires_day INTEGER NOT NULL);
CREATE INDEX attachments_by_expiry ON attachments(expires_day);
CREATE TABLE pieces (
  row INTEGER PRIMARY KEY, attachment INTEGER NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (attachment, n));
)sql"}};

absl::Status Unknown() {
  return Refuse(absl::StatusCode::kNotFound, "attachment_unknown",
                "there is no such attachment: it was never complete, its time is over, or it was deleted");
}

AttachmentState StateOf(const db::Statement& row, int durable, int expires) {
  return AttachmentState{static_cast<uint64_t>(row.Int64(durable)), Day{row.Int64(expires)}};
}

}  // namespace

class SqlcipherAttachments::Reader final {
 public:
  explicit Reader(SqlcipherAttachments& store) : store_(store) {
    MutexLock lock(store_.mutex_);
    while (store_.readers_.empty()) store_.returned_.Wait(store_.mutex_);
    database_ = std::move(store_.readers_.back());
    store_.readers_.pop_back();
  }
  ~Reader() {
    MutexLock lock(store_.mutex_);
    store_.readers_.push_back(std::move(database_));
    store_.returned_.NotifyOne();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  db::Database* operator->() const { return database_.get(); }

 private:
  SqlcipherAttachments& store_;
  std::unique_ptr<db::Database> database_;
};

absl::StatusOr<std::unique_ptr<SqlcipherAttachments>> SqlcipherAttachments::Create(const AttachmentOptions& options,
                                                                                   const db::Key& key) {
  std::unique_ptr<SqlcipherAttachments> store(new SqlcipherAttachments(options));
  RETURN_IF_ERROR(store->Start(key));
  return store;
}

absl::Status SqlcipherAttachments::Start(const db::Key& key) {
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(options_.path, key));
  RETURN_IF_ERROR(database->Migrate(kMigrations));
  writer_ = std::make_unique<GroupCommit>(std::move(database), GroupCommit::Hooks{.undone = [this] { used_ = -1; }});
  for (int i = 0; i < options_.readers; ++i) {
    db::OpenOptions open;
    open.create = false;
    open.exclusive = false;
    ASSIGN_OR_RETURN(std::unique_ptr<db::Database> reader, db::Database::Open(options_.path, key, open));
    MutexLock lock(mutex_);
    readers_.push_back(std::move(reader));
  }
  return absl::OkStatus();
}

SqlcipherAttachments::~SqlcipherAttachments() {
  {
    MutexLock lock(mutex_);
    readers_.clear();  // before the connection that holds the lock
  }
  writer_.reset();
}

absl::Status SqlcipherAttachments::CheckRoom(db::Database& database, int64_t bytes) {
  if (used_ < 0) {
    ASSIGN_OR_RETURN(db::Statement sum, database.Prepare("SELECT IFNULL(SUM(durable), 0), COUNT(*) FROM attachments"));
    RETURN_IF_ERROR(sum.Step().status());
    if (sum.Int64(0) < 0 || sum.Int64(0) > INT64_MAX / 2) return absl::DataLossError("the sizes of attachments cannot be");
    used_ = sum.Int64(0) + sum.Int64(1) * kRowCost;
  }
  if (used_ + bytes <= options_.max_bytes) return absl::OkStatus();
  return Refuse(absl::StatusCode::kResourceExhausted, "storage_full",
                "the server keeps as many attachments as it may; nothing was stored, try again later");
}

absl::StatusOr<AttachmentState> SqlcipherAttachments::Begin(const NewAttachment& attachment, Day today) {
  CHECK(attachment.size > 0 && attachment.size <= identity::kMaxAttachment);
  AttachmentState state{};
  RETURN_IF_ERROR(writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(state, BeginIn(transaction.database(), attachment, today));
    return absl::OkStatus();
  }));
  return state;
}

absl::StatusOr<AttachmentState> SqlcipherAttachments::BeginIn(db::Database& database, const NewAttachment& attachment,
                                                              Day today) {
  {
    ASSIGN_OR_RETURN(db::Statement find,
                     database.Prepare("SELECT owner_hash, size, durable, expires_day FROM attachments WHERE id = ?"));
    ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(attachment.id)).Step());
    if (found) {
      const bool same = Equal(find.Blob(0), attachment.owner_hash) && find.Int64(1) == static_cast<int64_t>(attachment.size);
      if (!same) {
        return Refuse(absl::StatusCode::kAlreadyExists, "attachment_exists",
                      "an attachment of this id is there, with another owner or size; choose another read capability");
      }
      const AttachmentState state = StateOf(find, 2, 3);
      if (state.expires >= today) return state;
      return Refuse(absl::StatusCode::kUnavailable, "attachment_ending",
                    "an attachment of this id is being deleted; try again in a minute");
    }
  }
  RETURN_IF_ERROR(CheckRoom(database, kRowCost + static_cast<int64_t>(attachment.size)));
  const AttachmentState state{0, today + kIncompleteDays};
  ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT INTO attachments (id, owner_hash, size, durable, expires_day) "
                                                          "VALUES (?, ?, ?, 0, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, ByteView(attachment.id)).Bind(2, ByteView(attachment.owner_hash))
                      .Bind(3, static_cast<int64_t>(attachment.size)).Bind(4, static_cast<int64_t>(state.expires)).Run());
  used_ += kRowCost;
  return state;
}

absl::StatusOr<AttachmentState> SqlcipherAttachments::Append(const identity::AttachmentId& id, const identity::Hash& owner_hash,
                                                             uint64_t offset, ByteView piece, Day today) {
  AttachmentState state{};
  RETURN_IF_ERROR(writer_->Run(1 + piece.size() / 4096, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(state, AppendIn(transaction.database(), id, owner_hash, offset, piece, today));
    return absl::OkStatus();
  }));
  return state;
}

absl::StatusOr<AttachmentState> SqlcipherAttachments::AppendIn(db::Database& database, const identity::AttachmentId& id,
                                                               const identity::Hash& owner_hash, uint64_t offset,
                                                               ByteView piece, Day today) {
  int64_t row = 0;
  uint64_t size = 0;
  AttachmentState state{};
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT row, size, durable, expires_day FROM attachments "
                                                          "WHERE id = ? AND owner_hash = ? AND expires_day >= ?"));
    find.Bind(1, ByteView(id)).Bind(2, ByteView(owner_hash)).Bind(3, static_cast<int64_t>(today));
    ASSIGN_OR_RETURN(const bool found, find.Step());
    if (!found) return Unknown();
    row = find.Int64(0);
    size = static_cast<uint64_t>(find.Int64(1));
    state = StateOf(find, 2, 3);
  }
  if (offset != state.durable || state.durable == size) return state;
  if (piece.size() != std::min<uint64_t>(identity::kPieceSize, size - state.durable)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_size", "a piece has 262144 bytes, the last one what is left");
  }
  RETURN_IF_ERROR(CheckRoom(database, static_cast<int64_t>(piece.size())));
  {
    ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT INTO pieces (attachment, n, bytes) VALUES (?, ?, ?)"));
    RETURN_IF_ERROR(
        insert.Bind(1, row).Bind(2, static_cast<int64_t>(offset / identity::kPieceSize)).Bind(3, piece).Run());
  }
  state.durable += piece.size();
  if (state.durable == size) state.expires = today + options_.days;
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE attachments SET durable = ?, expires_day = ? WHERE row = ?"));
  RETURN_IF_ERROR(update.Bind(1, static_cast<int64_t>(state.durable)).Bind(2, static_cast<int64_t>(state.expires))
                      .Bind(3, row).Run());
  used_ += static_cast<int64_t>(piece.size());
  state.appended = true;
  return state;
}

absl::StatusOr<AttachmentPiece> SqlcipherAttachments::Read(const identity::AttachmentId& id, uint64_t offset, Day today) {
  CHECK(offset % identity::kPieceSize == 0);
  const Reader reader(*this);
  ASSIGN_OR_RETURN(db::Statement find,
                   reader->Prepare("SELECT a.size, p.bytes FROM attachments a LEFT JOIN pieces p ON p.attachment = a.row AND "
                                   "p.n = ?1 WHERE a.id = ?2 AND a.durable = a.size AND a.expires_day >= ?3"));
  find.Bind(1, static_cast<int64_t>(offset / identity::kPieceSize)).Bind(2, ByteView(id)).Bind(3, static_cast<int64_t>(today));
  ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return Unknown();
  AttachmentPiece piece{ToBytes(find.Blob(1)), static_cast<uint64_t>(find.Int64(0))};
  if (offset >= piece.size) {
    return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "the offset is behind the attachment's end");
  }
  if (find.IsNull(1) || piece.bytes.size() != std::min<uint64_t>(identity::kPieceSize, piece.size - offset)) {
    return absl::DataLossError("a piece of an attachment is missing or has a wrong size");
  }
  return piece;
}

absl::Status SqlcipherAttachments::Remove(const identity::AttachmentId& id, const identity::Hash& owner_hash, Day today) {
  return writer_->Run(1, [&](db::Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(db::Statement update,
                     transaction.database().Prepare("UPDATE attachments SET expires_day = ? WHERE id = ? AND owner_hash = ? "
                                                    "AND expires_day >= ?"));
    RETURN_IF_ERROR(update.Bind(1, static_cast<int64_t>(kRemoved)).Bind(2, ByteView(id)).Bind(3, ByteView(owner_hash))
                        .Bind(4, static_cast<int64_t>(today)).Run());
    return transaction.database().changes() == 1 ? absl::OkStatus() : Unknown();
  });
}

absl::StatusOr<bool> SqlcipherAttachments::PurgeSome(db::Database& database, Day today) {
  int64_t row = 0;
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT row FROM attachments WHERE expires_day < ? LIMIT 1"));
    ASSIGN_OR_RETURN(const bool found, find.Bind(1, static_cast<int64_t>(today)).Step());
    if (!found) return false;
    row = find.Int64(0);
  }
  used_ = -1;
  deleted_ = true;
  ASSIGN_OR_RETURN(db::Statement pieces, database.Prepare("DELETE FROM pieces WHERE row IN (SELECT row FROM pieces WHERE "
                                                          "attachment = ? LIMIT ?)"));
  RETURN_IF_ERROR(pieces.Bind(1, row).Bind(2, kPurgeTogether).Run());
  if (database.changes() == kPurgeTogether) return true;
  ASSIGN_OR_RETURN(db::Statement attachment, database.Prepare("DELETE FROM attachments WHERE row = ?"));
  RETURN_IF_ERROR(attachment.Bind(1, row).Run());
  return true;
}

absl::Status SqlcipherAttachments::Purge(Day today) {
  for (bool more = true; more;) {
    RETURN_IF_ERROR(writer_->Run(1000, [&](db::Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(more, PurgeSome(transaction.database(), today));
      return absl::OkStatus();
    }));
  }
  return writer_->RunAlone([this](db::Database& database) -> absl::Status {
    if (!deleted_) return absl::OkStatus();
    RETURN_IF_ERROR(database.Checkpoint());
    deleted_ = false;
    return absl::OkStatus();
  });
}

}  // namespace plumbline::server
