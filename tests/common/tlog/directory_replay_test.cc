#include "common/tlog/directory_replay.h"

#include <functional>

#include "tests/common/tlog/directory_logs.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using Leaves = std::vector<DirectoryLeaf>;

struct Result {
  absl::Status status;
  std::optional<ReplayFinding> finding;
};

// Reads all leaves, holding each checkpoint against them as soon as it can be; what is ahead of
// them at the end too.
Result Replay(const Leaves& leaves, const std::vector<Checkpoint>& checkpoints) {
  MemoryMap map;
  DirectoryReplay replay(kDirectoryOrigin, map);
  absl::Status status;
  for (size_t i = 0; i < leaves.size() && status.ok(); ++i) {
    status = replay.Take(Encode(leaves[i]));
    for (const Checkpoint& checkpoint : checkpoints) {
      if (status.ok() && checkpoint.size == replay.size()) status = replay.Check(checkpoint);
    }
  }
  if (status.ok() && !checkpoints.empty()) status = replay.Check(checkpoints.back());
  return {status, replay.finding()};
}
Result Replay(const DirectoryLog& log) { return Replay(log.leaves, log.checkpoints); }

// The place of the first map root at or behind `from`.
uint64_t BatchEnd(const Leaves& leaves, uint64_t from) {
  while (!std::holds_alternative<MapRootLeaf>(leaves[from])) ++from;
  return from;
}

// `change` was done to the leaf at `at`: nothing before it is blamed, and it is found by the
// checkpoint of its batch.
void ExpectFound(const DirectoryLog& log, uint64_t at, const std::function<void(Leaves&)>& change) {
  Leaves leaves = log.leaves;
  change(leaves);
  if (leaves == log.leaves) return;
  const Result result = Replay(leaves, log.checkpoints);
  ASSERT_FALSE(result.status.ok());
  if (!result.finding) {  // the end was cut off, which is no contradiction yet
    EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_LT(leaves.size(), log.leaves.size());
    EXPECT_EQ(at, log.leaves.size() - 1);
    return;
  }
  EXPECT_GE(result.finding->leaf, at);
  EXPECT_LE(result.finding->leaf, BatchEnd(log.leaves, at) + 1);
}

// Changes one field of `leaf`, each of them for some `which`; false if there is no such.
bool Rewrite(DirectoryLeaf& leaf, int which) {
  if (auto* genesis = std::get_if<GenesisLeaf>(&leaf)) {
    if (which == 0) genesis->origin += "x";
    if (which == 1) genesis->authority[0] ^= 1;
    if (which == 2) genesis->vrf_key = crypto::VrfKeyPair::FromSeed(Secret(32))->public_key();
    return which < 3;
  }
  if (auto* entry = std::get_if<EntryLeaf>(&leaf)) {
    if (which == 0) entry->index.bytes[31] ^= 1;
    if (which == 1) ++entry->version;
    if (which == 2) entry->previous[0] ^= 1;
    if (which == 3) entry->commitment[0] ^= 1;
    if (which == 4) entry->cause[0] ^= 1;
    return which < 5;
  }
  if (auto* key = std::get_if<TokenKeyLeaf>(&leaf)) {
    if (which == 0) ++key->epoch;
    return which < 1;
  }
  auto& root = std::get<MapRootLeaf>(leaf);
  if (which == 0) ++root.version;
  if (which == 1) --root.first;
  if (which == 2) ++root.end;
  if (which == 3) root.root[0] ^= 1;
  return which < 4;
}

TEST(DirectoryReplay, FollowsWhatAnHonestLogWrites) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const DirectoryLog log = DirectoryLog::Random(seed, 8);
    const Result result = Replay(log);
    EXPECT_OK(result.status) << seed;
    EXPECT_EQ(result.finding, std::nullopt);
  }
}

TEST(DirectoryReplay, FindsEveryLeafThatWasDroppedDoubledExchangedOrRewritten) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const DirectoryLog log = DirectoryLog::Random(seed, 6);
    for (uint64_t at = 0; at < log.leaves.size(); ++at) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", leaf " << at);
      const auto place = static_cast<ptrdiff_t>(at);
      ExpectFound(log, at, [&](Leaves& leaves) { leaves.erase(leaves.begin() + place); });
      if (at + 1 < log.leaves.size()) {
        ExpectFound(log, at,
                    [&](Leaves& leaves) { leaves.insert(leaves.begin() + place, leaves[at]); });
      }
      for (uint64_t other = at + 1; other < log.leaves.size(); ++other) {
        ExpectFound(log, at, [&](Leaves& leaves) { std::swap(leaves[at], leaves[other]); });
      }
      DirectoryLeaf probe = log.leaves[at];
      for (int which = 0; Rewrite(probe, which); ++which) {
        ExpectFound(log, at, [&](Leaves& leaves) { Rewrite(leaves[at], which); });
      }
    }
  }
}

