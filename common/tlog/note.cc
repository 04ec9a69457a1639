#include "common/tlog/note.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/codec.h"
#include "common/tlog/base64.h"
#include "common/tlog/utf8.h"

namespace plumbline::tlog {
namespace {

constexpr absl::string_view kDash = "\xE2\x80\x94 ";

absl::Status Malformed(absl::string_view why) { return absl::InvalidArgumentError(absl::StrCat("not a signed note: ", why)); }

absl::Status CheckCharacters(absl::string_view text) {
  while (!text.empty()) {
    const std::optional<char32_t> c = TakeCharacter(text);
    if (!c) return Malformed("it is not UTF-8");
    if (*c < 0x20 && *c != '\n') return Malformed("it has a control character");
  }
  return absl::OkStatus();
}

// One line, without its newline.
absl::StatusOr<NoteSignature> ParseSignature(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, kDash)) return Malformed("a signature line begins with a dash");
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return Malformed("a signature line has a name and a signature");
  NoteSignature out{.name = std::string(line.substr(0, space))};
  RETURN_IF_ERROR(CheckKeyName(out.name));
  const absl::StatusOr<Bytes> bytes = FromBase64(line.substr(space + 1));
  if (!bytes.ok() || bytes->size() <= 4 || bytes->size() > 4 + kMaxNoteSignature) {
    return Malformed("a signature is base 64 of a key id and more");
  }
  Reader in(*bytes);
  ASSIGN_OR_RETURN(out.key_id, in.U32());
  out.signature = plumbline::ToBytes(in.rest());
  return out;
}

}  // namespace

absl::StatusOr<Note> ParseNote(absl::string_view wire) {
  if (wire.size() > kMaxNote) return Malformed("it is too long");
  RETURN_IF_ERROR(CheckCharacters(wire));
  const size_t gap = wire.rfind("\n\n");
  if (gap == absl::string_view::npos) return Malformed("it has no empty line before its signatures");
  Note note{.text = std::string(wire.substr(0, gap + 1))};
  absl::string_view rest = wire.substr(gap + 2);
  if (rest.empty() || rest.back() != '\n') return Malformed("it does not end with a signature line");
  while (!rest.empty()) {
    if (note.signatures.size() == kMaxNoteSignatures) return Malformed("it has too many signatures");
    const size_t end = rest.find('\n');
    ASSIGN_OR_RETURN(NoteSignature signature, ParseSignature(rest.substr(0, end)));
    note.signatures.push_back(std::move(signature));
    rest.remove_prefix(end + 1);
  }
  return note;
}

std::string FormatNote(const Note& note) {
  std::string out = absl::StrCat(note.text, "\n");
  for (const NoteSignature& signature : note.signatures) absl::StrAppend(&out, FormatSignature(signature));
  return out;
}

std::string FormatSignature(const NoteSignature& signature) {
  Writer bytes;
  bytes.U32(signature.key_id).Fixed(signature.signature);
  return absl::StrCat(kDash, signature.name, " ", ToBase64(bytes.view()), "\n");
}

absl::StatusOr<Note> SignNote(absl::string_view text, std::span<const NoteSigner* const> signers) {
  Note note{.text = std::string(text)};
  for (const NoteSigner* signer : signers) {
    ASSIGN_OR_RETURN(Bytes signature, signer->Sign(text));
    note.signatures.push_back({signer->verifier().name(), signer->verifier().id(), std::move(signature)});
  }
  // A text that would be read back as another one is not signed.
  ASSIGN_OR_RETURN(const Note back, ParseNote(FormatNote(note)));
  if (back.text != note.text || back.signatures != note.signatures) return Malformed("its text cannot be a note's");
  return note;
}

absl::StatusOr<std::vector<VerifierKey>> VerifyNote(const Note& note, std::span<const VerifierKey> known) {
  std::vector<VerifierKey> signers;
  for (const VerifierKey& key : known) {
    bool signed_by_it = false;
    for (const NoteSignature& signature : note.signatures) {
      if (signature.name != key.name() || signature.key_id != key.id()) continue;
      if (!key.Verify(note.text, signature.signature).ok()) {
        return absl::UnauthenticatedError(absl::StrCat("the signature of ", key.name(), " does not verify"));
      }
      signed_by_it = true;
    }
    if (signed_by_it) signers.push_back(key);
  }
  if (signers.empty()) return absl::UnauthenticatedError("no known key has signed the note");
  return signers;
}

}  // namespace plumbline::tlog
