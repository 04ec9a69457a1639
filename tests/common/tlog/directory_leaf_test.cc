#include "common/tlog/directory_leaf.h"

#include "common/codec.h"
#include "tests/common/tlog/directory_logs.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

std::vector<DirectoryLeaf> OneOfEach() {
  return {AGenesis(), EntryLeaf{NumberedIndex(1), 7, HashOf("p"), HashOf("c"), HashOf("w")},
          MapRootLeaf{3, 4, 9, HashOf("r")}, ATokenKey(5)};
}

void ExpectRefused(const DirectoryLeaf& leaf) {
  EXPECT_THAT(ParseDirectoryLeaf(Encode(leaf)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DirectoryLeaf, HasTheBytesOfItsFormat) {
  const std::vector<DirectoryLeaf> leaves = OneOfEach();
  const std::string origin = "15" + ToHex(AsBytes(kDirectoryOrigin));
  EXPECT_EQ(ToHex(Encode(leaves[0])),
            "0101" + origin + ToHex(HashOf("authority")) + ToHex(AGenesis().vrf_key.view()));
  EXPECT_EQ(ToHex(Encode(leaves[1])), "0102" + ToHex(NumberedIndex(1).bytes) + "0000000000000007" +
                                          ToHex(HashOf("p")) + ToHex(HashOf("c")) +
                                          ToHex(HashOf("w")));
  EXPECT_EQ(ToHex(Encode(leaves[2])),
            "0103000000000000000300000000000000040000000000000009" + ToHex(HashOf("r")));
  EXPECT_EQ(ToHex(Encode(leaves[3])),
            "010408" + ToHex(AsBytes("delivery")) + "06" + ToHex(AsBytes("member")) +
                "0000000000000005" "0000000000004650" "0000000000005460" "0000000000005640" +
                ToHex(ATokenKey(5).token_key_id));
}

TEST(DirectoryLeaf, IsReadBackAndNoPartOfItOrMore) {
  for (const DirectoryLeaf& leaf : OneOfEach()) {
    const Bytes wire = Encode(leaf);
    ASSERT_OK_AND_ASSIGN(const DirectoryLeaf read_back, ParseDirectoryLeaf(wire));
    EXPECT_EQ(read_back, leaf);
    for (size_t n = 0; n < wire.size(); ++n)
      EXPECT_FALSE(ParseDirectoryLeaf(ByteView(wire).first(n)).ok()) << n;
    EXPECT_FALSE(ParseDirectoryLeaf(Concat({wire, Bytes{0}})).ok());
    EXPECT_FALSE(ParseDirectoryLeaf(Concat({wire, Bytes(kMaxDirectoryLeaf)})).ok());
  }
  GenesisLeaf longest = AGenesis(std::string(512, 'o'));
  EXPECT_OK(ParseDirectoryLeaf(Encode(longest)));
  EXPECT_LE(Encode(longest).size(), kMaxDirectoryLeaf);
}

// A changed bit is refused, or is another leaf: no two encodings are of one.
TEST(DirectoryLeaf, HasOneEncoding) {
  for (const DirectoryLeaf& leaf : OneOfEach()) {
    const Bytes wire = Encode(leaf);
    for (size_t bit = 0; bit < wire.size() * 8; ++bit) {
      Bytes changed = wire;
      changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
      const auto parsed = ParseDirectoryLeaf(changed);
      if (!parsed.ok()) continue;
      EXPECT_NE(*parsed, leaf) << bit;
      EXPECT_EQ(Encode(*parsed), changed) << bit;
    }
  }
}

TEST(DirectoryLeaf, IsOfAKnownFormatAndKind) {
  for (const DirectoryLeaf& leaf : OneOfEach()) {
    for (const auto& [at, value] : {std::pair(0, 0), {0, 2}, {1, 0}, {1, 5}}) {
      Bytes wire = Encode(leaf);
      wire[static_cast<size_t>(at)] = static_cast<uint8_t>(value);
      EXPECT_THAT(ParseDirectoryLeaf(wire), StatusIs(absl::StatusCode::kInvalidArgument));
    }
  }
}

TEST(DirectoryLeaf, OfAGenesisHasANameAndAGoodKey) {
  for (const char* origin : {"", "two words", "a+b", "line\n"}) ExpectRefused(AGenesis(origin));
  Bytes wire = Encode(AGenesis());
  std::fill(wire.end() - 32, wire.end(), 0);  // of small order
  EXPECT_THAT(ParseDirectoryLeaf(wire), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DirectoryLeaf, OfAnEntryHasAVersionAndWhatWasBefore) {
  EntryLeaf entry{NumberedIndex(1), 1, {}, {}, {}};
  EXPECT_OK(ParseDirectoryLeaf(Encode(entry)));
  entry.version = 0;
  ExpectRefused(entry);
  entry.version = 2;
  ExpectRefused(entry);
  entry.previous = HashOf("p");
  EXPECT_OK(ParseDirectoryLeaf(Encode(entry)));
  entry.version = 1;
  ExpectRefused(entry);
}

TEST(DirectoryLeaf, OfAMapRootIsOverARangeThatCanBe) {
  EXPECT_OK(ParseDirectoryLeaf(Encode(MapRootLeaf{1, 1, 1, {}})));
  EXPECT_OK(ParseDirectoryLeaf(Encode(MapRootLeaf{2, 2, 2 + kMaxBatch, {}})));
  EXPECT_OK(ParseDirectoryLeaf(Encode(MapRootLeaf{2, kMaxSize - 2, kMaxSize - 1, {}})));
  for (const MapRootLeaf& leaf :
       {MapRootLeaf{0, 1, 2, {}}, MapRootLeaf{2, 2, 2, {}}, MapRootLeaf{1, 0, 1, {}},
        MapRootLeaf{2, 3, 2, {}}, MapRootLeaf{2, 2, 3 + kMaxBatch, {}},
        MapRootLeaf{2, kMaxSize - 1, kMaxSize, {}}}) {
    ExpectRefused(leaf);
  }
}

TEST(DirectoryLeaf, OfATokenKeyHasNamesAndTimesThatCanBe) {
  for (const char* name : {"", "Delivery", "a b", "a.b", "\xc3\xa9", "a234567890123456789012345678901234"}) {
    TokenKeyLeaf purpose = ATokenKey(1), token_class = ATokenKey(1);
    purpose.purpose = name;
    ExpectRefused(purpose);
    token_class.token_class = name;
    ExpectRefused(token_class);
  }
  const auto with = [](uint64_t epoch, uint64_t opens, uint64_t closes, uint64_t ends) {
    TokenKeyLeaf out = ATokenKey(1);
    out.epoch = epoch;
    out.opens = opens;
    out.closes = closes;
    out.ends = ends;
    return out;
  };
  EXPECT_OK(ParseDirectoryLeaf(Encode(with(1, 0, 1, 1))));
  EXPECT_OK(ParseDirectoryLeaf(Encode(with(1, 9, 10, 9 + kMaxTokenLife))));
  ExpectRefused(with(0, 0, 1, 1));
  ExpectRefused(with(1, 5, 5, 6));
  ExpectRefused(with(1, 5, 7, 6));
  ExpectRefused(with(1, 9, 10, 10 + kMaxTokenLife));
  ExpectRefused(with(1, (uint64_t{1} << 40) - 2, (uint64_t{1} << 40) - 1, uint64_t{1} << 40));
}

}  // namespace
}  // namespace plumbline::tlog