// Without any checkpoint: what nobody could sign for and be believed.
TEST(DirectoryReplay, FindsWithoutCheckpointsWhatContradictsItself) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const DirectoryLog log = DirectoryLog::Random(seed, 6);
    for (uint64_t at = 1; at < log.leaves.size(); ++at) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", leaf " << at);
      DirectoryLeaf probe = log.leaves[at];
      for (int which = 0; Rewrite(probe, which); ++which) {
        Leaves leaves = log.leaves;
        Rewrite(leaves[at], which);
        const Result result = Replay(leaves, {});
        ASSERT_TRUE(result.finding.has_value()) << which;
        EXPECT_GE(result.finding->leaf, at);
        EXPECT_LE(result.finding->leaf, BatchEnd(log.leaves, at));
      }
      if (at + 1 == log.leaves.size()) continue;
      Leaves dropped = log.leaves, doubled = log.leaves;
      dropped.erase(dropped.begin() + static_cast<ptrdiff_t>(at));
      doubled.insert(doubled.begin() + static_cast<ptrdiff_t>(at), log.leaves[at]);
      EXPECT_TRUE(Replay(dropped, {}).finding.has_value());
      EXPECT_TRUE(Replay(doubled, {}).finding.has_value());
    }
  }
}

// genesis, root 1, a1, b1, root 2 [2, 4), a2, root 3 [5, 6)
DirectoryLog SmallLog() {
  DirectoryLog log;
  log.Add(NumberedIndex(1), "a1");
  log.Add(NumberedIndex(2), "b1");
  log.End();
  log.Add(NumberedIndex(1), "a2");
  log.End();
  return log;
}
template <typename T>
T& As(DirectoryLeaf& leaf) {
  return std::get<T>(leaf);
}
ReplayFinding FindingOf(const Leaves& leaves) {
  const Result result = Replay(leaves, {});
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kInvalidArgument));
  return result.finding.value_or(ReplayFinding{ReplayRule::kLeaf, 999});
}

TEST(DirectoryReplay, NamesTheRuleAndTheFirstLeafThatBreaksIt) {
  const DirectoryLog log = SmallLog();
  const auto changed = [&](const std::function<void(Leaves&)>& change) {
    Leaves leaves = log.leaves;
    change(leaves);
    return FindingOf(leaves);
  };
  using R = ReplayRule;
  EXPECT_EQ(changed([](Leaves& l) { l.erase(l.begin()); }), (ReplayFinding{R::kGenesis, 0}));
  EXPECT_EQ(changed([](Leaves& l) { l[0] = AGenesis("example.org/other"); }),
            (ReplayFinding{R::kGenesis, 0}));
  EXPECT_EQ(changed([](Leaves& l) { l[3] = AGenesis(); }), (ReplayFinding{R::kGenesis, 3}));
  EXPECT_EQ(changed([](Leaves& l) { As<EntryLeaf>(l[5]).version = 3; }),
            (ReplayFinding{R::kVersion, 5}));                                           // a skip
  EXPECT_EQ(changed([](Leaves& l) { l[3] = l[2]; }), (ReplayFinding{R::kVersion, 3}));  // a repeat
  EXPECT_EQ(changed([](Leaves& l) { As<EntryLeaf>(l[5]).previous[0] ^= 1; }),
            (ReplayFinding{R::kPrevious, 5}));
  EXPECT_EQ(changed([](Leaves& l) { As<MapRootLeaf>(l[4]).version = 3; }),
            (ReplayFinding{R::kMapVersion, 4}));
  EXPECT_EQ(changed([](Leaves& l) { As<MapRootLeaf>(l[6]).version = 2; }),
            (ReplayFinding{R::kMapVersion, 6}));
  EXPECT_EQ(changed([](Leaves& l) { As<MapRootLeaf>(l[6]).first = 4; }),
            (ReplayFinding{R::kMapRange, 6}));
  EXPECT_EQ(changed([](Leaves& l) { As<MapRootLeaf>(l[6]).end = 7; }),
            (ReplayFinding{R::kMapRange, 6}));
  EXPECT_EQ(changed([](Leaves& l) { l.erase(l.begin() + 3); }),
            (ReplayFinding{R::kMapRange, 3}));  // dropped
  EXPECT_EQ(changed([](Leaves& l) { As<MapRootLeaf>(l[4]).root[0] ^= 1; }),
            (ReplayFinding{R::kMapRoot, 4}));
  EXPECT_EQ(changed([](Leaves& l) { As<EntryLeaf>(l[3]).commitment[0] ^= 1; }),
            (ReplayFinding{R::kMapRoot, 4}));  // rewritten
}

