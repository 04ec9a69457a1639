#include "common/tlog/proof.h"

#include <functional>

#include "tests/common/tlog/trees.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

using Proof = std::vector<Hash>;

// Every way to touch one node: each bit flipped in turn is left to the bytes' first and last; removed; doubled; exchanged.
void ForEachTouch(const Proof& proof, const std::function<void(const Proof&)>& visit) {
  for (size_t i = 0; i < proof.size(); ++i) {
    for (const size_t byte : {size_t{0}, size_t{31}}) {
      Proof changed = proof;
      changed[i][byte] ^= 1;
      visit(changed);
    }
    Proof removed = proof, doubled = proof;
    removed.erase(removed.begin() + static_cast<ptrdiff_t>(i));
    visit(removed);
    doubled.insert(doubled.begin() + static_cast<ptrdiff_t>(i), proof[i]);
    visit(doubled);
    if (i > 0 && proof[i] != proof[i - 1]) {
      Proof exchanged = proof;
      std::swap(exchanged[i], exchanged[i - 1]);
      visit(exchanged);
    }
  }
  Proof longer = proof;
  longer.push_back(Hash{});
  visit(longer);
}

TEST(VerifyInclusion, AcceptsEveryLeafOfEveryTreeAndNothingElse) {
  MemoryNodes nodes = NumberedTree(33);
  for (uint64_t size = 1; size <= 33; ++size) {
    ASSERT_OK_AND_ASSIGN(const Hash root, Root(nodes, size));
    for (uint64_t index = 0; index < size; ++index) {
      SCOPED_TRACE(::testing::Message() << index << " of " << size);
      ASSERT_OK_AND_ASSIGN(const Proof proof, ProveInclusion(nodes, index, size));
      EXPECT_OK(VerifyInclusion(index, size, NumberedLeaf(index), proof, root));
      EXPECT_FALSE(VerifyInclusion(index, size, NumberedLeaf(index + 1), proof, root).ok());
      for (uint64_t other = 0; other < size; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(VerifyInclusion(other, size, NumberedLeaf(index), proof, root).ok());
      }
      ForEachTouch(proof, [&](const Proof& touched) {
        EXPECT_THAT(VerifyInclusion(index, size, NumberedLeaf(index), touched, root),
                    StatusIs(absl::StatusCode::kInvalidArgument));
      });
    }
  }
}

TEST(VerifyConsistency, AcceptsEveryPairOfSizesAndNothingElse) {
  MemoryNodes nodes = NumberedTree(33);
  for (uint64_t size = 1; size <= 33; ++size) {
    ASSERT_OK_AND_ASSIGN(const Hash root, Root(nodes, size));
    for (uint64_t from = 1; from <= size; ++from) {
      SCOPED_TRACE(::testing::Message() << from << " to " << size);
      ASSERT_OK_AND_ASSIGN(const Hash from_root, Root(nodes, from));
      ASSERT_OK_AND_ASSIGN(const Proof proof, ProveConsistency(nodes, from, size));
      EXPECT_OK(VerifyConsistency(from, size, from_root, proof, root));
      EXPECT_EQ(VerifyConsistency(from, size, root, proof, from_root).ok(), from == size);
      ForEachTouch(proof, [&](const Proof& touched) {
        EXPECT_THAT(VerifyConsistency(from, size, from_root, touched, root), StatusIs(absl::StatusCode::kInvalidArgument));
      });
    }
  }
}

TEST(VerifyConsistency, RefusesTheEmptyTreeAndSizesOutOfOrder) {
  const Hash root = NumberedLeaf(0);
  EXPECT_THAT(VerifyConsistency(0, 1, EmptyRoot(), {}, root), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyConsistency(2, 1, root, {}, root), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyInclusion(0, 0, root, {}, root), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyInclusion(0, UINT64_MAX, root, {}, root), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::tlog
