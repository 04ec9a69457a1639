#include "common/tlog/proof.h"

#include <bit>

namespace plumbline::tlog {
namespace {

absl::Status Wrong() { return absl::InvalidArgumentError("the proof does not lead to the root"); }
absl::Status WrongLength() { return absl::InvalidArgumentError("the proof has a wrong number of nodes"); }

}  // namespace

absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf, std::span<const Hash> proof, const Hash& root) {
  if (index >= size || size > kMaxSize) return absl::InvalidArgumentError("the tree has no such leaf");
  if (proof.size() > kMaxProof) return WrongLength();
  uint64_t at = index, last = size - 1;
  Hash hash = leaf;
  for (const Hash& node : proof) {
    if (last == 0) return WrongLength();
    if ((at & 1) == 1 || at == last) {
      hash = NodeHash(node, hash);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, node);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return WrongLength();
  return hash == root ? absl::OkStatus() : Wrong();
}

absl::Status VerifyConsistency(uint64_t from, uint64_t size, const Hash& from_root, std::span<const Hash> proof,
                               const Hash& root) {
  if (from == 0 || from > size || size > kMaxSize) {
    return absl::InvalidArgumentError("consistency holds from a tree that is not empty to one that is not smaller");
  }
  if (proof.size() > kMaxProof) return WrongLength();
  if (from == size) {
    if (!proof.empty()) return WrongLength();
    return from_root == root ? absl::OkStatus() : Wrong();
  }
  uint64_t at = from - 1, last = size - 1;
  while ((at & 1) == 1) {
    at >>= 1;
    last >>= 1;
  }
  // A complete earlier tree is itself the first node and is not repeated in the proof.
  const bool complete = std::has_single_bit(from);
  if (!complete && proof.empty()) return WrongLength();
  Hash earlier = complete ? from_root : proof.front();
  Hash later = earlier;
  for (const Hash& node : proof.subspan(complete ? 0 : 1)) {
    if (last == 0) return WrongLength();
    if ((at & 1) == 1 || at == last) {
      earlier = NodeHash(node, earlier);
      later = NodeHash(node, later);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      later = NodeHash(later, node);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return WrongLength();
  return earlier == from_root && later == root ? absl::OkStatus() : Wrong();
}

}  // namespace plumbline::tlog
