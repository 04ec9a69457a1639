#include "common/audit/audit_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/audit/stored_nodes.h"

namespace plumbline::audit {
namespace {

// What Append would write, compared with what is there.
class ComparedNodes final : public tlog::NodeStore {
 public:
  explicit ComparedNodes(db::Database& database) : stored_(database) {}
  absl::StatusOr<tlog::Hash> Read(tlog::NodeId node) override { return stored_.Read(node); }
  absl::Status Write(tlog::NodeId node, const tlog::Hash& hash) override {
    ++count_;
    ASSIGN_OR_RETURN(const tlog::Hash stored, stored_.Read(node));
    return stored == hash ? absl::OkStatus() : absl::DataLossError("a node differs");
  }
  int64_t count() const { return count_; }

 private:
  StoredNodes stored_;
  int64_t count_ = 0;
};

}  // namespace

absl::StatusOr<AuditReader> AuditReader::Open(db::Database& database, tlog::VerifierKey log) {
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(database));
  if (layout != Layout::kTree) {
    return absl::FailedPreconditionError(
        "audit_key_missing: this database has no signed audit record yet; if it is of an earlier version, run make-audit-key once");
  }
  return AuditReader(database, std::move(log));
}

absl::StatusOr<std::vector<Record>> AuditReader::ReadAfter(uint64_t after, size_t limit) {
  std::vector<Record> records;
  if (after > static_cast<uint64_t>(INT64_MAX)) return records;
  ASSIGN_OR_RETURN(db::Statement query, database_->Prepare("SELECT sequence, encoded, signature FROM audit_record "
                                                           "WHERE sequence > ? ORDER BY sequence LIMIT ?"));
  query.Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(std::min(limit, kMaxPage)));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return records;
    absl::StatusOr<Record> record = DecodeRecord(query.Blob(1));
    if (!record.ok()) return Broken(static_cast<uint64_t>(query.Int64(0)), "was changed: it does not decode");
    record->signature = ToBytes(query.Blob(2));
    records.push_back(*std::move(record));
  }
}

absl::StatusOr<Page> AuditReader::ReadPage(uint64_t after, size_t limit) {
  Page page;
  ASSIGN_OR_RETURN(page.records, ReadAfter(after, limit));
  ASSIGN_OR_RETURN(page.checkpoint, Checkpoint());
  page.intact = Verify(Scope::kTree).ok();
  return page;
}

absl::Status AuditReader::ForEach(const std::function<absl::Status(ByteView, ByteView)>& visit) {
  ASSIGN_OR_RETURN(db::Statement query, database_->Prepare("SELECT encoded, signature FROM audit_record ORDER BY sequence"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return absl::OkStatus();
    RETURN_IF_ERROR(visit(query.Blob(0), query.Blob(1)));
  }
}

absl::StatusOr<std::string> AuditReader::Checkpoint() { return ReadCheckpoint(*database_); }

absl::StatusOr<tlog::Checkpoint> AuditReader::Verify(Scope scope) {
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const std::string before, Checkpoint());
    absl::StatusOr<tlog::Checkpoint> verified = VerifyOnce(scope);
    if (verified.ok() || attempt == 5) return verified;
    ASSIGN_OR_RETURN(const std::string after, Checkpoint());
    if (before == after) return verified;  // nobody wrote meanwhile
  }
}

absl::StatusOr<tlog::Checkpoint> AuditReader::VerifyOnce(Scope scope) {
  RecordVerifier verifier(log_);
  RETURN_IF_ERROR(ForEach([&](ByteView encoded, ByteView signature) { return verifier.Add(encoded, signature); }));
  ASSIGN_OR_RETURN(const std::string note, Checkpoint());
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, verifier.Finish(note, scope));
  RETURN_IF_ERROR(CheckNodes());
  return checkpoint;
}

// The stored tree is what the next append builds on.
absl::Status AuditReader::CheckNodes() {
  ComparedNodes nodes(*database_);
  uint64_t size = 0;
  RETURN_IF_ERROR(ForEach([&](ByteView encoded, ByteView) {
    const absl::Status same = tlog::Append(nodes, size, tlog::LeafHash(encoded));
    ++size;
    return same.ok() ? same : Broken(size, "is not what the stored tree has in its place");
  }));
  // Readers and the next append go by the numbers of the rows.
  ASSIGN_OR_RETURN(db::Statement last, database_->Prepare("SELECT IFNULL(MIN(sequence), 1), IFNULL(MAX(sequence), 0) FROM audit_record"));
  RETURN_IF_ERROR(last.Step().status());
  if (last.Int64(0) != 1) return Broken(1, "is not stored under its number");
  if (static_cast<uint64_t>(last.Int64(1)) != size) return Broken(size, "or one before it is not stored under its number");
  ASSIGN_OR_RETURN(db::Statement count, database_->Prepare("SELECT COUNT(*) FROM audit_node"));
  RETURN_IF_ERROR(count.Step().status());
  return count.Int64(0) == nodes.count() ? absl::OkStatus() : Broken("the stored tree has nodes of records that are not there");
}

}  // namespace plumbline::audit
