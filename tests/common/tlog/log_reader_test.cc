#include "common/tlog/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/common/tlog/published_log.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

const NoteSigner kLog = LogSigner("example.org/log");

std::vector<Bytes> Leaves(size_t count) {
  std::vector<Bytes> out;
  for (size_t i = 0; i < count; ++i) out.push_back(ToBytes(AsBytes(absl::StrCat("leaf ", i))));
  return out;
}

struct Got {
  absl::Status status;
  std::vector<Bytes> leaves;
};
Got ReadAll(TileSource& source, const Checkpoint& checkpoint, uint64_t from = 0) {
  Got out;
  absl::StatusOr<LogReader> reader = LogReader::Open(source, checkpoint);
  out.status = reader.status();
  if (!reader.ok()) return out;
  out.status = reader->ReadLeaves(from, checkpoint.size, [&](uint64_t place, ByteView leaf) {
    EXPECT_EQ(place, from + out.leaves.size());
    out.leaves.push_back(ToBytes(leaf));
    return absl::OkStatus();
  });
  return out;
}

TEST(LogReader, GivesTheLeavesAndRootsOfTreesOfEverySize) {
  const std::vector<Bytes> leaves = Leaves(70'000);
  std::mt19937 random(4);
  for (const size_t size : {0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 1000, 65'535, 65'536, 65'537, 65'793, 70'000}) {
    SCOPED_TRACE(size);
    const std::vector<Bytes> first(leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(size));
    PublishedLog log;
    log.Publish(first, kLog);
    const uint64_t from = size == 0 ? 0 : random() % size;
    const Got got = ReadAll(log, log.checkpoint, from);
    ASSERT_OK(got.status);
    EXPECT_EQ(got.leaves, std::vector<Bytes>(first.begin() + static_cast<ptrdiff_t>(from), first.end()));
    EXPECT_LE(log.fetched, static_cast<int>((size - from) / 256 * 2 + 12)) << "not each tile more than once";
    if (from == 0) continue;
    ASSERT_OK_AND_ASSIGN(LogReader reader, LogReader::Open(log, log.checkpoint));
    CompactRange tree;
    for (uint64_t i = 0; i < from; ++i) tree.Append(LeafHash(leaves[i]));
    EXPECT_EQ(*Root(reader, from), tree.Root());
  }
}

// Every file that it reads, with one bit changed or cut off or missing: nothing is given out that was not signed.
TEST(LogReader, GivesOutNothingThatIsNotUnderTheSignedRoot) {
  const std::vector<Bytes> leaves = Leaves(700);
  PublishedLog log;
  log.Publish(leaves, kLog);
  std::mt19937 random(5);
  for (const auto& [path, bytes] : log.files) {
    if (path == "checkpoint") continue;
    SCOPED_TRACE(path);
    const bool used = path != "tile/0/000" && path != "tile/0/001";  // these are summed up in tile/1/000.p/2
    for (int i = 0; i < 20; ++i) {
      PublishedLog liar = log;
      Bytes& file = liar.files[path];
      const int what = i % 3;
      if (what == 0) file[random() % file.size()] ^= static_cast<uint8_t>(1 << random() % 8);
      if (what == 1) file.resize(random() % file.size());
      if (what == 2) liar.files.erase(path);
      const Got got = ReadAll(liar, log.checkpoint);
      if (!used) {
        EXPECT_OK(got.status);
        continue;
      }
      EXPECT_THAT(got.status, StatusIs(what == 2 ? Code::kNotFound : Code::kDataLoss, HasSubstr("")));
      EXPECT_EQ(got.leaves, std::vector<Bytes>(leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(got.leaves.size())));
    }
  }
}

// Leaves and the whole tiles above them, changed to fit each other but not the root.
TEST(LogReader, HoldsWholeTilesAgainstTheRootToo) {
  const std::vector<Bytes> leaves = Leaves(66'000);
  std::vector<Bytes> others = leaves;
  others[1] = {1};
  PublishedLog log, other;
  log.Publish(leaves, kLog);
  other.Publish(others, kLog);
  for (const char* path : {"tile/entries/000", "tile/0/000", "tile/1/000"}) log.files[path] = other.files[path];
  const Got got = ReadAll(log, log.checkpoint);
  EXPECT_THAT(got.status, StatusIs(Code::kDataLoss, HasSubstr("tile/1/000: it is not under the signed root")));
  EXPECT_EQ(got.leaves.size(), 0u);
  ASSERT_OK_AND_ASSIGN(LogReader reader, LogReader::Open(log, log.checkpoint));
  for (const uint64_t size : {1, 2, 300, 65'535})
    EXPECT_THAT(Root(reader, size), StatusIs(Code::kDataLoss, HasSubstr("not under the signed root"))) << size;
  EXPECT_THAT(ProveConsistency(reader, 300, 66'000), StatusIs(Code::kDataLoss));
}

TEST(LogReader, NamesTheFirstLeafThatIsNotTheSignedOne) {
  const std::vector<Bytes> leaves = Leaves(700);
  PublishedLog log;
  log.Publish(leaves, kLog);
  const auto verdict = [&](const std::string& path, uint16_t width, const std::function<void(std::vector<Bytes>&)>& change) {
    PublishedLog liar = log;
    std::vector<Bytes> entries = *ParseBundle(liar.files.at(path), width);
    change(entries);
    liar.files[path] = MakeBundle(entries);
    return ReadAll(liar, log.checkpoint).status;
  };
  EXPECT_THAT(verdict("tile/entries/001", 256, [](auto& l) { l[44] = {1}; }),
              StatusIs(Code::kDataLoss, HasSubstr("leaf 300 is not")));
  EXPECT_THAT(verdict("tile/entries/001", 256, [](auto& l) { std::swap(l[7], l[9]); }),
              StatusIs(Code::kDataLoss, HasSubstr("leaf 263 is")));
  EXPECT_THAT(verdict("tile/entries/002.p/188", 188, [](auto& l) { l[187] = {}; }),
              StatusIs(Code::kDataLoss, HasSubstr("leaf 699 is")));
  EXPECT_THAT(verdict("tile/entries/000", 256, [](auto& l) { l.pop_back(); }),
              StatusIs(Code::kDataLoss, HasSubstr("tile/entries/000: ")));
}

TEST(LogReader, RefusesTheFilesOfAnotherTree) {
  PublishedLog log, other;
  log.Publish(Leaves(600), kLog);
  std::vector<Bytes> leaves = Leaves(600);
  leaves[0] = {1};
  other.Publish(leaves, kLog);
  EXPECT_THAT(ReadAll(other, log.checkpoint).status, StatusIs(Code::kDataLoss, HasSubstr("not those of the signed tree")));
}

// A log may remove partial files as soon as the whole ones are there.
TEST(LogReader, ReadsAnOlderTreeOutOfTheFilesOfALargerOne) {
  PublishedLog small, large;
  small.Publish(Leaves(300), kLog);
  large.Publish(Leaves(300), kLog);
  large.Publish(Leaves(700), kLog);
  for (const char* path : {"tile/0/001.p/44", "tile/entries/001.p/44"}) ASSERT_EQ(large.files.erase(path), 1u);
  const Got got = ReadAll(large, small.checkpoint);
  ASSERT_OK(got.status);
  EXPECT_EQ(got.leaves, Leaves(300));
  ASSERT_OK_AND_ASSIGN(LogReader reader, LogReader::Open(large, large.checkpoint));
  EXPECT_EQ(*Root(reader, 300), small.checkpoint.root);
  ASSERT_OK_AND_ASSIGN(const auto proof, ProveConsistency(reader, 300, 700));
  EXPECT_THAT(reader.ReadLeaves(0, 701, nullptr), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(reader.Read({0, 700}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(reader.Write({0, 0}, {}), StatusIs(Code::kUnimplemented));
}

TEST(LogReader, PassesOnWhatTheSourceAndTheReaderFailWith) {
  PublishedLog log;
  log.Publish(Leaves(10), kLog);
  ASSERT_OK_AND_ASSIGN(LogReader reader, LogReader::Open(log, log.checkpoint));
  int taken = 0;
  const auto stop = [&](uint64_t place, ByteView) {
    return ++taken, place == 3 ? absl::AbortedError("enough") : absl::OkStatus();
  };
  EXPECT_THAT(reader.ReadLeaves(1, 10, stop), StatusIs(Code::kAborted));
  EXPECT_EQ(taken, 3);
  log.files.clear();
  EXPECT_THAT(LogReader::Open(log, log.checkpoint).status(), StatusIs(Code::kNotFound, HasSubstr("tile/0/000.p/10")));
}

}  // namespace
}  // namespace plumbline::tlog
