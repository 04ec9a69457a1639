#include "common/tlog/log_audit.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"

namespace plumbline::tlog {
namespace {

constexpr char kLabel[] = "plumbline audit v1";

absl::Status TwoHistories(const Checkpoint& one, const Checkpoint& other) {
  return absl::InvalidArgumentError(
      one.size == other.size
          ? absl::StrCat("the log showed two histories: it signed two trees of ", one.size, " leaves")
          : absl::StrCat("the log showed two histories: its tree of ", std::max(one.size, other.size),
                         " leaves does not begin with the one of ", std::min(one.size, other.size), " that it signed"));
}

// The evidence that `larger`, which `reader` reads, does not begin with `smaller`; empty if it does.
absl::StatusOr<std::string> ForkOf(LogReader& reader, const Checkpoint& smaller, const std::string& smaller_note,
                                   const Checkpoint& larger, const std::string& larger_note) {
  if (smaller.size == 0) return std::string();
  Fork fork{smaller_note, larger_note, {}, {}};
  ASSIGN_OR_RETURN(fork.other, Root(reader, smaller.size));
  if (fork.other == smaller.root) return std::string();
  ASSIGN_OR_RETURN(fork.proof, ProveConsistency(reader, smaller.size, larger.size));
  return FormatFork(fork);
}

}  // namespace

Bytes Encode(const AuditState& state) {
  Writer out(state.note.size() + state.replay.size() + 100);
  out.Vector(AsBytes(kLabel)).Vector(AsBytes(state.note)).Vector(state.replay);
  const Hash hash = Sha256(out.view());
  out.Fixed(hash);
  return out.TakeBytes();
}

absl::StatusOr<AuditState> ParseAuditState(ByteView file) {
  Reader in(file);
  ASSIGN_OR_RETURN(const ByteView label, in.Vector(sizeof(kLabel)));
  ASSIGN_OR_RETURN(const ByteView note, in.Vector(kMaxNote));
  ASSIGN_OR_RETURN(const ByteView replay, in.Vector(kMaxVarint));
  const size_t hashed = file.size() - in.rest().size();
  ASSIGN_OR_RETURN(const ByteView hash, in.Fixed(sizeof(Hash)));
  RETURN_IF_ERROR(in.Done());
  if (!Equal(label, AsBytes(kLabel)) || !Equal(hash, Sha256(file.first(hashed))))
    return absl::InvalidArgumentError("not the state of an audit");
  return AuditState{ToString(note), ToBytes(replay)};
}

absl::StatusOr<LogAudit> LogAudit::Open(std::string path, std::string origin, EntryCheck check) {
  LogAudit out(std::move(path), std::move(origin), std::move(check));
  RETURN_IF_ERROR(out.Load());
  return out;
}

absl::Status LogAudit::Load() {
  note_.clear();
  last_.reset();
  map_ = std::make_unique<MemoryMap>();
  replay_ = std::make_unique<DirectoryReplay>(origin_, *map_, check_);
  const absl::StatusOr<std::string> file = ReadTextFile(path_, kMaxAuditState);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  RETURN_IF_ERROR(file.status());
  const auto damaged = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat("audit_damaged: ", path_, ": ", why,
                                            "; put a copy of it back, or move it away: the log is then ",
                                            "read from its first leaf again, and what it showed before is not known any more"));
  };
  const absl::StatusOr<AuditState> state = ParseAuditState(AsBytes(*file));
  if (!state.ok()) return damaged(state.status().message());
  const absl::StatusOr<Note> note = ParseNote(state->note);
  if (!note.ok()) return damaged(note.status().message());
  const absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(note->text);
  if (!checkpoint.ok()) return damaged(checkpoint.status().message());
  if (checkpoint->origin != origin_) return damaged(absl::StrCat("it is of the log ", checkpoint->origin));
  absl::Status restored = state->replay.empty() ? absl::OkStatus() : replay_->Restore(state->replay);
  if (restored.ok() && replay_->size() != checkpoint->size) restored = absl::InvalidArgumentError("it is of other leaves");
  if (restored.ok()) restored = replay_->Check(*checkpoint);
  if (!restored.ok()) return damaged(restored.message());
  note_ = state->note;
  last_ = *checkpoint;
  return absl::OkStatus();
}

