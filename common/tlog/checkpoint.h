// Checkpoints (C2SP tlog-checkpoint): a log's signed statement about its tree. Extension lines are neither written nor
// accepted: no witness looks at them.
//
//   text = origin "\n" size "\n" base64(root) "\n"      ; size in decimal without leading zeros
#pragma once

#include "common/tlog/note.h"
#include "common/tlog/tree.h"

namespace plumbline::tlog {

struct Checkpoint {
  std::string origin;  // the log's name, also of its key
  uint64_t size = 0;   // leaves; at most kMaxSize
  Hash root{};
  bool operator==(const Checkpoint&) const = default;
};

// A note's text. `origin` passes CheckKeyName.
std::string FormatCheckpoint(const Checkpoint& checkpoint);
// INVALID_ARGUMENT for any other text than FormatCheckpoint's; for an empty tree with a root that is not EmptyRoot().
absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text);

// The signed note, as it travels and is kept. `signer`'s name is the origin. `also`: a second key of the log, which signs behind it.
absl::StatusOr<std::string> SignCheckpoint(uint64_t size, const Hash& root, const NoteSigner& signer, const NoteSigner* also = nullptr);
// The checkpoint that `log` signed. INVALID_ARGUMENT if the note or its text is malformed; UNAUTHENTICATED if its origin is not
// the log's name or the log's signature is missing or wrong. Signatures of others are ignored.
absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view note, const VerifierKey& log);
// The same for a log whose key was replaced: one of `keys`, which have one name, signed it.
absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view note, std::span<const VerifierKey> keys);

// The verifier keys of one log. INVALID_ARGUMENT for none, a malformed one, and keys of two names.
absl::StatusOr<std::vector<VerifierKey>> ParseLogKeys(const std::vector<std::string>& texts);

}  // namespace plumbline::tlog
