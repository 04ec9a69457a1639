// Reading and verifying the audit record in a database. Needs the log's public key only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/audit/record.h"
#include "common/audit/record_verifier.h"
#include "common/db/database.h"

namespace plumbline::audit {

inline constexpr size_t kMaxPage = 1000;  // records in one read

// A part of the record and the state of the whole, all of one moment.
struct Page {
  std::vector<Record> records;
  std::string checkpoint;  // the signed note
  bool intact = false;     // the whole record was recomputed and is what the checkpoint says
};

// Over one connection, and as little thread-safe as that. Beside a writer of another connection it may read a record and its
// checkpoint from two moments: Verify begins again then.
class AuditReader final {
 public:
  // FAILED_PRECONDITION audit_key_missing if the record is a chain of an earlier version, or there is none.
  static absl::StatusOr<AuditReader> Open(db::Database& database, tlog::VerifierKey log);

  // Up to `limit` (at most kMaxPage) records with sequence > `after`, oldest first, as they are: whether they are what was
  // recorded only Verify tells. DATA_LOSS if one does not decode.
  absl::StatusOr<std::vector<Record>> ReadAfter(uint64_t after, size_t limit);
  absl::StatusOr<Page> ReadPage(uint64_t after, size_t limit);
  // Canonical bytes and signature of each row in order, as they are; stops at the first status that is not OK.
  absl::Status ForEach(const std::function<absl::Status(ByteView encoded, ByteView signature)>& visit);
  // The last signed note.
  absl::StatusOr<std::string> Checkpoint();

  // Recomputes the whole record, its checkpoint and the stored tree. DATA_LOSS as RecordVerifier.
  absl::StatusOr<tlog::Checkpoint> Verify(Scope scope = Scope::kEvery);

 private:
  friend class AuditLog;
  AuditReader(db::Database& database, tlog::VerifierKey log) : database_(&database), log_(std::move(log)) {}
  absl::StatusOr<tlog::Checkpoint> VerifyOnce(Scope scope);
  absl::Status CheckNodes();

  db::Database* database_;
  tlog::VerifierKey log_;
};

}  // namespace plumbline::audit
