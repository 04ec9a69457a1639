#include "common/tlog/map.h"

#include <algorithm>

#include "tests/common/tlog/maps.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

// Counts what is done at each place.
class CountingMap final : public MapStore {
 public:
  absl::StatusOr<MapNode> Read(const MapPlace& place) override {
    ++reads[place];
    return under.Read(place);
  }
  absl::Status Write(const MapPlace& place, const MapNode& node) override {
    ++writes[place];
    return under.Write(place, node);
  }
  MemoryMap under;
  std::map<MapPlace, int> reads, writes;
};

// The roots are of a program in another language that was written from docs/transparency.md.
TEST(Map, HasTheRootsThatTheFormatGivesIt) {
  const std::pair<size_t, const char*> kRoots[] = {
      {0, "047af186949108e05f1b2b0312bfdec23b698f51fb59618bf6884db56513b3d1"},
      {1, "89ee95786adaf1d7674035042b6033a48be129225a4f843ac4d9a2073055c3d6"},
      {2, "4167d7a1358ae6f338781cf81a88f657f386c1c15ad0a515337d10a0d8783b18"},
      {5, "0f0c2a48a642e1dcb6a1bc09073a8f8ccd5d18a2b7a24e4bc6561108bc215adb"},
  };
  for (const auto& [size, expected] : kRoots) {
    MemoryMap map;
    std::vector<MapEntry> entries;
    for (size_t i = 0; i < size; ++i) entries.push_back(NumberedEntry(i));
    ASSERT_OK_AND_ASSIGN(const Hash root, UpdateMap(map, EmptyMapRoot(), entries));
    EXPECT_EQ(ToHex(root), expected) << size;
  }
}

TEST(Map, AgreesWithTheReferenceOverRandomBatches) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    EntryMaker maker(seed);
    MapContent content;
    MemoryMap map;
    Hash root = EmptyMapRoot();
    for (int batch = 0; batch < 12; ++batch) {
      ASSERT_OK_AND_ASSIGN(root, UpdateMap(map, root, maker.Batch(content, 6)));
      ASSERT_EQ(root, SlowMapRoot(content));
    }
  }
}

// All at once, one at a time backwards, and over former values: one content, one root, the same
// nodes.
TEST(Map, HasOneRootForOneContentInWhateverOrderItCame) {
  EntryMaker maker(9);
  MapContent content;
  for (int i = 0; i < 20; ++i) maker.Batch(content, 8);
  const std::vector<MapEntry> entries = EntriesOf(content);
  MemoryMap at_once, backwards, twice;
  ASSERT_OK_AND_ASSIGN(const Hash root, UpdateMap(at_once, EmptyMapRoot(), entries));
  Hash root_backwards = EmptyMapRoot(), root_twice = EmptyMapRoot();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    ASSERT_OK_AND_ASSIGN(root_backwards, UpdateMap(backwards, root_backwards, {*entry}));
    ASSERT_OK_AND_ASSIGN(root_twice, UpdateMap(twice, root_twice, {{entry->index, Hash{}}}));
  }
  ASSERT_OK_AND_ASSIGN(root_twice, UpdateMap(twice, root_twice, entries));
  EXPECT_EQ(root_backwards, root);
  EXPECT_EQ(root_twice, root);
  EXPECT_EQ(backwards.count(), at_once.count());
  EXPECT_EQ(twice.count(), at_once.count());
}

TEST(Map, ReadsAndWritesEachNodeOnceInABatch) {
  EntryMaker maker(10);
  MapContent content;
  CountingMap map;
  Hash root = EmptyMapRoot();
  for (int batch = 0; batch < 20; ++batch) {
    map.reads.clear();
    map.writes.clear();
    const std::vector<MapEntry> changes = maker.Batch(content, 20);
    ASSERT_OK_AND_ASSIGN(root, UpdateMap(map, root, changes));
    for (const auto* counts : {&map.reads, &map.writes}) {
      for (const auto& [place, count] : *counts) EXPECT_EQ(count, 1) << place.depth;
    }
  }
  map.writes.clear();
  ASSERT_OK_AND_ASSIGN(const Hash same, UpdateMap(map, root, {}));
  EXPECT_EQ(same, root);
  EXPECT_TRUE(map.writes.empty());
}

