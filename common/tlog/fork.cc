#include "common/tlog/fork.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/tlog/base64.h"

namespace plumbline::tlog {
namespace {

constexpr char kHead[] = "plumbline fork v1 ";

}  // namespace

std::string FormatFork(const Fork& evidence) {
  std::string out = absl::StrCat(kHead, evidence.first.size(), " ", evidence.second.size(), "\n", evidence.first, evidence.second,
                                 ToBase64(evidence.other), "\n");
  for (const Hash& hash : evidence.proof) absl::StrAppend(&out, ToBase64(hash), "\n");
  return out;
}

absl::StatusOr<Fork> ParseFork(absl::string_view file) {
  const absl::Status malformed = absl::InvalidArgumentError("not a file with evidence of a fork");
  absl::string_view rest = file;
  if (file.size() > kMaxFork || !absl::ConsumePrefix(&rest, kHead)) return malformed;
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) return malformed;
  const std::vector<absl::string_view> sizes = absl::StrSplit(rest.substr(0, end), ' ');
  rest.remove_prefix(end + 1);
  uint64_t first = 0, second = 0;
  if (sizes.size() != 2 || !absl::SimpleAtoi(sizes[0], &first) || !absl::SimpleAtoi(sizes[1], &second)) return malformed;
  if (first > rest.size() || second > rest.size() - first) return malformed;
  Fork out{std::string(rest.substr(0, first)), std::string(rest.substr(first, second)), {}, {}};
  std::vector<Hash> hashes;
  for (const absl::string_view line : absl::StrSplit(rest.substr(first + second), '\n', absl::SkipEmpty())) {
    const absl::StatusOr<Bytes> bytes = FromBase64(line);
    if (!bytes.ok() || bytes->size() != sizeof(Hash) || hashes.size() > kMaxProof) return malformed;
    std::copy(bytes->begin(), bytes->end(), hashes.emplace_back().begin());
  }
  if (hashes.empty()) return malformed;
  out.other = hashes.front();
  out.proof.assign(hashes.begin() + 1, hashes.end());
  // Whatever was read too kindly is written otherwise.
  if (FormatFork(out) != file) return malformed;
  return out;
}

absl::StatusOr<ForkedAt> VerifyFork(const Fork& evidence, std::span<const VerifierKey> log) {
  ForkedAt out;
  ASSIGN_OR_RETURN(out.first, OpenCheckpoint(evidence.first, log));
  ASSIGN_OR_RETURN(out.second, OpenCheckpoint(evidence.second, log));
  if (out.first.size == 0 || out.first.size >= out.second.size)
    return absl::InvalidArgumentError("a fork is from a tree that is not empty to a larger one");
  RETURN_IF_ERROR(VerifyConsistency(out.first.size, out.second.size, evidence.other, evidence.proof, out.second.root));
  if (evidence.other == out.first.root)
    return absl::FailedPreconditionError("these two checkpoints can both be true: the larger tree begins with the smaller one");
  return out;
}

}  // namespace plumbline::tlog