absl::StatusOr<AuditResult> LogAudit::Follow(TileSource& source, const std::string& note) {
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  AuditResult out;
  ASSIGN_OR_RETURN(out.checkpoint, ParseCheckpoint(parsed.text));
  if (out.checkpoint.origin != origin_) return absl::InvalidArgumentError("the checkpoint is another log's");
  out.known = last_ ? last_->size : 0;
  if (last_ && out.checkpoint == *last_) return out;
  if (last_ && out.checkpoint.size == last_->size) {
    out.evidence = FormatEquivocation({note_, note});
    out.verdict = TwoHistories(*last_, out.checkpoint);
    return out;
  }
  if (last_ && out.checkpoint.size < last_->size) {
    RETURN_IF_ERROR(FollowOlder(source, note, out));
    return out;
  }
  const absl::Status followed = FollowNew(source, note, out);
  if (followed.ok() && out.verdict.ok()) return out;
  RETURN_IF_ERROR(Load());  // what was half done is undone
  RETURN_IF_ERROR(followed);
  return out;
}

absl::Status LogAudit::FollowNew(TileSource& source, const std::string& note, AuditResult& out) {
  const Checkpoint& checkpoint = out.checkpoint;
  ASSIGN_OR_RETURN(LogReader reader, LogReader::Open(source, checkpoint));
  if (last_) {
    ASSIGN_OR_RETURN(out.evidence, ForkOf(reader, *last_, note_, checkpoint, note));
    if (!out.evidence.empty()) {
      out.verdict = TwoHistories(*last_, checkpoint);
      return absl::OkStatus();
    }
  }
  absl::Status taken =
      reader.ReadLeaves(replay_->size(), checkpoint.size, [this](uint64_t, ByteView leaf) { return replay_->Take(leaf); });
  if (taken.ok()) taken = replay_->Check(checkpoint);
  if (replay_->finding()) {
    out.finding = replay_->finding();
    out.verdict = taken;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(taken);
  AuditState state{note, {}};
  if (checkpoint.size > 0) {
    ASSIGN_OR_RETURN(state.replay, replay_->Save());
  }
  RETURN_IF_ERROR(WriteFileAtomically(path_, Encode(state), 0600));
  note_ = note;
  last_ = checkpoint;
  return absl::OkStatus();
}

absl::Status LogAudit::FollowOlder(TileSource& source, const std::string& note, AuditResult& out) {
  const Checkpoint& checkpoint = out.checkpoint;
  out.older = true;
  if (checkpoint.size == 0) return absl::OkStatus();
  absl::StatusOr<LogReader> reader = LogReader::Open(source, *last_);
  if (!reader.ok()) {
    return absl::Status(reader.status().code(),
                        absl::StrCat("the checkpoint is of ", checkpoint.size, " leaves, one of ", last_->size,
                                     " was seen before, and its files cannot be read: ", reader.status().message()));
  }
  ASSIGN_OR_RETURN(out.evidence, ForkOf(*reader, checkpoint, note, *last_, note_));
  if (!out.evidence.empty()) {
    out.verdict = TwoHistories(*last_, checkpoint);
    return absl::OkStatus();
  }
  // All its leaves were followed when the larger one was.
  return reader->ReadLeaves(checkpoint.size - 1, checkpoint.size, [&](uint64_t, ByteView wire) {
    ASSIGN_OR_RETURN(const DirectoryLeaf leaf, ParseDirectoryLeaf(wire));
    if (std::holds_alternative<MapRootLeaf>(leaf)) return absl::OkStatus();
    out.finding = ReplayFinding{ReplayRule::kOpenBatch, checkpoint.size};
    out.verdict = absl::InvalidArgumentError(absl::StrCat("leaf ", checkpoint.size, ": ", Describe(ReplayRule::kOpenBatch)));
    return absl::OkStatus();
  });
}

}  // namespace plumbline::tlog
