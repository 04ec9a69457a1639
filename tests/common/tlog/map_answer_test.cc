#include "common/tlog/map_answer.h"

#include "common/tlog/proof.h"
#include "tests/common/tlog/directory_logs.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

// What the log answers about `index` under its last checkpoint.
MapAnswer Answer(DirectoryLog& log, const MapIndex& index) {
  MemoryNodes nodes;
  for (uint64_t i = 0; i < log.leaves.size(); ++i)
    EXPECT_OK(Append(nodes, i, LeafHashOf(log.leaves[i])));
  return {*ProveMap(log.map, log.map_root, index), std::get<MapRootLeaf>(log.leaves.back()),
          *ProveInclusion(nodes, log.leaves.size() - 1, log.leaves.size())};
}
void ExpectRefused(const Checkpoint& checkpoint, const MapIndex& index, const MapAnswer& answer) {
  EXPECT_THAT(VerifyMapAnswer(checkpoint, index, answer),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MapAnswer, IsTheNewestEntryOfAnIndexOrThatThereIsNone) {
  DirectoryLog log = DirectoryLog::Random(1, 6);
  for (const auto& [index, entry] : log.newest) {
    ASSERT_OK_AND_ASSIGN(const auto value,
                         VerifyMapAnswer(log.checkpoints.back(), index, Answer(log, index)));
    EXPECT_EQ(value, LeafHashOf(entry));
  }
  ASSERT_OK_AND_ASSIGN(const auto nobody, VerifyMapAnswer(log.checkpoints.back(), NumberedIndex(99),
                                                          Answer(log, NumberedIndex(99))));
  EXPECT_EQ(nobody, std::nullopt);
}

TEST(MapAnswer, CountsWithTheLastLeafOfItsCheckpointOnly) {
  DirectoryLog log = DirectoryLog::Random(2, 4);
  const MapIndex index = log.newest.begin()->first;
  const MapAnswer before = Answer(log, index);
  const Checkpoint then = log.checkpoints.back();
  log.Add(index, "a new device");
  log.End();
  const MapAnswer now = Answer(log, index);
  const Checkpoint last = log.checkpoints.back();
  EXPECT_OK(VerifyMapAnswer(then, index, before));
  EXPECT_OK(VerifyMapAnswer(last, index, now));
  ExpectRefused(last, index, before);
  ExpectRefused(then, index, now);
  // The former root is in the log, and its inclusion is proved: it is not the last leaf.
  MemoryNodes nodes;
  for (uint64_t i = 0; i < log.leaves.size(); ++i)
    ASSERT_OK(Append(nodes, i, LeafHashOf(log.leaves[i])));
  MapAnswer stale = before;
  stale.inclusion = *ProveInclusion(nodes, then.size - 1, last.size);
  ASSERT_OK(VerifyInclusion(then.size - 1, last.size, LeafHashOf(stale.root), stale.inclusion,
                            last.root));
  ExpectRefused(last, index, stale);
}

// A log that writes its former root once more, to serve what was true then under a fresh
// checkpoint.
TEST(MapAnswer, IsNotOverARootThatWasWrittenForAnotherPlace) {
  DirectoryLog log = DirectoryLog::Random(4, 4);
  const MapIndex index = log.newest.begin()->first;
  log.leaves.push_back(log.leaves.back());
  const Checkpoint checkpoint = DirectoryLog::CheckpointOf(log.leaves);
  const MapAnswer answer = Answer(log, index);
  ASSERT_OK(VerifyInclusion(checkpoint.size - 1, checkpoint.size, LeafHashOf(answer.root),
                            answer.inclusion, checkpoint.root));
  ExpectRefused(checkpoint, index, answer);
}

TEST(MapAnswer, RefusesEveryTouch) {
  DirectoryLog log = DirectoryLog::Random(3, 4);
  const MapIndex index = log.newest.begin()->first;
  const Checkpoint checkpoint = log.checkpoints.back();
  const MapAnswer answer = Answer(log, index);
  const auto touch = [&](auto change) {
    MapAnswer changed = answer;
    change(changed);
    ExpectRefused(checkpoint, index, changed);
  };
  touch([](MapAnswer& a) { ++a.root.version; });
  touch([](MapAnswer& a) { --a.root.first; });
  touch([](MapAnswer& a) { ++a.root.end; });
  touch([](MapAnswer& a) { a.root.root[0] ^= 1; });
  touch([](MapAnswer& a) { a.proof.leaf.reset(); });
  touch([](MapAnswer& a) { a.inclusion.pop_back(); });
  touch([](MapAnswer& a) { a.inclusion.push_back({}); });
  for (size_t i = 0; i < answer.inclusion.size(); ++i)
    touch([i](MapAnswer& a) { a.inclusion[i][0] ^= 1; });
  for (size_t i = 0; i < answer.proof.siblings.size(); ++i)
    touch([i](MapAnswer& a) { a.proof.siblings[i][0] ^= 1; });
  Checkpoint other = checkpoint;
  other.root[0] ^= 1;
  ExpectRefused(other, index, answer);
  ExpectRefused({kDirectoryOrigin, 0, EmptyRoot()}, index, answer);
}

}  // namespace
}  // namespace plumbline::tlog
