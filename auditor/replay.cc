#include "auditor/replay.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/tlog/log_audit.h"
#include "common/tlog/policy.h"
#include "common/tlog/tile_sources.h"

namespace plumbline::auditor {
namespace {

// The folder of one log's audit, held alone.
class StateFolder final {
 public:
  static absl::StatusOr<StateFolder> Open(const std::string& path) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      return absl::UnavailableError(absl::StrCat("cannot make ", path, ": ", std::strerror(errno)));
    const std::string lock_path = absl::StrCat(path, "/lock");
    StateFolder out(path, open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    if (out.lock_ < 0) return absl::UnavailableError(absl::StrCat("cannot open ", lock_path, ": ", std::strerror(errno)));
    if (flock(out.lock_, LOCK_EX | LOCK_NB) != 0)
      return absl::FailedPreconditionError(absl::StrCat("in_use: another auditor is at work in ", path, "; let it end first"));
    return out;
  }
  StateFolder(StateFolder&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  ~StateFolder() {
    if (lock_ >= 0) close(lock_);
  }

  std::string audit() const { return absl::StrCat(path_, "/audit"); }
  // The path of the file; the same text is the same file.
  absl::StatusOr<std::string> Keep(absl::string_view text, absl::string_view ending) const {
    const std::string folder = absl::StrCat(path_, "/evidence");
    mkdir(folder.c_str(), 0700);
    const std::string path = absl::StrCat(folder, "/", ToHex(ByteView(Sha256(AsBytes(text))).first(8)), ending);
    RETURN_IF_ERROR(WriteFileAtomically(path, AsBytes(text), 0600));
    return path;
  }

 private:
  StateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

struct Believed {
  tlog::Checkpoint checkpoint;
  std::vector<std::string> witnesses;  // by their names in the policy
};

absl::StatusOr<Believed> Open(const ReplayOptions& options, const std::string& note) {
  Believed out;
  if (options.policy_file.empty()) {
    ASSIGN_OR_RETURN(const std::vector<tlog::VerifierKey> log, tlog::ParseLogKeys(options.log_keys));
    ASSIGN_OR_RETURN(out.checkpoint, tlog::OpenCheckpoint(note, log));
    return out;
  }
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(options.policy_file, tlog::kMaxPolicy));
  ASSIGN_OR_RETURN(const tlog::Policy policy, tlog::Policy::Parse(text));
  ASSIGN_OR_RETURN(const tlog::WitnessedCheckpoint witnessed, policy.Open(note));
  out.checkpoint = witnessed.checkpoint;
  for (const auto& cosignature : witnessed.cosignatures) out.witnesses.push_back(cosignature.witness);
  return out;
}

void PrintJson(const tlog::AuditResult& result, const Believed& believed, size_t people, const std::string& evidence) {
  nlohmann::json out = {
      {"log", result.checkpoint.origin}, {"size", result.checkpoint.size}, {"root", ToHex(result.checkpoint.root)},
      {"known", result.known},           {"older", result.older},          {"witnesses", believed.witnesses},
      {"ok", result.verdict.ok()}};
  if (result.verdict.ok()) out["people"] = people;
  if (!result.verdict.ok()) out["cause"] = std::string(result.verdict.message());
  if (result.finding) out["finding"] = {{"leaf", result.finding->leaf}, {"rule", std::string(NameOf(result.finding->rule))}};
  if (!evidence.empty()) out["evidence"] = evidence;
  std::printf("%s\n", out.dump().c_str());
}

void PrintText(const tlog::AuditResult& result, size_t people, const std::string& evidence) {
  const tlog::Checkpoint& checkpoint = result.checkpoint;
  std::string text = absl::StrCat(checkpoint.origin, ": ");
  if (!result.verdict.ok()) {
    absl::StrAppend(&text, result.verdict.message());
  } else if (result.older) {
    absl::StrAppend(&text, "the checkpoint is an older one, of ", checkpoint.size, " leaves where ", result.known,
                    " were followed; it is of the same history");
  } else {
    absl::StrAppend(&text, checkpoint.size, " leaves, ", checkpoint.size - result.known, " of them new, of ", people,
                    " people: they keep every rule");
  }
  if (!evidence.empty()) absl::StrAppend(&text, "\nkept: ", evidence);
  if (!result.evidence.empty()) absl::StrAppend(&text, "\nAnybody can check it: plumbline-auditor check-evidence FILE --log KEY");
  std::printf("%s\n", text.c_str());
}

}  // namespace

absl::StatusOr<bool> Replay(const ReplayOptions& options) {
  if (options.log_keys.empty() == options.policy_file.empty())
    return absl::InvalidArgumentError("give --log with the log's verifier key, or --policy with a file that names it");
  ASSIGN_OR_RETURN(const std::unique_ptr<tlog::TileSource> source, tlog::OpenTileSource(options.source));
  ASSIGN_OR_RETURN(const StateFolder folder, StateFolder::Open(options.state));
  const absl::StatusOr<std::string> note = tlog::FetchCheckpoint(*source);
  if (!note.ok())
    return absl::Status(note.status().code(), absl::StrCat("no checkpoint from ", options.source, ": ", note.status().message()));
  ASSIGN_OR_RETURN(const Believed believed, Open(options, *note));
  ASSIGN_OR_RETURN(tlog::LogAudit audit, tlog::LogAudit::Open(folder.audit(), believed.checkpoint.origin));
  ASSIGN_OR_RETURN(const tlog::AuditResult result, audit.Follow(*source, *note));
  std::string evidence;
  if (!result.evidence.empty()) {
    ASSIGN_OR_RETURN(evidence, folder.Keep(result.evidence, ".evidence"));
  } else if (!result.verdict.ok()) {
    // What the log signed for: with any other tree of that size it is evidence.
    ASSIGN_OR_RETURN(evidence, folder.Keep(*note, ".checkpoint"));
  }
  if (options.json) {
    PrintJson(result, believed, audit.people(), evidence);
  } else {
    PrintText(result, audit.people(), evidence);
  }
  return result.verdict.ok();
}

}  // namespace plumbline::auditor
