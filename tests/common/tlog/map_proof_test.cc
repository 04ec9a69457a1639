#include "common/tlog/map_proof.h"

#include "common/codec.h"
#include "tests/common/tlog/maps.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

// A map, and indices that are in it, beside one that is, and nowhere near.
struct World {
  explicit World(uint64_t seed, size_t batches = 8) {
    EntryMaker maker(seed);
    for (size_t i = 0; i < batches; ++i) root = *UpdateMap(map, root, maker.Batch(content, 5));
    for (const auto& [index, value] : content) {
      asked.push_back(index);
      asked.push_back(Flipped(index, maker.Below(256)));
    }
    for (int i = 0; i < 10; ++i) asked.push_back({maker.Value()});
  }
  std::optional<Hash> ValueOf(const MapIndex& index) const {
    const auto found = content.find(index);
    return found == content.end() ? std::nullopt : std::optional<Hash>(found->second);
  }
  MapContent content;
  MemoryMap map;
  Hash root = EmptyMapRoot();
  std::vector<MapIndex> asked;
};

// Each change of `proof` that is none in meaning is left out; there are none.
template <typename Visit>
void ForEachTouch(const MapProof& proof, Visit visit) {
  const auto touch = [&](auto change) {
    MapProof changed = proof;
    change(changed);
    if (changed != proof) visit(changed);
  };
  for (size_t i = 0; i < proof.siblings.size(); ++i) {
    for (size_t bit = 0; bit < 256; bit += 37)
      touch([&](MapProof& p) { p.siblings[i][bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8)); });
    touch([&](MapProof& p) { p.siblings.erase(p.siblings.begin() + static_cast<ptrdiff_t>(i)); });
    touch([&](MapProof& p) {
      p.siblings.insert(p.siblings.begin() + static_cast<ptrdiff_t>(i), p.siblings[i]);
    });
    if (i > 0) touch([&](MapProof& p) { std::swap(p.siblings[i], p.siblings[i - 1]); });
  }
  touch([](MapProof& p) { p.siblings.push_back({}); });
  touch([](MapProof& p) { p.siblings.resize(kMapDepth); });
  touch([](MapProof& p) { p.siblings.resize(kMapDepth + 1); });
  touch([](MapProof& p) { p.siblings.clear(); });
  touch([](MapProof& p) { p.leaf.reset(); });
  touch([](MapProof& p) { p.leaf = NumberedEntry(7); });
  if (!proof.leaf) return;
  for (size_t bit = 0; bit < 256; ++bit) {
    touch([&](MapProof& p) { p.leaf->index = Flipped(p.leaf->index, bit); });
    touch([&](MapProof& p) { p.leaf->value[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8)); });
  }
}

TEST(MapProof, ProvesPresenceAndAbsenceAndNothingElse) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    World world(seed);
    for (const MapIndex& index : world.asked) {
      ASSERT_OK_AND_ASSIGN(const MapProof proof, ProveMap(world.map, world.root, index));
      ASSERT_OK_AND_ASSIGN(const std::optional<Hash> value,
                           VerifyMapProof(world.root, index, proof));
      EXPECT_EQ(value, world.ValueOf(index));
      ASSERT_OK_AND_ASSIGN(const MapProof read_back, ParseMapProof(Encode(proof)));
      EXPECT_EQ(read_back, proof);
    }
  }
}

TEST(MapProof, RefusesEveryTouch) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    World world(seed, 5);
    for (const MapIndex& index : world.asked) {
      const MapProof proof = *ProveMap(world.map, world.root, index);
      ForEachTouch(proof, [&](const MapProof& touched) {
        EXPECT_THAT(VerifyMapProof(world.root, index, touched),
                    StatusIs(absl::StatusCode::kInvalidArgument));
      });
    }
  }
}

// Beyond the end of a proof an index may differ: what is said about it there is true. Above,
// nothing is.
TEST(MapProof, SaysAboutAnotherIndexOnlyWhatIsTrue) {
  World world(3);
  for (const MapIndex& index : world.asked) {
    const MapProof proof = *ProveMap(world.map, world.root, index);
    for (size_t bit = 0; bit < kMapDepth; ++bit) {
      const MapIndex other = Flipped(index, bit);
      const auto said = VerifyMapProof(world.root, other, proof);
      EXPECT_EQ(said.ok(), bit >= proof.siblings.size()) << bit;
      if (!said.ok()) continue;
      EXPECT_EQ(*said, world.ValueOf(other)) << bit;
    }
  }
}

TEST(MapProof, OfOneVersionIsNoneOfAnother) {
  World world(4);
  const MapIndex changed = world.content.begin()->first;
  MemoryMap map = world.map;
  ASSERT_OK_AND_ASSIGN(const Hash later, UpdateMap(map, world.root, {{changed, HashOf("new")}}));
  for (const MapIndex& index : world.asked) {
    EXPECT_FALSE(VerifyMapProof(later, index, *ProveMap(world.map, world.root, index)).ok());
    EXPECT_FALSE(VerifyMapProof(world.root, index, *ProveMap(map, later, index)).ok());
  }
}

