// The attachment store in a SQLCipher file of its own, so that neither its size nor its work stands in the way of messages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/db/database.h"
#include "common/mutex.h"
#include "server/store/attachment_store.h"
#include "server/store/group_commit.h"

namespace plumbline::server {

struct AttachmentOptions {
  std::string path;
  int readers = 4;                             // connections for reading
  int64_t max_bytes = int64_t{10240} << 20;    // of all attachments together, an empty one counted as 4096
  int days = 30;                               // that a complete attachment is kept
};

class SqlcipherAttachments final : public AttachmentStore {
 public:
  // Opens or creates; codes as db::Database::Open.
  static absl::StatusOr<std::unique_ptr<SqlcipherAttachments>> Create(const AttachmentOptions& options, const db::Key& key);
  ~SqlcipherAttachments() override;

  absl::StatusOr<AttachmentState> Begin(const NewAttachment& attachment, Day today) override;
  absl::StatusOr<AttachmentState> Append(const identity::AttachmentId& id, const identity::Hash& owner_hash, uint64_t offset,
                                         ByteView piece, Day today) override;
  absl::StatusOr<AttachmentPiece> Read(const identity::AttachmentId& id, uint64_t offset, Day today) override;
  absl::Status Remove(const identity::AttachmentId& id, const identity::Hash& owner_hash, Day today) override;
  absl::Status Purge(Day today) override;

 private:
  class Reader;  // a connection on loan

  explicit SqlcipherAttachments(const AttachmentOptions& options) : options_(options) {}
  absl::Status Start(const db::Key& key);

  // On the writing thread, in a transaction.
  absl::StatusOr<AttachmentState> BeginIn(db::Database& database, const NewAttachment& attachment, Day today);
  absl::StatusOr<AttachmentState> AppendIn(db::Database& database, const identity::AttachmentId& id,
                                           const identity::Hash& owner_hash, uint64_t offset, ByteView piece, Day today);
  // A few pieces of one attachment that has ended, and it itself with the last. True if there may be more.
  absl::StatusOr<bool> PurgeSome(db::Database& database, Day today);
  // RESOURCE_EXHAUSTED storage_full unless `bytes` more are allowed.
  absl::Status CheckRoom(db::Database& database, int64_t bytes);

  const AttachmentOptions options_;
  std::unique_ptr<GroupCommit> writer_;

  // Touched only by the writing thread.
  int64_t used_ = -1;     // of the quota, bytes; -1: to be counted
  bool deleted_ = false;  // something since the last checkpoint

  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<db::Database>> readers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::server
