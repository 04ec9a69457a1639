#include "common/tlog/equivocation.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace plumbline::tlog {
namespace {

constexpr char kHead[] = "plumbline equivocation v1 ";

}  // namespace

std::string FormatEquivocation(const Equivocation& evidence) {
  return absl::StrCat(kHead, evidence.first.size(), " ", evidence.second.size(), "\n", evidence.first, evidence.second);
}

absl::StatusOr<Equivocation> ParseEquivocation(absl::string_view file) {
  const absl::Status malformed = absl::InvalidArgumentError("not a file with evidence of equivocation");
  if (file.size() > kMaxEquivocation) return malformed;
  absl::string_view rest = file;
  if (!absl::ConsumePrefix(&rest, kHead)) return malformed;
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) return malformed;
  const std::vector<absl::string_view> sizes = absl::StrSplit(rest.substr(0, end), ' ');
  rest.remove_prefix(end + 1);
  uint64_t first = 0;
  if (sizes.size() != 2 || !absl::SimpleAtoi(sizes[0], &first) || first > rest.size()) return malformed;
  Equivocation out{std::string(rest.substr(0, first)), std::string(rest.substr(first))};
  if (FormatEquivocation(out) != file) return malformed;
  return out;
}

absl::StatusOr<Contradiction> VerifyEquivocation(const Equivocation& evidence, std::span<const VerifierKey> log) {
  Contradiction out;
  ASSIGN_OR_RETURN(out.first, OpenCheckpoint(evidence.first, log));
  ASSIGN_OR_RETURN(out.second, OpenCheckpoint(evidence.second, log));
  if (out.first.size != out.second.size || out.first.root == out.second.root)
    return absl::FailedPreconditionError("these two checkpoints can both be true: that takes one size with two roots");
  return out;
}

}  // namespace plumbline::tlog
