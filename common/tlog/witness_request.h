// What a log asks a witness (C2SP tlog-witness, add-checkpoint):
//
//   body = "old " size "\n" *(base64(hash) "\n") "\n" note      ; size in decimal without leading zeros; at most 63 hashes
#pragma once

#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxRequestProof = 63;             // hashes
inline constexpr size_t kMaxWitnessRequest = 64 << 10;  // bytes: the proof and a note with post-quantum signatures

struct WitnessRequest {
  uint64_t old_size = 0;  // of the checkpoint that the witness cosigned last
  std::vector<Hash> proof;  // consistency, from the old size to the checkpoint's
  Note note;                // its text is a checkpoint's
  Checkpoint checkpoint;    // nothing is verified
};

// INVALID_ARGUMENT unless `body` is one, within kMaxWitnessRequest.
absl::StatusOr<WitnessRequest> ParseWitnessRequest(absl::string_view body);
// `note`: as SignCheckpoint makes it. `proof`: at most kMaxRequestProof.
std::string FormatWitnessRequest(uint64_t old_size, const std::vector<Hash>& proof, absl::string_view note);

}  // namespace plumbline::tlog