// A map root that keeps the former value of one person while their entry says another: a lie told
// in the map alone.
TEST(DirectoryReplay, FindsAMapRootThatLeavesAnEntryOut) {
  DirectoryLog log = SmallLog();
  As<MapRootLeaf>(log.leaves[6]).root = As<MapRootLeaf>(log.leaves[4]).root;
  EXPECT_EQ(FindingOf(log.leaves), (ReplayFinding{ReplayRule::kMapRoot, 6}));
}

// One key for each purpose and epoch, and epochs that many people share.
TEST(DirectoryReplay, FindsTokenKeysThatWouldTellPeopleApart) {
  DirectoryLog log = SmallLog();  // 7 leaves
  log.AddTokenKey("delivery");
  log.AddTokenKey("directory");
  log.End();
  log.AddTokenKey("delivery");
  log.End();
  ASSERT_OK(Replay(log).status);
  const auto changed = [&](const std::function<void(TokenKeyLeaf&)>& change) {
    Leaves leaves = log.leaves;
    change(As<TokenKeyLeaf>(leaves[10]));
    return FindingOf(leaves);
  };
  using R = ReplayRule;
  EXPECT_EQ(changed([](TokenKeyLeaf& key) { key.epoch = 1; }), (ReplayFinding{R::kTokenKey, 10}));
  EXPECT_EQ(changed([](TokenKeyLeaf& key) { key.epoch = 3; }), (ReplayFinding{R::kTokenKey, 10}));
  EXPECT_EQ(changed([](TokenKeyLeaf& key) { key.opens = 3600 + kMinTokenEpoch - 1; }),
            (ReplayFinding{R::kTokenKey, 10}));
  EXPECT_EQ(changed([](TokenKeyLeaf& key) { key.token_class = "guest"; }),
            (ReplayFinding{R::kTokenKey, 10}));  // whose first epoch is 1
  Leaves soon = log.leaves, other = log.leaves;
  As<TokenKeyLeaf>(soon[10]).opens = 3600 + kMinTokenEpoch;
  EXPECT_OK(Replay(soon, {}).status);
  As<TokenKeyLeaf>(other[10]).token_key_id[0] ^= 1;
  EXPECT_EQ(Replay(other, log.checkpoints).finding, (ReplayFinding{R::kTree, 12}));
}

// Kept between two of them, it knows the first.
TEST(DirectoryReplay, KeepsTheNewestTokenKeys) {
  DirectoryLog log = SmallLog();
  log.AddTokenKey("directory");
  log.AddTokenKey("delivery");
  log.End();
  MemoryMap map, other_map;
  DirectoryReplay first(kDirectoryOrigin, map), second(kDirectoryOrigin, other_map);
  for (const DirectoryLeaf& leaf : log.leaves) ASSERT_OK(first.Take(Encode(leaf)));
  ASSERT_OK_AND_ASSIGN(const Bytes kept, first.Save());
  ASSERT_OK(second.Restore(kept));
  EXPECT_EQ(second.token_keys(), first.token_keys());
  EXPECT_EQ(second.token_keys().at({"delivery", "member"}), ATokenKey(1));
  EXPECT_FALSE(second.Take(Encode(ATokenKey(1))).ok());
  EXPECT_EQ(second.finding(), (ReplayFinding{ReplayRule::kTokenKey, 10}));
}

