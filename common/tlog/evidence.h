// Files of evidence against a log, of every kind: what a stranger checks with the log's key alone; where that was replaced, with the keys
// that signed the two.
#pragma once

#include <string>

#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"

namespace plumbline::tlog {

// What the file proves, in words for people. NOT_FOUND or PERMISSION_DENIED for the file; INVALID_ARGUMENT for a file or key that
// is none; codes of VerifyEquivocation and VerifyFork where it proves nothing.
absl::StatusOr<std::string> CheckEvidenceFile(const std::string& path, const std::vector<std::string>& log_keys);

}  // namespace plumbline::tlog
