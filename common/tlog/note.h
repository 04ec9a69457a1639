// Signed notes (C2SP signed-note): a text that is to be ignored until a known key's signature has been verified.
//
//   note      = text "\n" 1*signature              ; text ends with a newline; the last empty line parts the two
//   signature = U+2014 " " name " " base64(uint32 key_id || opaque signature) "\n"
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/tlog/note_key.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxNote = 256 << 10;         // bytes; a post-quantum signature has about 5 kB
inline constexpr size_t kMaxNoteSignatures = 64;
inline constexpr size_t kMaxNoteSignature = 16 << 10;  // bytes

struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  Bytes signature;  // 1 to kMaxNoteSignature bytes
  bool operator==(const NoteSignature&) const = default;
};

// Parsed, not verified.
struct Note {
  std::string text;  // ends with a newline
  std::vector<NoteSignature> signatures;
};

// INVALID_ARGUMENT unless `wire` is a note within the limits: UTF-8, no control character but newlines.
absl::StatusOr<Note> ParseNote(absl::string_view wire);
// What ParseNote reads back. `note` is one it would accept.
std::string FormatNote(const Note& note);
// One signature line, with its end.
std::string FormatSignature(const NoteSignature& signature);

// A note over `text` with one signature of each signer. INVALID_ARGUMENT if `text` cannot be a note's.
absl::StatusOr<Note> SignNote(absl::string_view text, std::span<const NoteSigner* const> signers);

// The keys of `known` that signed. Signatures of other keys are ignored, also where they share the name or the id of a known
// one. UNAUTHENTICATED if a known key's signature does not verify, or there is none.
absl::StatusOr<std::vector<VerifierKey>> VerifyNote(const Note& note, std::span<const VerifierKey> known);

}  // namespace plumbline::tlog
