#include "common/tlog/witness_request.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tlog/base64.h"

namespace plumbline::tlog {
namespace {

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("not an add-checkpoint request: ", why));
}

// Takes one line off the front, without its end.
absl::StatusOr<absl::string_view> TakeLine(absl::string_view& rest) {
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) return Malformed("a line has no end");
  const absl::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

absl::StatusOr<WitnessRequest> ParseWitnessRequest(absl::string_view body) {
  if (body.size() > kMaxWitnessRequest) return Malformed("it is too long");
  WitnessRequest out;
  ASSIGN_OR_RETURN(absl::string_view line, TakeLine(body));
  if (!absl::ConsumePrefix(&line, "old ") || !absl::SimpleAtoi(line, &out.old_size) || absl::StrCat(out.old_size) != line)
    return Malformed("it does not begin with the old size");
  while (true) {
    ASSIGN_OR_RETURN(line, TakeLine(body));
    if (line.empty()) break;
    if (out.proof.size() == kMaxRequestProof) return Malformed("its proof has more than 63 hashes");
    const absl::StatusOr<Bytes> bytes = FromBase64(line);
    Hash hash;
    if (!bytes.ok() || bytes->size() != hash.size()) return Malformed("a line of its proof is not a hash");
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    out.proof.push_back(hash);
  }
  ASSIGN_OR_RETURN(out.note, ParseNote(body));
  ASSIGN_OR_RETURN(out.checkpoint, ParseCheckpoint(out.note.text));
  return out;
}

std::string FormatWitnessRequest(uint64_t old_size, const std::vector<Hash>& proof, absl::string_view note) {
  std::string out = absl::StrCat("old ", old_size, "\n");
  for (const Hash& hash : proof) absl::StrAppend(&out, ToBase64(hash), "\n");
  absl::StrAppend(&out, "\n", note);
  return out;
}

}  // namespace plumbline::tlog
