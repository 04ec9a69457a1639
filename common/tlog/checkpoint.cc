#include "common/tlog/checkpoint.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tlog/base64.h"

namespace plumbline::tlog {
namespace {

absl::Status Malformed(absl::string_view why) { return absl::InvalidArgumentError(absl::StrCat("not a checkpoint: ", why)); }

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  return absl::StrCat(checkpoint.origin, "\n", checkpoint.size, "\n", ToBase64(checkpoint.root), "\n");
}

absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() != 4 || !lines[3].empty()) return Malformed("it has exactly three lines");
  Checkpoint out{.origin = std::string(lines[0])};
  RETURN_IF_ERROR(CheckKeyName(out.origin));
  if (!absl::SimpleAtoi(lines[1], &out.size) || absl::StrCat(out.size) != lines[1] || out.size > kMaxSize) {
    return Malformed("its size is not a number of leaves");
  }
  const absl::StatusOr<Bytes> root = FromBase64(lines[2]);
  if (!root.ok() || root->size() != out.root.size()) return Malformed("its root is not a hash");
  std::copy(root->begin(), root->end(), out.root.begin());
  if (out.size == 0 && out.root != EmptyRoot()) return Malformed("its root is not that of an empty tree");
  return out;
}

absl::StatusOr<std::string> SignCheckpoint(uint64_t size, const Hash& root, const NoteSigner& signer, const NoteSigner* also) {
  std::vector<const NoteSigner*> signers = {&signer};
  if (also != nullptr) signers.push_back(also);
  ASSIGN_OR_RETURN(const Note note, SignNote(FormatCheckpoint({signer.verifier().name(), size, root}), signers));
  return FormatNote(note);
}

absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view wire, const VerifierKey& log) { return OpenCheckpoint(wire, {&log, 1}); }

absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view wire, std::span<const VerifierKey> keys) {
  ASSIGN_OR_RETURN(const Note note, ParseNote(wire));
  RETURN_IF_ERROR(VerifyNote(note, keys).status());
  ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(note.text));
  if (checkpoint.origin != keys.front().name()) return absl::UnauthenticatedError("the checkpoint is of another log");
  return checkpoint;
}

absl::StatusOr<std::vector<VerifierKey>> ParseLogKeys(const std::vector<std::string>& texts) {
  std::vector<VerifierKey> out;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(const VerifierKey key, VerifierKey::Parse(text));
    if (!out.empty() && key.name() != out.front().name())
      return absl::InvalidArgumentError(absl::StrCat("these are keys of two logs: ", out.front().name(), " and ", key.name()));
    out.push_back(key);
  }
  if (out.empty()) return absl::InvalidArgumentError("no key of the log is named");
  return out;
}

}  // namespace plumbline::tlog