TEST(DirectoryReplay, RefusesBytesThatAreNoLeaf) {
  MemoryMap map;
  DirectoryReplay replay(kDirectoryOrigin, map);
  ASSERT_OK(replay.Take(Encode(AGenesis())));
  EXPECT_THAT(replay.Take(Bytes{1, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("leaf 1: ")));
  EXPECT_EQ(replay.finding(), (ReplayFinding{ReplayRule::kLeaf, 1}));
  // It goes no further, whatever comes.
  EXPECT_THAT(replay.Take(Encode(MapRootLeaf{1, 1, 1, EmptyMapRoot()})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(replay.Check({kDirectoryOrigin, 0, EmptyRoot()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(replay.size(), 1u);
}

TEST(DirectoryReplay, HoldsNoMoreThanABatch) {
  MemoryMap map;
  DirectoryReplay replay(kDirectoryOrigin, map);
  ASSERT_OK(replay.Take(Encode(AGenesis())));
  EntryLeaf leaf{NumberedIndex(1), 1, {}, {}, {}};
  for (size_t i = 0; i < kMaxBatch; ++i) {
    ASSERT_OK(replay.Take(Encode(leaf)));
    leaf.previous = LeafHashOf(leaf);
    ++leaf.version;
  }
  EXPECT_FALSE(replay.Take(Encode(leaf)).ok());
  EXPECT_EQ(replay.finding(), (ReplayFinding{ReplayRule::kBatchSize, kMaxBatch + 1}));
}

TEST(DirectoryReplay, FindsTwoRootsUnderOneSize) {
  const DirectoryLog log = SmallLog();
  for (const Checkpoint& checkpoint : log.checkpoints) {
    Checkpoint other = checkpoint;
    other.root[0] ^= 1;
    const Result result = Replay(log.leaves, {other});
    EXPECT_EQ(result.finding, (ReplayFinding{ReplayRule::kTree, checkpoint.size}));
  }
}

// A whole second history, as good as the first, under the same name: what the first signed tells
// them apart.
TEST(DirectoryReplay, FindsASecondHistoryByACheckpointOfTheFirst) {
  const DirectoryLog first = SmallLog();
  DirectoryLog second;
  second.Add(NumberedIndex(1), "a1");
  second.Add(NumberedIndex(2), "somebody else's key");
  second.End();
  second.Add(NumberedIndex(1), "a2");
  second.End();
  EXPECT_OK(Replay(second).status);
  EXPECT_EQ(Replay(second.leaves, first.checkpoints).finding,
            (ReplayFinding{ReplayRule::kTree, 5}));
}

TEST(DirectoryReplay, TakesCheckpointsBehindMapRootsOnly) {
  const DirectoryLog log = SmallLog();
  for (uint64_t size = 1; size <= log.leaves.size(); ++size) {
    const Leaves begin(log.leaves.begin(), log.leaves.begin() + static_cast<ptrdiff_t>(size));
    const Result result = Replay(log.leaves, {DirectoryLog::CheckpointOf(begin)});
    if (std::holds_alternative<MapRootLeaf>(begin.back())) {
      EXPECT_OK(result.status);
    } else {
      EXPECT_EQ(result.finding, (ReplayFinding{ReplayRule::kOpenBatch, size}));
    }
  }
}

TEST(DirectoryReplay, SaysThatACheckpointIsAheadOrAnotherLogs) {
  const DirectoryLog log = SmallLog();
  MemoryMap map;
  DirectoryReplay replay(kDirectoryOrigin, map);
  EXPECT_OK(replay.Check({kDirectoryOrigin, 0, EmptyRoot()}));
  EXPECT_THAT(replay.Check(log.checkpoints[0]), StatusIs(absl::StatusCode::kFailedPrecondition));
  Checkpoint foreign = log.checkpoints[0];
  foreign.origin = "example.org/other";
  EXPECT_THAT(replay.Check(foreign), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(replay.finding(), std::nullopt);
  for (const DirectoryLeaf& leaf : log.leaves) ASSERT_OK(replay.Take(Encode(leaf)));
  for (const Checkpoint& checkpoint : log.checkpoints) EXPECT_OK(replay.Check(checkpoint));
  EXPECT_EQ(replay.map_root(), log.map_root);
}

// Kept at any map root and gone on from there, a replay says and finds the same.
TEST(DirectoryReplay, GoesOnFromWhatWasKept) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const DirectoryLog log = DirectoryLog::Random(seed, 6);
    for (uint64_t stop = 0; stop < log.leaves.size(); ++stop) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", behind leaf " << stop);
      MemoryMap map, other_map;
      DirectoryReplay first(kDirectoryOrigin, map), second(kDirectoryOrigin, other_map);
      for (uint64_t i = 0; i <= stop; ++i) ASSERT_OK(first.Take(Encode(log.leaves[i])));
      const absl::StatusOr<Bytes> kept = first.Save();
      if (!std::holds_alternative<MapRootLeaf>(log.leaves[stop])) {
        EXPECT_THAT(kept, StatusIs(absl::StatusCode::kFailedPrecondition));
        continue;
      }
      ASSERT_OK(kept);
      ASSERT_OK(second.Restore(*kept));
      EXPECT_EQ(*second.Save(), *kept);
      EXPECT_EQ(second.genesis(), std::get<GenesisLeaf>(log.leaves[0]));
      for (uint64_t i = stop + 1; i < log.leaves.size(); ++i) {
        DirectoryLeaf probe = log.leaves[i];
        if (Rewrite(probe, 0)) {
          MemoryMap liars_map;
          DirectoryReplay liar(kDirectoryOrigin, liars_map);
          ASSERT_OK(liar.Restore(*kept));
          absl::Status status;
          for (uint64_t j = stop + 1; j < log.leaves.size() && status.ok(); ++j)
            status = liar.Take(Encode(j == i ? probe : log.leaves[j]));
          EXPECT_TRUE(liar.finding().has_value()) << i;
        }
        ASSERT_OK(second.Take(Encode(log.leaves[i])));
      }
      EXPECT_OK(second.Check(log.checkpoints.back()));
      EXPECT_EQ(second.map_root(), log.map_root);
      EXPECT_EQ(second.people(), log.content.size());
    }
  }
}

TEST(DirectoryReplay, RefusesEveryOtherStateThanOneOfItsOwn) {
  const DirectoryLog log = SmallLog();
  MemoryMap map;
  DirectoryReplay replay(kDirectoryOrigin, map);
  EXPECT_THAT(replay.Save(), StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const DirectoryLeaf& leaf : log.leaves) ASSERT_OK(replay.Take(Encode(leaf)));
  ASSERT_OK_AND_ASSIGN(const Bytes kept, replay.Save());
  const auto restore = [](const Bytes& state, const std::string& origin = kDirectoryOrigin) {
    MemoryMap empty;
    DirectoryReplay other(origin, empty);
    const absl::Status status = other.Restore(state);
    EXPECT_FALSE(other.Take(Encode(AGenesis())).ok());  // it has begun, or is of no use
    return status;
  };
  ASSERT_OK(restore(kept));
  EXPECT_THAT(restore(kept, "example.org/other"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(replay.Restore(kept), StatusIs(absl::StatusCode::kFailedPrecondition));
  for (size_t size = 0; size < kept.size(); ++size)
    EXPECT_THAT(restore(Bytes(kept.begin(), kept.begin() + static_cast<ptrdiff_t>(size))),
                StatusIs(absl::StatusCode::kInvalidArgument));
  Bytes longer = kept, swapped = kept;
  longer.push_back(0);
  EXPECT_THAT(restore(longer), StatusIs(absl::StatusCode::kInvalidArgument));
  std::swap_ranges(swapped.end() - 144, swapped.end() - 72, swapped.end() - 72);  // two people
  EXPECT_THAT(restore(swapped), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DirectoryReplay, AsksForTheAuthorityOfEachEntry) {
  const DirectoryLog log = SmallLog();
  const auto replay = [&](const EntryCheck& check) {
    MemoryMap map;
    DirectoryReplay out(kDirectoryOrigin, map, check);
    absl::Status status;
    for (size_t i = 0; i < log.leaves.size() && status.ok(); ++i)
      status = out.Take(Encode(log.leaves[i]));
    return Result{status, out.finding()};
  };
  std::vector<uint64_t> places;
  EXPECT_OK(replay([&](uint64_t place, const EntryLeaf& entry) {
              EXPECT_EQ(DirectoryLeaf(entry), log.leaves[place]);
              places.push_back(place);
              return absl::OkStatus();
            }).status);
  EXPECT_EQ(places, (std::vector<uint64_t>{2, 3, 5}));
  const Result refused = replay([](uint64_t place, const EntryLeaf&) {
    return place == 3 ? absl::InvalidArgumentError("no approval") : absl::OkStatus();
  });
  EXPECT_EQ(refused.finding, (ReplayFinding{ReplayRule::kAuthority, 3}));
  EXPECT_THAT(refused.status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("leaf 3: an entry has not the authority "
                                            "that it claims: no approval")));
  const Result unknown =
      replay([](uint64_t, const EntryLeaf&) { return absl::UnavailableError("no openings"); });
  EXPECT_EQ(unknown.finding, std::nullopt);
  EXPECT_THAT(unknown.status, StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace plumbline::tlog
