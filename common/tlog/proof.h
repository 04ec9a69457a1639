// Checking proofs of the tree (RFC 9162 §2.1.3.2 and §2.1.4.2, whose algorithms are those of RFC 6962 written out). A proof
// counts only with a root from a verified checkpoint.
#pragma once

#include "common/tlog/tree.h"

namespace plumbline::tlog {

// Nodes of a proof, at most: one for each level on either side.
inline constexpr size_t kMaxProof = 128;

// OK if the leaf with hash `leaf` is number `index` of the tree with `size` leaves and `root`.
// INVALID_ARGUMENT for every other input, also for a proof with a node too many or too few.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf, std::span<const Hash> proof, const Hash& root);

// OK if the tree with `size` leaves and `root` begins with the one of `from` leaves and `from_root`; `from` is not 0: nothing
// follows from an empty tree. INVALID_ARGUMENT for every other input.
absl::Status VerifyConsistency(uint64_t from, uint64_t size, const Hash& from_root, std::span<const Hash> proof,
                               const Hash& root);

}  // namespace plumbline::tlog
