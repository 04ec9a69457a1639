// What an administrator's tool remembers of the key server's audit record: whose key signed it and its last verified checkpoint.
//   audit.seen    the verifier key, a newline, the signed note
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/status.h"
#include "common/tlog/checkpoint.h"

namespace plumbline::admin {

struct SeenLog {
  tlog::VerifierKey log;
  std::string checkpoint;  // signed note; opens under `log`
};

std::string SeenLogPath(const std::string& home);

// Nothing if no record was verified yet. DATA_LOSS profile_damaged if the file is not what SaveSeenLog wrote.
absl::StatusOr<std::optional<SeenLog>> LoadSeenLog(const std::string& home);
// Durable on return.
absl::Status SaveSeenLog(const std::string& home, const SeenLog& seen);

// `failure` of a verification, with the place where both checkpoints were kept if it is a contradiction between two signed
// ones: two notes under one key that cannot both be true prove it to others.
absl::Status KeepEvidence(const std::string& home, const absl::Status& failure, const std::optional<SeenLog>& seen,
                          const std::string& checkpoint, absl::Time now);

}  // namespace plumbline::admin
