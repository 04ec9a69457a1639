// Follows one directory's log: replays what is new in it, and holds each checkpoint against all that was seen before. What an
// auditor does again and again, and an auditing witness before it cosigns.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/tlog/directory_replay.h"
#include "common/tlog/log_reader.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxAuditState = size_t{1} << 30;  // bytes

// What an audit keeps on disk; both empty before the first checkpoint.
//   struct { opaque "plumbline audit v1"<V>; opaque note<V>; opaque replay<V>; opaque sha256[32]; } AuditState;    // of all
//   before it
struct AuditState {
  std::string note;  // the largest checkpoint that was followed
  Bytes replay;      // DirectoryReplay::Save; empty before the first leaf
};
Bytes Encode(const AuditState& state);
// INVALID_ARGUMENT for anything that Encode does not make.
absl::StatusOr<AuditState> ParseAuditState(ByteView file);

// What is said about a log.
struct AuditResult {
  absl::Status verdict;                  // INVALID_ARGUMENT, in plain words: it broke a rule, or showed two histories
  std::optional<ReplayFinding> finding;  // the first leaf that does not follow
  std::string evidence;                  // of two histories: a file of common/tlog/evidence.h
  Checkpoint checkpoint;
  uint64_t known = 0;  // leaves that were followed before
  bool older = false;  // it is of fewer leaves than were seen, and of the same history
};

// Not thread-safe. Memory: as DirectoryReplay.
class LogAudit final {
 public:
  // Goes on from the file at `path`, or from the first leaf where there is none; one LogAudit a file. `check` is called with each
  // new entry. DATA_LOSS if the file is damaged or another log's; codes of ReadTextFile.
  static absl::StatusOr<LogAudit> Open(std::string path, std::string origin, EntryCheck check = nullptr);

  // Follows `note`, a checkpoint whose signature by the log was verified, with the leaves from `source`. What is said is OK: the
  // file is on disk, and everything up to this checkpoint keeps the rules. No result, and nothing said about the log: codes of
  // the source (NOT_FOUND: leaves are missing; DATA_LOSS: these are not the leaves of the signed root), of the EntryCheck and of
  // the disk. INVALID_ARGUMENT if `note` is no checkpoint of this log.
  absl::StatusOr<AuditResult> Follow(TileSource& source, const std::string& note);

  const std::optional<Checkpoint>& last() const { return last_; }
  size_t people() const { return replay_->people(); }
  size_t map_nodes() const { return map_->count(); }

 private:
  LogAudit(std::string path, std::string origin, EntryCheck check)
      : path_(std::move(path)), origin_(std::move(origin)), check_(std::move(check)) {}
  // What the file says; the memory is as after Open.
  absl::Status Load();
  absl::Status FollowNew(TileSource& source, const std::string& note, AuditResult& out);
  absl::Status FollowOlder(TileSource& source, const std::string& note, AuditResult& out);

  std::string path_, origin_;
  EntryCheck check_;
  std::string note_;
  std::optional<Checkpoint> last_;  // that of note_
  std::unique_ptr<MemoryMap> map_;
  std::unique_ptr<DirectoryReplay> replay_;
};

}  // namespace plumbline::tlog
