#include "common/audit/record_verifier.h"

#include "absl/strings/str_cat.h"
#include "common/audit/record.h"
#include "common/audit/stored_nodes.h"

namespace plumbline::audit {

absl::Status RecordVerifier::Add(ByteView encoded, ByteView signature) {
  const uint64_t expected = range_.size() + 1;
  const absl::StatusOr<Record> record = DecodeRecord(encoded);
  absl::Status wrong;
  if (!record.ok()) wrong = Broken(expected, "was changed: it does not decode");
  if (record.ok() && record->sequence != expected) {
    wrong = Broken(expected, absl::StrCat("is missing or out of order: record ", record->sequence, " is in its place"));
  }
  if (!wrong.ok()) {
    RETURN_IF_ERROR(FirstWrong());  // perhaps an earlier one is what was touched first
    return wrong;
  }
  added_.push_back({tlog::LeafHash(encoded), ToBytes(signature)});
  range_.Append(added_.back().leaf);
  if (seen_ && seen_->size == range_.size()) root_at_seen_ = range_.Root();
  return absl::OkStatus();
}

absl::StatusOr<tlog::Checkpoint> RecordVerifier::Finish(absl::string_view note, Scope scope) {
  const absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::OpenCheckpoint(note, log_);
  const absl::Status end = checkpoint.ok()
                               ? CheckEnd(*checkpoint)
                               : Broken(absl::StrCat("there is no checkpoint signed by ", log_.name(), " (",
                                                     checkpoint.status().message(), ")"));
  // A signature covers everything up to its record, so the first that is wrong is where it began.
  if (!end.ok() || scope == Scope::kEvery) RETURN_IF_ERROR(FirstWrong());
  RETURN_IF_ERROR(end);
  RETURN_IF_ERROR(CheckSeen());
  return checkpoint;
}

absl::Status RecordVerifier::FirstWrong() const {
  tlog::CompactRange range;
  for (const Added& each : added_) {
    range.Append(each.leaf);
    if (!VerifyRecordSignature(log_, range.size(), range.Root(), each.signature).ok()) {
      return Broken(range.size(), "was changed, or replaced by one that the log's key has not signed");
    }
  }
  return absl::OkStatus();
}

absl::Status RecordVerifier::CheckEnd(const tlog::Checkpoint& checkpoint) const {
  if (range_.size() < checkpoint.size) return Broken(range_.size() + 1, "is missing: the end was cut off");
  if (range_.size() > checkpoint.size) return Broken(checkpoint.size + 1, "was added after the last signed checkpoint");
  if (range_.Root() != checkpoint.root) return Broken("the signed checkpoint is not of these records");
  return absl::OkStatus();
}

absl::Status RecordVerifier::CheckSeen() const {
  if (!seen_) return absl::OkStatus();
  if (range_.size() < seen_->size) {
    return absl::DataLossError(absl::StrCat("audit_rolled_back: record ", range_.size() + 1, " to ", seen_->size,
                                            " were there when the record was last verified and are gone: an older copy was put "
                                            "back, or the end was cut off by whoever has the log's key"));
  }
  const tlog::Hash root = seen_->size == 0 ? tlog::EmptyRoot() : *root_at_seen_;
  if (root == seen_->root) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("audit_rewritten: the first ", seen_->size,
                                          " records are not those that were verified earlier: the log has two histories, and "
                                          "both are signed by its key"));
}

}  // namespace plumbline::audit
