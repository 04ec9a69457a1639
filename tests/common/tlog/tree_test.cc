#include "common/tlog/tree.h"

#include <bit>

#include "tests/common/tlog/trees.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

TEST(Tree, HasTheRootsOfTheDefinitionAtEverySize) {
  MemoryNodes nodes = NumberedTree(70);
  CompactRange range;
  for (uint64_t size = 0; size <= 70; ++size) {
    ASSERT_OK_AND_ASSIGN(const Hash root, Root(nodes, size));
    EXPECT_EQ(root, SlowRoot(0, size)) << size;
    EXPECT_EQ(range.Root(), root) << size;
    range.Append(NumberedLeaf(size));
  }
}

// Counts, so that "without a rescan" is not only said.
class CountingNodes final : public NodeStore {
 public:
  absl::StatusOr<Hash> Read(NodeId node) override {
    ++reads;
    return nodes_.Read(node);
  }
  absl::Status Write(NodeId node, const Hash& hash) override {
    ++writes;
    return nodes_.Write(node, hash);
  }
  int reads = 0, writes = 0;

 private:
  MemoryNodes nodes_;
};

TEST(Tree, AppendsAndProvesInLogarithmicTime) {
  CountingNodes nodes;
  constexpr uint64_t kSize = 5000;  // 13 levels
  for (uint64_t i = 0; i < kSize; ++i) {
    nodes.reads = nodes.writes = 0;
    ASSERT_OK(Append(nodes, i, NumberedLeaf(i)));
    ASSERT_LE(nodes.reads, 13);
    ASSERT_LE(nodes.writes, 14);
  }
  nodes.reads = 0;
  ASSERT_OK(Root(nodes, kSize));
  EXPECT_LE(nodes.reads, 13);
  nodes.reads = 0;
  ASSERT_OK(ProveInclusion(nodes, 17, kSize));
  EXPECT_LE(nodes.reads, 2 * 13);
  nodes.reads = 0;
  ASSERT_OK(ProveConsistency(nodes, 3001, kSize));
  EXPECT_LE(nodes.reads, 2 * 13);
}

TEST(Tree, StoresEachCompleteSubtreeOnce) {
  for (const uint64_t size : {0u, 1u, 2u, 7u, 8u, 37u}) {
    EXPECT_EQ(NumberedTree(size).count(), size == 0 ? 0 : 2 * size - static_cast<uint64_t>(std::popcount(size)));
  }
}

TEST(Tree, RefusesWhatItDoesNotHave) {
  MemoryNodes nodes = NumberedTree(5);
  EXPECT_THAT(ProveInclusion(nodes, 5, 5), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ProveConsistency(nodes, 0, 5), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ProveConsistency(nodes, 6, 5), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Root(nodes, 6), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Append(nodes, kMaxSize, NumberedLeaf(0)), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::tlog
