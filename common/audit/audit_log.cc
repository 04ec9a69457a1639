#include "common/audit/audit_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/audit/record.h"
#include "plumbline/audit/v1/audit.pb.h"

namespace plumbline::audit {
namespace {

constexpr char kTable[] =
    "CREATE TABLE IF NOT EXISTS audit_record ("
    "sequence INTEGER PRIMARY KEY, encoded BLOB NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL)";

absl::Status CheckEntry(const Entry& entry) {
  if (entry.details.size() > kMaxDetails) return absl::InvalidArgumentError("an audit record has too many details");
  const auto fits = [](const std::string& text) { return text.size() <= kMaxText; };
  bool ok = fits(entry.actor) && fits(entry.subject) && fits(entry.reason);
  for (const auto& [name, value] : entry.details) ok = ok && fits(name) && fits(value);
  return ok ? absl::OkStatus() : absl::InvalidArgumentError("a text in an audit record is too long");
}

absl::Status Broken(uint64_t sequence, absl::string_view how) {
  return absl::DataLossError(absl::StrCat("audit_broken: record ", sequence, " ", how));
}

absl::StatusOr<Hash> HashFrom(ByteView blob) {
  Hash hash;
  if (blob.size() != hash.size()) return absl::DataLossError("audit_broken: a stored hash has the wrong size");
  std::copy(blob.begin(), blob.end(), hash.begin());
  return hash;
}

// The row under the cursor: its columns are sequence, encoded, previous, hash.
absl::StatusOr<Record> RowToRecord(const db::Statement& row) {
  const uint64_t sequence = static_cast<uint64_t>(row.Int64(0));
  absl::StatusOr<Record> record = DecodeRecord(row.Blob(1));
  if (!record.ok()) return Broken(sequence, "does not decode");
  ASSIGN_OR_RETURN(record->previous, HashFrom(row.Blob(2)));
  ASSIGN_OR_RETURN(record->hash, HashFrom(row.Blob(3)));
  if (record->sequence != sequence) return Broken(sequence, "was moved from another place");
  return record;
}

}  // namespace

absl::StatusOr<AuditLog> AuditLog::Open(db::Database& database, const Clock& clock) {
  RETURN_IF_ERROR(database.Execute(kTable));
  return AuditLog(database, clock);
}

absl::StatusOr<uint64_t> AuditLog::Append(const Entry& entry) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database_));
  ASSIGN_OR_RETURN(const uint64_t sequence, AppendIn(transaction, entry));
  RETURN_IF_ERROR(transaction.Commit());
  return sequence;
}

absl::StatusOr<uint64_t> AuditLog::AppendIn(db::Transaction& transaction, const Entry& entry) {
  RETURN_IF_ERROR(CheckEntry(entry));
  ASSIGN_OR_RETURN(const Head head, CurrentHead());
  Record record{};
  record.sequence = head.sequence + 1;
  record.time = clock_.Now();
  record.name = std::string(Name(entry.event));
  record.actor = entry.actor;
  record.subject = entry.subject;
  record.outcome = entry.outcome;
  record.reason = entry.reason;
  record.details = entry.details;
  const Bytes encoded = EncodeRecord(record);
  const Hash hash = ChainHash(head.hash, encoded);
  ASSIGN_OR_RETURN(db::Statement insert,
                   transaction.database().Prepare(
                       "INSERT INTO audit_record (sequence, encoded, previous, hash) VALUES (?, ?, ?, ?)"));
  insert.Bind(1, static_cast<int64_t>(record.sequence)).Bind(2, ByteView(encoded));
  insert.Bind(3, ByteView(head.hash)).Bind(4, ByteView(hash));
  RETURN_IF_ERROR(insert.Run());
  return record.sequence;
}

absl::StatusOr<std::vector<Record>> AuditLog::ReadAfter(uint64_t after, size_t limit) {
  std::vector<Record> records;
  if (after > static_cast<uint64_t>(INT64_MAX)) return records;
  ASSIGN_OR_RETURN(db::Statement query,
                   database_.Prepare("SELECT sequence, encoded, previous, hash FROM audit_record WHERE sequence > ? "
                                     "ORDER BY sequence LIMIT ?"));
  query.Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(std::min(limit, kMaxPage)));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return records;
    ASSIGN_OR_RETURN(Record record, RowToRecord(query));
    records.push_back(std::move(record));
  }
}

absl::StatusOr<Head> AuditLog::Verify(const Head& at_least) {
  ASSIGN_OR_RETURN(db::Statement query, database_.Prepare("SELECT sequence, encoded, previous, hash FROM audit_record "
                                                          "ORDER BY sequence"));
  Head head;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) break;
    const uint64_t sequence = static_cast<uint64_t>(query.Int64(0));
    if (sequence != head.sequence + 1) return Broken(head.sequence + 1, "is missing");
    ASSIGN_OR_RETURN(const Record record, RowToRecord(query));
    if (record.previous != head.hash) return Broken(sequence, "does not follow the one before it");
    if (record.hash != ChainHash(head.hash, query.Blob(1))) return Broken(sequence, "was changed");
    head = Head{sequence, record.hash};
    if (sequence == at_least.sequence && head.hash != at_least.hash) {
      return Broken(sequence, "is not the one that was seen earlier: the record was rewritten");
    }
  }
  if (head.sequence < at_least.sequence) return Broken(head.sequence + 1, "is missing: the end was cut off");
  return head;
}

absl::StatusOr<Head> AuditLog::CurrentHead() {
  ASSIGN_OR_RETURN(db::Statement query,
                   database_.Prepare("SELECT sequence, hash FROM audit_record ORDER BY sequence DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return Head();
  ASSIGN_OR_RETURN(const Hash hash, HashFrom(query.Blob(1)));
  return Head{static_cast<uint64_t>(query.Int64(0)), hash};
}

void ToProto(const Record& record, v1::Event& out) {
  out.set_sequence(record.sequence);
  out.set_time_unix(absl::ToUnixSeconds(record.time));
  out.set_name(record.name);
  out.set_actor(record.actor);
  out.set_subject(record.subject);
  out.set_outcome(record.outcome == Outcome::kSuccess ? "success" : "refused");
  out.set_reason(record.reason);
  for (const auto& [name, value] : record.details) (*out.mutable_details())[name] = value;
  out.set_previous_hash(record.previous.data(), record.previous.size());
  out.set_hash(record.hash.data(), record.hash.size());
}

}  // namespace plumbline::audit
