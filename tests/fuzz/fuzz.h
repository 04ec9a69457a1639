// What a fuzz target consists of. fuzz_main.cc joins it to libFuzzer, and before the first run writes the seeds into the
// corpus folder given on the command line: seeds are made by the code they exercise, so they never go stale.
#pragma once

#include <vector>

#include "common/bytes.h"
#include "common/check.h"

namespace plumbline::fuzz {

// Runs the code under test on `input`. States its properties with CHECK.
void Fuzz(ByteView input);

// Valid inputs to start from; at least one, and Fuzz accepts each.
std::vector<Bytes> Seeds();

}  // namespace plumbline::fuzz
