#include "witness/witness.h"

#include "absl/strings/str_cat.h"
#include "common/tlog/proof.h"

namespace plumbline::witness {
namespace {

Answer Text(int status, absl::string_view why) { return {status, absl::StrCat(why, "\n")}; }

Answer Conflict(uint64_t size) { return {409, absl::StrCat(size, "\n"), "text/x.tlog.size"}; }

}  // namespace

Witness::Witness(tlog::Cosigner cosigner, std::vector<tlog::VerifierKey> logs, WitnessState state, const Clock& clock,
                 OnEquivocation on_equivocation, std::map<std::string, Audit> audits, OnUnsigned on_unsigned)
    : cosigner_(std::move(cosigner)),
      logs_(std::move(logs)),
      clock_(clock),
      on_equivocation_(std::move(on_equivocation)),
      audits_(std::move(audits)),
      on_unsigned_(std::move(on_unsigned)),
      state_(std::move(state)) {}

Answer Witness::AddCheckpoint(absl::string_view body) {
  const absl::StatusOr<tlog::WitnessRequest> request = tlog::ParseWitnessRequest(body);
  if (!request.ok()) return Text(400, request.status().message());
  std::vector<tlog::VerifierKey> keys;
  for (const tlog::VerifierKey& log : logs_)
    if (log.name() == request->checkpoint.origin) keys.push_back(log);
  if (keys.empty()) return Text(404, "this witness does not know a log of that origin");
  if (!tlog::VerifyNote(request->note, keys).ok()) {
    if (on_unsigned_) on_unsigned_(request->checkpoint.origin);
    return Text(403, "the log has not signed this checkpoint with a key that this witness knows");
  }
  if (request->old_size > request->checkpoint.size) return Text(400, "the old size is above the checkpoint's");
  const std::string note = tlog::FormatNote(request->note);
  if (const auto audit = audits_.find(request->checkpoint.origin); audit != audits_.end()) {
    {
      MutexLock lock(mutex_);
      if (std::optional<Answer> refused = Refuse(*request, note)) return *std::move(refused);
    }
    const absl::Status audited = audit->second(note);
    if (absl::IsInvalidArgument(audited)) return Text(403, absl::StrCat("the log breaks a rule: ", audited.message()));
    if (!audited.ok()) return Text(503, absl::StrCat("the log cannot be audited now: ", audited.message()));
  }
  MutexLock lock(mutex_);
  return Decide(*request, note);
}

std::optional<Answer> Witness::Refuse(const tlog::WitnessRequest& request, const std::string& note) {
  const tlog::Checkpoint& next = request.checkpoint;
  const Cosigned* const last = state_.Find(next.origin);
  const uint64_t size = last == nullptr ? 0 : last->checkpoint.size;
  if (last != nullptr && next.size == size && next.root != last->checkpoint.root) {
    on_equivocation_({last->note, note});
    return Conflict(size);
  }
  if (request.old_size != size) return Conflict(size);
  const absl::Status proved =
      size == 0 || next.size == size
          ? (request.proof.empty() ? absl::OkStatus() : absl::InvalidArgumentError("no proof belongs here"))
          : tlog::VerifyConsistency(size, next.size, last->checkpoint.root, request.proof, next.root);
  if (proved.ok()) return std::nullopt;
  return Text(422, absl::StrCat("the checkpoint does not follow from the last one: ", proved.message()));
}

Answer Witness::Decide(const tlog::WitnessRequest& request, const std::string& note) {
  if (std::optional<Answer> refused = Refuse(request, note)) return *std::move(refused);
  const Cosigned* const last = state_.Find(request.checkpoint.origin);
  if (last == nullptr || last->checkpoint.size != request.checkpoint.size) {
    const absl::Status stored = state_.Put({request.checkpoint, note});
    if (!stored.ok()) return Text(503, "the witness cannot write its state");
  }
  const tlog::NoteSignature cosignature = cosigner_.Cosign(request.note.text, clock_.Now());
  return {200, tlog::FormatSignature(cosignature)};
}

}  // namespace plumbline::witness
