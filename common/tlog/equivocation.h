// Evidence that a log cheated: two checkpoints that it signed and that cannot both be true. It needs nothing but the log's key
// to be checked, by anybody.
//
//   file = "plumbline equivocation v1 " first_size " " second_size "\n" first second     ; two notes, with their lengths in bytes
#pragma once

#include <string>

#include "common/tlog/checkpoint.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxEquivocation = 2 * kMaxNote + 100;  // bytes

struct Equivocation {
  std::string first, second;  // signed notes
};

std::string FormatEquivocation(const Equivocation& evidence);
// INVALID_ARGUMENT for anything that FormatEquivocation does not make. Nothing is verified.
absl::StatusOr<Equivocation> ParseEquivocation(absl::string_view file);

// What they say, if the log signed both, under one size with two roots. UNAUTHENTICATED if it did not sign one of them;
// INVALID_ARGUMENT if they are malformed; FAILED_PRECONDITION if they do not contradict each other by themselves.
struct Contradiction {
  Checkpoint first, second;
};
absl::StatusOr<Contradiction> VerifyEquivocation(const Equivocation& evidence, std::span<const VerifierKey> log);

}  // namespace plumbline::tlog