TEST(MapProof, OfTheEmptyMapProvesThatNobodyIsThere) {
  MemoryMap map;
  ASSERT_OK_AND_ASSIGN(const MapProof proof, ProveMap(map, EmptyMapRoot(), NumberedIndex(1)));
  EXPECT_EQ(proof, MapProof{});
  ASSERT_OK_AND_ASSIGN(const auto value, VerifyMapProof(EmptyMapRoot(), NumberedIndex(1), proof));
  EXPECT_EQ(value, std::nullopt);
  EXPECT_FALSE(VerifyMapProof(EmptyRoot(), NumberedIndex(1), proof).ok());
}

TEST(MapProof, StaysBoundedForIndicesThatBeginAlike) {
  const MapIndex index = NumberedIndex(1), last = Flipped(index, 255);
  MemoryMap map;
  ASSERT_OK_AND_ASSIGN(const Hash root,
                       UpdateMap(map, EmptyMapRoot(), {{index, HashOf("a")}, {last, HashOf("b")}}));
  for (const MapIndex& asked : {index, last}) {
    ASSERT_OK_AND_ASSIGN(const MapProof proof, ProveMap(map, root, asked));
    EXPECT_EQ(proof.siblings.size(), size_t{kMapDepth});
    EXPECT_EQ(Encode(proof).size(), kMaxMapProof);
    EXPECT_OK(ParseMapProof(Encode(proof)));
    ASSERT_OK_AND_ASSIGN(const auto value, VerifyMapProof(root, asked, proof));
    EXPECT_EQ(value, HashOf(asked == index ? "a" : "b"));
  }
}

TEST(MapProof, IsNotMadeFromAStoreThatIsNotOfItsRoot) {
  World world(5);
  const MapIndex index = world.content.begin()->first;
  const size_t depth = ProveMap(world.map, world.root, index)->siblings.size();
  for (size_t at = 0; at <= depth; ++at) {
    for (const MapNode& wrong :
         {MapNode{}, MapNode{.leaf = MapEntry{index, {}}, .inner = std::nullopt},
          MapNode{.leaf = std::nullopt, .inner = MapInner{}}}) {
      MemoryMap damaged = world.map;
      ASSERT_OK(damaged.Write(MapPlace::Of(index, static_cast<uint16_t>(at)), wrong));
      EXPECT_THAT(ProveMap(damaged, world.root, index), StatusIs(absl::StatusCode::kDataLoss))
          << at;
    }
  }
  EXPECT_THAT(ProveMap(world.map, Hash{}, index), StatusIs(absl::StatusCode::kDataLoss));
}

// A map that its owner made so: the root is right, and the leaf is on the wrong side.
TEST(MapProof, RefusesALeafWhereItsIndexDoesNotLead) {
  MapEntry leaf{Flipped({}, 0), HashOf("value")};  // begins with a one
  const MapInner inner{MapLeafHash(1, leaf), EmptyMapHash(MapPlace{}.Child(true))};
  const MapProof proof{{inner.right}, leaf};
  EXPECT_THAT(VerifyMapProof(MapInnerHash({}, inner), {}, proof),
              StatusIs(absl::StatusCode::kInvalidArgument));
  leaf.index = {};
  const MapInner honest{MapLeafHash(1, leaf), inner.right};
  EXPECT_OK(VerifyMapProof(MapInnerHash({}, honest), {}, {{inner.right}, leaf}));
}

TEST(ParseMapProof, RefusesEverythingElse) {
  MapProof proof;
  proof.siblings = {HashOf("a"), HashOf("b")};
  proof.leaf = NumberedEntry(1);
  const Bytes wire = Encode(proof);
  EXPECT_OK(ParseMapProof(wire));
  for (size_t n = 0; n < wire.size(); ++n)
    EXPECT_FALSE(ParseMapProof(ByteView(wire).first(n)).ok()) << n;
  const auto refused = [](ByteView bytes) {
    EXPECT_THAT(ParseMapProof(bytes), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  refused(Concat({wire, Bytes{0}}));
  refused(Writer().U8(2).Vector({}).Present(false).view());         // a later format
  refused(Writer().U8(1).Vector(Bytes(31)).Present(false).view());  // part of a hash
  refused(Writer().U8(1).Vector(Bytes(33)).Present(false).view());
  refused(Writer().U8(1).Vector({}).U8(2).view());               // neither there nor not
  refused(Writer().U8(1).U8(0x40).U8(0).Present(false).view());  // a length that is not minimal
  refused(Writer().U8(1).Vector(Bytes(257 * 32)).Present(false).view());
  EXPECT_OK(ParseMapProof(Writer().U8(1).Vector(Bytes(256 * 32)).Present(false).view()));
}

}  // namespace
}  // namespace plumbline::tlog
