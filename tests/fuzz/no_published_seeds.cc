// For targets whose input does not occur in the published vectors.
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() { return std::vector<Bytes>(); }

}  // namespace plumbline::fuzz
