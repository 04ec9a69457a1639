#include "common/audit/audit_log.h"

#include "absl/strings/str_cat.h"
#include "common/audit/stored_nodes.h"

namespace plumbline::audit {
namespace {

absl::Status CheckEntry(const Entry& entry) {
  if (entry.details.size() > kMaxDetails) return absl::InvalidArgumentError("an audit record has too many details");
  const auto fits = [](const std::string& text) { return text.size() <= kMaxText; };
  bool ok = fits(entry.actor) && fits(entry.subject) && fits(entry.reason);
  for (const auto& [name, value] : entry.details) ok = ok && fits(name) && fits(value);
  return ok ? absl::OkStatus() : absl::InvalidArgumentError("a text in an audit record is too long");
}

absl::Status MakeTables(db::Database& database, const LogKey& key) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  for (const char* sql : kTables) RETURN_IF_ERROR(database.Execute(sql));
  ASSIGN_OR_RETURN(const std::string note, key.SignCheckpoint(0, tlog::EmptyRoot()));
  RETURN_IF_ERROR(WriteCheckpoint(database, note));
  return transaction.Commit();
}

}  // namespace

absl::StatusOr<AuditLog> AuditLog::Open(db::Database& database, const Clock& clock, const LogKey& key) {
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(database));
  if (layout == Layout::kNone) RETURN_IF_ERROR(MakeTables(database, key));
  if (layout == Layout::kChain) RETURN_IF_ERROR(AuditReader::Open(database, key.verifier()).status());
  return AuditLog(database, clock, key);
}

absl::StatusOr<uint64_t> AuditLog::Append(const Entry& entry) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database_));
  ASSIGN_OR_RETURN(const uint64_t sequence, AppendIn(transaction, entry));
  RETURN_IF_ERROR(transaction.Commit());
  return sequence;
}

absl::StatusOr<uint64_t> AuditLog::AppendIn(db::Transaction& transaction, const Entry& entry) {
  RETURN_IF_ERROR(CheckEntry(entry));
  db::Database& database = transaction.database();
  ASSIGN_OR_RETURN(const uint64_t size, CheckedSize());
  const Record record{.sequence = size + 1,
                      .time = clock_.Now(),
                      .name = std::string(Name(entry.event)),
                      .actor = entry.actor,
                      .subject = entry.subject,
                      .reason = entry.reason,
                      .outcome = entry.outcome,
                      .details = entry.details,
                      .signature = {}};
  const Bytes encoded = EncodeRecord(record);
  StoredNodes nodes(database);
  const absl::Status grown = tlog::Append(nodes, size, tlog::LeafHash(encoded));
  if (absl::IsAlreadyExists(grown)) return Broken("a node of the tree stands where the next record's belongs");
  RETURN_IF_ERROR(grown);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, record.sequence));
  ASSIGN_OR_RETURN(const Bytes signature, key_.SignRecord(record.sequence, root));
  RETURN_IF_ERROR(InsertRecord(database, record.sequence, encoded, signature));
  ASSIGN_OR_RETURN(const std::string note, key_.SignCheckpoint(record.sequence, root));
  RETURN_IF_ERROR(WriteCheckpoint(database, note));
  return record.sequence;
}

// How many records there are, if tree and checkpoint agree on it.
absl::StatusOr<uint64_t> AuditLog::CheckedSize() {
  uint64_t size = 0;
  {
    ASSIGN_OR_RETURN(db::Statement query, database_.Prepare("SELECT IFNULL(MAX(sequence), 0) FROM audit_record"));
    RETURN_IF_ERROR(query.Step().status());
    size = static_cast<uint64_t>(query.Int64(0));
  }
  ASSIGN_OR_RETURN(const std::string note, ReadCheckpoint(database_));
  const absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::OpenCheckpoint(note, key_.verifier());
  if (checkpoint.ok() && checkpoint->size == size) {
    StoredNodes nodes(database_);
    const absl::StatusOr<tlog::Hash> root = tlog::Root(nodes, size);
    if (root.ok() && *root == checkpoint->root) return size;
    if (!root.ok() && !absl::IsDataLoss(root.status())) return root.status();
  }
  RETURN_IF_ERROR(reader().Verify().status());  // names the record
  return Broken("the end of the log is not what its checkpoint says");
}

}  // namespace plumbline::audit
