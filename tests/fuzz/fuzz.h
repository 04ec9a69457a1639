// What a fuzz target consists of. fuzz_main.cc joins it to libFuzzer, and before the first run writes the seeds into the
// corpus folder given on the command line: they are made by the code they exercise, so they never go stale, and of the
// published vectors, which stay outside the project (tests/vectors).
#pragma once

#include <vector>

#include "common/bytes.h"
#include "common/check.h"
#include "common/status.h"

namespace plumbline::fuzz {

inline constexpr size_t kMaxInput = 1 << 16;  // bytes; larger seeds are left out, and nothing larger is made

// Runs the code under test on `input`. States its properties with CHECK.
void Fuzz(ByteView input);

// Valid inputs to start from; at least one, and Fuzz accepts each.
std::vector<Bytes> Seeds();

// What of the published vectors is this target's input: Fuzz takes each, whatever the code says to it. Defined beside the
// target, or, where the vectors have nothing for it, in no_published_seeds.cc. NOT_FOUND if they are absent; DATA_LOSS.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds();

}  // namespace plumbline::fuzz