TEST(Map, ChangesNoIndexTwiceAtOnce) {
  CountingMap map;
  const MapEntry one = NumberedEntry(1), two = NumberedEntry(2);
  EXPECT_THAT(UpdateMap(map, EmptyMapRoot(), {one, two, one}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(UpdateMap(map, EmptyMapRoot(), {one, {one.index, two.value}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(map.writes.empty());
}

// Whoever finds indices that begin alike makes the tree deeper, for themselves, and never deeper
// than an index is long.
TEST(Map, StaysBoundedForIndicesThatBeginAlike) {
  const MapIndex index = NumberedIndex(1);
  MapContent content = {{index, Hash{}}};
  for (size_t bit = 0; bit < kMapDepth; ++bit) {
    MemoryMap map;
    ASSERT_OK_AND_ASSIGN(
        const Hash root,
        UpdateMap(map, EmptyMapRoot(), {{index, Hash{}}, {Flipped(index, bit), Hash{}}}));
    EXPECT_EQ(root, SlowMapRoot({{index, Hash{}}, {Flipped(index, bit), Hash{}}}));
    EXPECT_EQ(
        map.count(),
        bit + 3);  // an inner node for each shared bit and one where they part, and two leaves
    content[Flipped(index, bit)] = Hash{};
  }
  MemoryMap map;
  ASSERT_OK_AND_ASSIGN(const Hash root, UpdateMap(map, EmptyMapRoot(), EntriesOf(content)));
  EXPECT_EQ(root, SlowMapRoot(content));
  EXPECT_EQ(map.count(), 2 * content.size() - 1);
}

// A node that stands elsewhere, says something else, or is not there: found at the first change
// that passes it.
TEST(Map, IsNotChangedOverAStoreThatIsNotOfItsRoot) {
  MapContent content;
  for (uint64_t i = 0; i < 12; ++i) content[NumberedIndex(i)] = HashOf("v");
  CountingMap map;
  ASSERT_OK_AND_ASSIGN(const Hash root, UpdateMap(map, EmptyMapRoot(), EntriesOf(content)));
  const auto changes = [&] {
    MapContent all = content;
    for (auto& [index, value] : all) value = Hash{1};
    return EntriesOf(all);
  }();
  for (const auto& [place, count] : map.writes) {
    const MapNode node = *map.under.Read(place);
    MapNode other = node;
    if (other.leaf) other.leaf->value[0] ^= 1;
    if (other.inner) std::swap(other.inner->left, other.inner->right);
    MapNode foreign{.leaf = NumberedEntry(99), .inner = std::nullopt};
    for (const MapNode& wrong :
         {other, MapNode{}, foreign, MapNode{.leaf = MapEntry{}, .inner = MapInner{}}}) {
      MemoryMap damaged = map.under;
      ASSERT_OK(damaged.Write(place, wrong));
      EXPECT_THAT(UpdateMap(damaged, root, changes), StatusIs(absl::StatusCode::kDataLoss))
          << place.depth;
    }
  }
  EXPECT_THAT(UpdateMap(map, HashOf("another root"), changes),
              StatusIs(absl::StatusCode::kDataLoss));
}

// Of every two nodes that differ in kind, place or content the hashes differ, and from those of the
// log's tree.
TEST(Map, HashesNoTwoNodesAlike) {
  const MapIndex zero{}, one = NumberedIndex(1);
  const MapPlace root{}, left = root.Child(false), right = root.Child(true),
                         deep = left.Child(false);
  const std::vector<Hash> hashes = {EmptyMapHash(root),
                                    EmptyMapHash(left),
                                    EmptyMapHash(right),
                                    EmptyMapHash(deep),
                                    MapLeafHash(0, {zero, {}}),
                                    MapLeafHash(1, {zero, {}}),
                                    MapLeafHash(256, {zero, {}}),
                                    MapLeafHash(0, {one, {}}),
                                    MapLeafHash(0, {zero, one.bytes}),
                                    MapInnerHash(root, {}),
                                    MapInnerHash(left, {}),
                                    MapInnerHash(right, {}),
                                    MapInnerHash(deep, {}),
                                    MapInnerHash(root, {one.bytes, {}}),
                                    MapInnerHash(root, {{}, one.bytes}),
                                    LeafHash({}),
                                    LeafHash(Bytes(64)),
                                    NodeHash({}, {}),
                                    EmptyRoot(),
                                    Hash{}};
  for (size_t i = 0; i < hashes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]) << i << " " << j;
  }
}

}  // namespace
}  // namespace plumbline::tlog
