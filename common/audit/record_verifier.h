// Checks a whole audit record while it goes by, wherever it comes from: a database, an answer, a file. What counts is a checkpoint
// that the log's key signed over the root recomputed here; if that fails, the records' own signatures tell where it began.
#pragma once

#include <optional>
#include <vector>

#include "common/audit/log_key.h"

namespace plumbline::audit {

enum class Scope {
  kTree,   // the tree and its checkpoint: enough to know that nothing was touched
  kEvery,  // each record's signature as well (about 60 us for each)
};

// Not thread-safe. After a failure give up.
class RecordVerifier final {
 public:
  // `seen`: a checkpoint of this log that was verified earlier; the record must still begin with what that one stood for.
  explicit RecordVerifier(const tlog::VerifierKey& log, std::optional<tlog::Checkpoint> seen = std::nullopt)
      : log_(log), seen_(std::move(seen)) {}

  // The next record: canonical bytes and signature. DATA_LOSS audit_broken names the first record that is changed, missing or
  // out of order, as far as that can be said now.
  absl::Status Add(ByteView encoded, ByteView signature);
  // That was all of it, and `note` is its checkpoint. DATA_LOSS audit_broken names the first wrong record; audit_rolled_back or
  // audit_rewritten if it contradicts `seen`.
  absl::StatusOr<tlog::Checkpoint> Finish(absl::string_view note, Scope scope = Scope::kEvery);

  uint64_t size() const { return range_.size(); }

 private:
  struct Added {
    tlog::Hash leaf;
    Bytes signature;
  };
  absl::Status FirstWrong() const;
  absl::Status CheckEnd(const tlog::Checkpoint& checkpoint) const;
  absl::Status CheckSeen() const;

  const tlog::VerifierKey log_;
  const std::optional<tlog::Checkpoint> seen_;
  tlog::CompactRange range_;
  std::optional<tlog::Hash> root_at_seen_;
  std::vector<Added> added_;  // about 120 bytes for each record
};

}  // namespace plumbline::audit
