#include "common/crypto/sealed_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/file.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr SealCost kCheap = {.passes = 1, .memory_kib = 8 * 1024};

Secret Text(absl::string_view text) { return Secret::CopyOf(AsBytes(text)); }
const absl::string_view kGood = "correct horse battery staple";
const absl::string_view kContent = "the organisation's keys";

TEST(SealedFile, OpensWithItsPassphrase) {
  const ScratchDir dir;
  ASSERT_OK(SealToFile(dir / "keys", Text(kGood), AsBytes(kContent), kCheap));
  ASSERT_OK_AND_ASSIGN(const Secret opened, OpenSealedFile(dir / "keys", Text(kGood)));
  EXPECT_TRUE(Equal(opened.view(), AsBytes(kContent)));
}

TEST(SealedFile, CostsWhatAGuesserShouldPayByDefault) {
  const ScratchDir dir;
  ASSERT_OK(SealToFile(dir / "keys", Text(kGood), AsBytes(kContent)));
  ASSERT_OK_AND_ASSIGN(const std::string raw, ReadTextFile(dir / "keys", 1 << 20));
  EXPECT_EQ(ToHex(AsBytes(absl::string_view(raw).substr(8, 8))), "0000000300040000");  // 3 passes, 256 MiB
  EXPECT_OK(OpenSealedFile(dir / "keys", Text(kGood)));
}

TEST(SealedFile, HoldsNeitherContentNorPassphrase) {
  const ScratchDir dir;
  ASSERT_OK(SealToFile(dir / "keys", Text(kGood), AsBytes(kContent), kCheap));
  ASSERT_OK_AND_ASSIGN(const std::string raw, ReadTextFile(dir / "keys", 1 << 20));
  EXPECT_EQ(raw.find(std::string(kContent)), std::string::npos);
  EXPECT_EQ(raw.find(std::string(kGood)), std::string::npos);
}

TEST(SealedFile, IsReadableByItsOwnerOnly) {
  const ScratchDir dir;
  ASSERT_OK(SealToFile(dir / "keys", Text(kGood), AsBytes(kContent), kCheap));
  struct stat info;
  ASSERT_EQ(stat((dir / "keys").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(SealedFile, TellsAWrongPassphraseFromADamagedFile) {
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal(Text(kGood), AsBytes(kContent), kCheap));
  EXPECT_THAT(Unseal(Text("another passphrase"), sealed),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("passphrase_wrong")));
  Bytes changed = sealed;
  changed.back() ^= 1;
  EXPECT_THAT(Unseal(Text(kGood), changed), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sealed_file_damaged")));
}

TEST(SealedFile, RefusesEveryChangedByte) {
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal(Text(kGood), AsBytes(kContent), kCheap));
  for (size_t i = 0; i < sealed.size(); ++i) {
    if (i >= 8 && i < 14) continue;  // the cost: changed below, without paying a large one
    Bytes changed = sealed;
    changed[i] ^= 0x01;
    EXPECT_FALSE(Unseal(Text(kGood), changed).ok()) << i;
  }
}

TEST(SealedFile, RefusesEveryTruncationAndTrailingBytes) {
  ASSERT_OK_AND_ASSIGN(Bytes sealed, Seal(Text(kGood), AsBytes(kContent), kCheap));
  for (size_t n = 0; n < sealed.size(); ++n) {
    EXPECT_THAT(Unseal(Text(kGood), ByteView(sealed).first(n)), StatusIs(absl::StatusCode::kDataLoss)) << n;
  }
  sealed.push_back(0);
  EXPECT_THAT(Unseal(Text(kGood), sealed), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(SealedFile, NeverPaysACostThatAnAttackerWroteIntoTheHeader) {
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal(Text(kGood), AsBytes(kContent), kCheap));
  for (const size_t position : {8, 12}) {  // the highest byte of passes and of memory
    Bytes changed = sealed;
    changed[position] = 0xff;
    EXPECT_THAT(Unseal(Text(kGood), changed), StatusIs(absl::StatusCode::kDataLoss));
  }
  for (const SealCost& cost : {SealCost{.passes = 0, .memory_kib = 8192}, SealCost{.passes = 17, .memory_kib = 8192},
                               SealCost{.passes = 1, .memory_kib = 8191}, SealCost{.passes = 1, .memory_kib = (1 << 20) + 1}}) {
    EXPECT_THAT(Seal(Text(kGood), {}, cost), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(SealedFile, IsBounded) {
  EXPECT_OK(Seal(Text(kGood), Bytes(kMaxSealedContent), kCheap));
  EXPECT_THAT(Seal(Text(kGood), Bytes(kMaxSealedContent + 1), kCheap), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, Seal(Text(kGood), AsBytes(kContent), kCheap));
  EXPECT_THAT(Unseal(Text(std::string(1025, 'x')), sealed),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("longer than any passphrase")));
}

TEST(SealedFile, RefusesWeakPassphrases) {
  for (const absl::string_view weak : {"", "short", "elevenchars", "aaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_THAT(Seal(Text(weak), AsBytes(kContent), kCheap),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("passphrase_too_weak")));
  }
}

TEST(SealedFile, MissingFileIsNotFoundAndADirectoryIsNoSealedFile) {
  const ScratchDir dir;
  EXPECT_THAT(OpenSealedFile(dir / "absent", Text(kGood)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(OpenSealedFile(dir.path(), Text(kGood)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(WriteFileAtomically, LeavesTheOldFileAndNoRemainsWhenItFails) {
  const ScratchDir dir;
  ASSERT_OK(WriteFileAtomically(dir / "file", AsBytes("old"), 0600));
  EXPECT_FALSE(WriteFileAtomically(dir / "absent/file", AsBytes("new"), 0600).ok());
  std::filesystem::create_directory(dir / "taken");
  EXPECT_FALSE(WriteFileAtomically(dir / "taken", AsBytes("new"), 0600).ok());
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++entries;
  EXPECT_EQ(entries, 2u);
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadTextFile(dir / "file", 100));
  EXPECT_EQ(content, "old");
}

TEST(ReadTextFile, RefusesMoreThanTheLimit) {
  const ScratchDir dir;
  ASSERT_OK(WriteFileAtomically(dir / "file", Bytes(101), 0600));
  EXPECT_THAT(ReadTextFile(dir / "file", 100), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(ReadTextFile(dir / "file", 101));
}

}  // namespace
}  // namespace plumbline::crypto
