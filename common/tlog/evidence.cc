#include "common/tlog/evidence.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"

namespace plumbline::tlog {

absl::StatusOr<std::string> CheckEvidenceFile(const std::string& path, const std::vector<std::string>& log_keys) {
  ASSIGN_OR_RETURN(const std::vector<VerifierKey> log, ParseLogKeys(log_keys));
  ASSIGN_OR_RETURN(const std::string file, ReadTextFile(path, std::max(kMaxEquivocation, kMaxFork)));
  if (absl::StartsWith(file, "plumbline fork ")) {
    ASSIGN_OR_RETURN(const Fork evidence, ParseFork(file));
    ASSIGN_OR_RETURN(const ForkedAt proved, VerifyFork(evidence, log));
    return absl::StrCat(log.front().name(), " signed a tree of ", proved.first.size, " leaves:\n  ", ToHex(proved.first.root),
                        "\nand one of ", proved.second.size, " leaves, of which the first ", proved.first.size,
                        " have another root:\n  ", ToHex(evidence.other),
                        "\nBoth signatures and the proof verify: the log showed two histories.\n");
  }
  ASSIGN_OR_RETURN(const Equivocation evidence, ParseEquivocation(file));
  ASSIGN_OR_RETURN(const Contradiction proved, VerifyEquivocation(evidence, log));
  return absl::StrCat(log.front().name(), " signed two trees of ", proved.first.size, " leaves:\n  ", ToHex(proved.first.root), "\n  ",
                      ToHex(proved.second.root), "\nBoth signatures verify: the log showed two histories.\n");
}

}  // namespace plumbline::tlog
