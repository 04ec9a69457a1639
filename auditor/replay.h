// One round of an audit: what is new in a log is replayed and said.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"

namespace plumbline::auditor {

struct ReplayOptions {
  std::vector<std::string> log_keys;  // the log's verifier keys; or
  std::string policy_file;            // a C2SP tlog-policy
  std::string source;            // a folder or an http:// address with the log's files
  std::string state;             // a folder of this log's own
  bool json = false;
};

// Prints what is found. True: everything up to the log's checkpoint keeps the rules, and that is on disk. False: it broke one, or
// showed two histories, of which there is a file in state/evidence. No result: nothing can be said; codes of LogAudit, of the
// source and of OpenCheckpoint or Policy::Open; INVALID_ARGUMENT for the options; FAILED_PRECONDITION if another process has the
// state.
absl::StatusOr<bool> Replay(const ReplayOptions& options);

}  // namespace plumbline::auditor
