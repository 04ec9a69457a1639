#include "keyserver/store/sqlcipher_directory_store.h"

#include <algorithm>
#include <functional>

#include "keyserver/store/log_files.h"

namespace plumbline::keyserver {
namespace {

constexpr size_t kHandedOverSize = 256;  // bytes, about

struct VersionedRecord {
  SignedBytes record;
  std::vector<Bytes> credentials;
};

absl::StatusOr<Bytes> ReadCredential(db::Database& database, const identity::RecordDevice& device) {
  for (const char* sql : {"SELECT credential FROM device WHERE id = ?", "SELECT credential FROM revoked_device WHERE id = ?"}) {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare(sql));
    ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(device.device_id)).Step());
    if (!found) continue;
    if (Sha256(select.Blob(0)) != device.credential_hash) break;
    return ToBytes(select.Blob(0));
  }
  ASSIGN_OR_RETURN(db::Statement former, database.Prepare("SELECT credential FROM former_credential WHERE hash = ?"));
  ASSIGN_OR_RETURN(const bool renewed, former.Bind(1, ByteView(device.credential_hash)).Step());
  if (renewed) return ToBytes(former.Blob(0));
  // Of a device that was removed before its certificate was kept: that record cannot be told any more.
  return Bytes();
}

absl::StatusOr<VersionedRecord> ReadRecord(db::Database& database, absl::string_view user, uint64_t version) {
  VersionedRecord out;
  {
    ASSIGN_OR_RETURN(db::Statement select,
                     database.Prepare("SELECT record, signature FROM directory_record WHERE user = ? AND version = ?"));
    ASSIGN_OR_RETURN(const bool found, select.Bind(1, user).Bind(2, static_cast<int64_t>(version)).Step());
    if (!found) return absl::DataLossError("a directory record is missing");
    out.record = {ToBytes(select.Blob(0)), ToBytes(select.Blob(1))};
  }
  const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(out.record.bytes);
  if (!parsed.ok()) return absl::DataLossError("a stored directory record does not parse");
  for (const identity::RecordDevice& device : parsed->devices) {
    ASSIGN_OR_RETURN(out.credentials.emplace_back(), ReadCredential(database, device));
  }
  return out;
}

size_t SizeOf(const FeedLeaf& leaf) {
  size_t out = leaf.leaf.size();
  if (!leaf.opened) return out;
  out += leaf.opened->record.bytes.size();
  for (const Bytes& credential : leaf.opened->credentials) out += credential.size();
  return out;
}

using OwnerOf = std::function<absl::StatusOr<std::optional<DirectoryLog::Owner>>(size_t i)>;

// The first of `leaves`, about `max_bytes`, with what they commit to; without that where `owner_of` is null.
absl::StatusOr<std::vector<FeedLeaf>> Opened(db::Database& database, std::vector<Bytes> leaves, size_t max_bytes, const OwnerOf& owner_of) {
  std::vector<FeedLeaf> out;
  size_t bytes = 0;
  for (size_t i = 0; i < leaves.size() && bytes < max_bytes; ++i) {
    FeedLeaf leaf{std::move(leaves[i]), std::nullopt};
    if (owner_of != nullptr) {
      ASSIGN_OR_RETURN(const std::optional<DirectoryLog::Owner> owner, owner_of(i));
      if (owner) {
        ASSIGN_OR_RETURN(VersionedRecord record, ReadRecord(database, owner->user, owner->version));
        leaf.opened = FeedLeaf::Opened{owner->nonce, owner->user, std::move(record.record), std::move(record.credentials)};
      }
    }
    bytes += SizeOf(leaf);
    out.push_back(std::move(leaf));
  }
  return out;
}

}  // namespace

absl::StatusOr<DirectoryEntry> SqlcipherDirectoryStore::Find(const identity::UserUri& user) {
  MutexLock lock(connection_.mutex());
  DirectoryLog& log = connection_.directory();
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, log.PublishedVersion(user));
  if (!version) {
    ASSIGN_OR_RETURN(directory::Answer nobody, log.AnswerFor(user, {}));
    return DirectoryEntry{std::move(nobody), {}, {}};
  }
  ASSIGN_OR_RETURN(VersionedRecord record, ReadRecord(connection_.database(), user.ToString(), *version));
  ASSIGN_OR_RETURN(directory::Answer answer, log.AnswerFor(user, record.record.bytes));
  return DirectoryEntry{std::move(answer), std::move(record.record.signature), std::move(record.credentials)};
}

absl::StatusOr<FeedPage> SqlcipherDirectoryStore::ReadLog(uint64_t from, size_t limit, size_t max_bytes, bool opened) {
  MutexLock lock(connection_.mutex());
  DirectoryLog& log = connection_.directory();
  ASSIGN_OR_RETURN(DirectoryLog::Head head, log.RequirePublished());
  FeedPage page{std::move(head.note), {}};
  ASSIGN_OR_RETURN(std::vector<Bytes> leaves, log.ReadLeaves(from, head.size, limit));
  const auto owner_of = [&](size_t i) { return log.OwnerOf(from + i); };
  ASSIGN_OR_RETURN(page.leaves, Opened(connection_.database(), std::move(leaves), max_bytes, opened ? owner_of : OwnerOf()));
  return page;
}

absl::StatusOr<FormerPage> SqlcipherDirectoryStore::ReadFormer(uint64_t number, const FormerPlace& from, size_t limit, size_t max_bytes,
                                                               bool opened) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(connection_.directory().RequirePublished().status());
  FormerLogs logs(connection_.database());
  ASSIGN_OR_RETURN(std::optional<FormerLog> log, logs.Find(number));
  if (!log) return absl::NotFoundError("no log of the directory with that number was succeeded");
  FormerPage page{*std::move(log), {}, {}};
  ASSIGN_OR_RETURN(std::vector<Bytes> leaves, logs.ReadLeaves(page.log, from.leaf, limit));
  const auto owner_of = [&](size_t i) { return logs.OwnerOf(page.log, from.leaf + i); };
  ASSIGN_OR_RETURN(page.leaves, Opened(connection_.database(), std::move(leaves), max_bytes, opened ? owner_of : OwnerOf()));
  if (from.leaf >= page.log.size) {
    ASSIGN_OR_RETURN(page.handed_over, logs.HandedOverAfter(page.log, from.handed_over, std::min(limit, max_bytes / kHandedOverSize)));
  }
  return page;
}

absl::StatusOr<DirectoryLog::Head> SqlcipherDirectoryStore::Newest() {
  MutexLock lock(connection_.mutex());
  return connection_.directory().Newest();
}

absl::StatusOr<DirectoryLog::Head> SqlcipherDirectoryStore::Published() {
  MutexLock lock(connection_.mutex());
  return connection_.directory().Published();
}

absl::StatusOr<std::vector<tlog::Hash>> SqlcipherDirectoryStore::ProveConsistency(uint64_t from, uint64_t size) {
  MutexLock lock(connection_.mutex());
  return connection_.directory().ProveConsistency(from, size);
}

absl::Status SqlcipherDirectoryStore::Publish(absl::string_view note) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  RETURN_IF_ERROR(connection_.directory().Publish(transaction, note));
  return transaction.Commit();
}

absl::Status SqlcipherDirectoryStore::WriteFiles(const std::string& folder) {
  MutexLock lock(connection_.mutex());
  return WriteLogFiles(connection_.database(), connection_.directory(), folder);
}

}  // namespace plumbline::keyserver
