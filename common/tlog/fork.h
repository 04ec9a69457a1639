// Evidence that a log went on from another history than the one it had signed before: two checkpoints of two sizes, and a proof
// that the larger tree does not begin with the smaller one. It needs nothing but the log's key to be checked, by anybody.
//
//   file = "plumbline fork v1 " first_size " " second_size "\n" first second base64(other) "\n" *(base64(hash) "\n")
//        ; two notes, with their lengths in bytes; at most kMaxProof hashes
#pragma once

#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/tlog/proof.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxFork = 2 * kMaxNote + 100 + 45 * (kMaxProof + 1);  // bytes

struct Fork {
  std::string first, second;  // signed notes, the smaller tree's first
  Hash other{};               // the root that the second tree has over as many leaves as the first
  std::vector<Hash> proof;    // consistency from that root to the second's
};

std::string FormatFork(const Fork& evidence);
// INVALID_ARGUMENT for anything that FormatFork does not make. Nothing is verified.
absl::StatusOr<Fork> ParseFork(absl::string_view file);

// What they say, if the log signed both, the second is of more leaves, the proof verifies and the first is not of its root.
// UNAUTHENTICATED if the log did not sign one of them; INVALID_ARGUMENT if they or the proof are malformed or the proof does not
// verify; FAILED_PRECONDITION if both can be true.
struct ForkedAt {
  Checkpoint first, second;
};
absl::StatusOr<ForkedAt> VerifyFork(const Fork& evidence, std::span<const VerifierKey> log);

}  // namespace plumbline::tlog
