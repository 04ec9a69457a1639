#include "witness/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/file.h"

namespace plumbline::witness {
namespace {

constexpr char kHead[] = "plumbline witness v1\n";

absl::Status Damaged(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("state_damaged: the witness's state is damaged: ", why,
                                          "; do not begin with an empty one under the same key (operations.md, Witnesses)"));
}

std::string Format(const std::map<std::string, Cosigned>& logs) {
  std::string out = kHead;
  for (const auto& [origin, cosigned] : logs) absl::StrAppend(&out, "note ", cosigned.note.size(), "\n", cosigned.note);
  absl::StrAppend(&out, "sha256 ", ToHex(Sha256(AsBytes(out))), "\n");
  return out;
}

}  // namespace

absl::Status WitnessState::Create(const std::string& path) {
  struct stat there;
  if (lstat(path.c_str(), &there) == 0)
    return absl::FailedPreconditionError(absl::StrCat("already_initialised: ", path, " is there; it is never replaced"));
  return WriteFileAtomically(path, AsBytes(Format({})), 0600);
}

absl::StatusOr<std::map<std::string, Cosigned>> WitnessState::Parse(absl::string_view file) {
  absl::string_view rest = file;
  std::map<std::string, Cosigned> logs;
  if (file.size() > kMaxState || !absl::ConsumePrefix(&rest, kHead)) return Damaged("it is not one");
  while (absl::ConsumePrefix(&rest, "note ")) {
    const size_t end = rest.find('\n');
    uint64_t size = 0;
    if (end == absl::string_view::npos || !absl::SimpleAtoi(rest.substr(0, end), &size)) return Damaged("a note has no length");
    rest.remove_prefix(end + 1);
    if (size > rest.size()) return Damaged("a note is cut off");
    Cosigned cosigned;
    cosigned.note = std::string(rest.substr(0, size));
    rest.remove_prefix(size);
    const absl::StatusOr<tlog::Note> note = tlog::ParseNote(cosigned.note);
    if (!note.ok()) return Damaged(note.status().message());
    absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::ParseCheckpoint(note->text);
    if (!checkpoint.ok()) return Damaged(checkpoint.status().message());
    cosigned.checkpoint = *std::move(checkpoint);
    const std::string origin = cosigned.checkpoint.origin;
    logs[origin] = std::move(cosigned);
  }
  if (Format(logs) != file) return Damaged("its hash does not fit");
  return logs;
}

absl::StatusOr<WitnessState> WitnessState::Open(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  const int lock = open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock < 0) return absl::FailedPreconditionError(absl::StrCat("cannot open ", lock_path, ": ", std::strerror(errno)));
  WitnessState state(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0)
    return absl::FailedPreconditionError(absl::StrCat("in_use: another process has ", path, " open; stop it first"));
  const absl::StatusOr<std::string> file = ReadTextFile(path, kMaxState);
  if (absl::IsNotFound(file.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("not_initialised: there is no ", path, "; run plumbline-witness init for a new witness"));
  }
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(state.logs_, Parse(*file));
  return state;
}

WitnessState::WitnessState(WitnessState&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), logs_(std::move(other.logs_)) {}

WitnessState::~WitnessState() {
  if (lock_ >= 0) close(lock_);
}

const Cosigned* WitnessState::Find(const std::string& origin) const {
  const auto found = logs_.find(origin);
  return found == logs_.end() ? nullptr : &found->second;
}

absl::Status WitnessState::Put(Cosigned cosigned) {
  std::map<std::string, Cosigned> next = logs_;
  const std::string origin = cosigned.checkpoint.origin;
  next[origin] = std::move(cosigned);
  RETURN_IF_ERROR(WriteFileAtomically(path_, AsBytes(Format(next)), 0600));
  logs_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace plumbline::witness
