#include "common/tlog/tiles.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/tlog/proof.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using Code = absl::StatusCode;

TEST(TilePath, IsAsTheFormatSays) {
  EXPECT_EQ(TilePath({false, 0, 1234067, 256}), "tile/0/x001/x234/067");  // the format's example
  EXPECT_EQ(TilePath({false, 0, 0, 256}), "tile/0/000");
  EXPECT_EQ(TilePath({false, 2, 999, 1}), "tile/2/999.p/1");
  EXPECT_EQ(TilePath({true, 0, 1000, 255}), "tile/entries/x001/000.p/255");
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    TileId tile{random() % 2 == 0, 0, random() >> (2 + random() % 62), static_cast<uint16_t>(1 + random() % 256)};
    tile.index = std::min(tile.index, kMaxSize);
    if (!tile.entries) tile.level = static_cast<uint8_t>(random() % 64);
    ASSERT_OK_AND_ASSIGN(const TileId back, ParseTilePath(TilePath(tile)));
    EXPECT_EQ(back, tile) << TilePath(tile);
  }
}

TEST(TilePath, NothingElseIsOne) {
  for (const char* path :
       {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1000", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/+1/000", "tile/ 1/000", "tile/entry/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001",
        "tile/0/x001/x002", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1", "/tile/0/000", "tile/0/000/", "tile/0/../000", "tile/entries/0", "tile/0/xx01/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_THAT(ParseTilePath(path), StatusIs(Code::kInvalidArgument)) << path;
  }
}

std::map<std::pair<int, uint16_t>, size_t> Count(uint64_t from, uint64_t size) {
  std::map<std::pair<int, uint16_t>, size_t> out;
  const auto tiles = TilesOf(from, size);
  EXPECT_OK(tiles);
  for (const TileId& tile : *tiles) ++out[{tile.level, tile.width}];
  return out;
}

TEST(Tiles, ATreeHasTheTilesThatTheFormatSays) {
  using Counts = std::map<std::pair<int, uint16_t>, size_t>;
  EXPECT_EQ(Count(0, 70'000),
            (Counts{{{0, 256}, 273}, {{0, 112}, 1}, {{1, 256}, 1}, {{1, 17}, 1}, {{2, 1}, 1}}));  // the format's example
  EXPECT_EQ(Count(0, 256), (Counts{{{0, 256}, 1}, {{1, 1}, 1}}));
  EXPECT_EQ(Count(0, 0), Counts{});
  EXPECT_EQ(Count(256, 257), (Counts{{{0, 1}, 1}}));
  EXPECT_EQ(Count(255, 257), (Counts{{{0, 256}, 1}, {{0, 1}, 1}, {{1, 1}, 1}}));
  EXPECT_EQ(Count(300, 300), Counts{});
  EXPECT_THAT(TilesOf(2, 1), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(TilesOf(kMaxSize, kMaxSize + 1), StatusIs(Code::kInvalidArgument));
}

// A log that publishes as it grows, and a reader with nothing but what was published.
TEST(Tiles, EveryRootAndProofComesOutOfThem) {
  std::map<std::string, Bytes> published;
  MemoryNodes nodes;
  std::vector<Hash> leaves;
  std::mt19937 random(9);
  for (uint64_t size = 0; size < 70'000;) {
    const uint64_t from = size;
    size += 1 + random() % (size < 1000 ? 150 : 12'000);
    for (uint64_t i = from; i < size; ++i) {
      leaves.push_back(LeafHash(AsBytes(absl::StrCat("leaf ", i))));
      ASSERT_OK(Append(nodes, i, leaves.back()));
    }
    ASSERT_OK_AND_ASSIGN(const std::vector<TileId> tiles, TilesOf(from, size));
    for (const TileId& tile : tiles) {
      ASSERT_OK_AND_ASSIGN(published[TilePath(tile)], MakeTile(nodes, tile));
    }
    int fetched = 0;
    TileNodes reader(size, [&](const std::string& path) -> absl::StatusOr<Bytes> {
      ++fetched;
      const auto found = published.find(path);
      if (found == published.end()) return absl::NotFoundError(path);
      return found->second;
    });
    ASSERT_OK_AND_ASSIGN(const Hash root, Root(reader, size));
    EXPECT_EQ(root, *Root(nodes, size));
    const uint64_t index = random() % size, old = 1 + random() % size;
    ASSERT_OK_AND_ASSIGN(const auto inclusion, ProveInclusion(reader, index, size));
    EXPECT_OK(VerifyInclusion(index, size, leaves[index], inclusion, root));
    ASSERT_OK_AND_ASSIGN(const auto consistency, ProveConsistency(reader, old, size));
    EXPECT_OK(VerifyConsistency(old, size, *Root(nodes, old), consistency, root));
    EXPECT_LE(fetched, 12) << size;
  }
}

TEST(Tiles, AReaderGetsNoNodeThatTheTreeHasNot) {
  MemoryNodes nodes;
  for (uint64_t i = 0; i < 300; ++i) ASSERT_OK(Append(nodes, i, LeafHash(AsBytes(absl::StrCat(i)))));
  std::string asked;
  TileNodes reader(300, [&](const std::string& path) -> absl::StatusOr<Bytes> {
    asked = path;
    return MakeTile(nodes, *ParseTilePath(path));
  });
  EXPECT_OK(reader.Read({0, 299}));
  EXPECT_EQ(asked, "tile/0/001.p/44");
  for (const NodeId node : {NodeId{0, 300}, NodeId{0, 512}, NodeId{3, 37}, NodeId{8, 1}, NodeId{16, 0}})
    EXPECT_THAT(reader.Read(node), StatusIs(Code::kInvalidArgument)) << int{node.level} << " " << node.index;
  EXPECT_THAT(reader.Write({0, 0}, {}), StatusIs(Code::kUnimplemented));
  TileNodes liar(300, [&](const std::string&) { return Bytes(31); });
  EXPECT_THAT(liar.Read({0, 0}), StatusIs(Code::kInvalidArgument));
}

TEST(Bundle, IsReadInOneWay) {
  const std::vector<Bytes> entries = {Bytes(), Bytes(1, 7), Bytes(kMaxEntry, 9)};
  const Bytes bundle = MakeBundle(entries);
  ASSERT_OK_AND_ASSIGN(const std::vector<Bytes> back, ParseBundle(bundle, 3));
  EXPECT_EQ(back, entries);
  for (const uint16_t width : {uint16_t{0}, uint16_t{2}, uint16_t{4}}) EXPECT_FALSE(ParseBundle(bundle, width).ok()) << width;
  EXPECT_FALSE(ParseBundle(ByteView(bundle).first(bundle.size() - 1), 3).ok());
  EXPECT_FALSE(ParseBundle(ByteView(bundle).first(4), 3).ok());
}

}  // namespace
}  // namespace plumbline::tlog
