#include "common/backup/archive.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/backup/key.h"
#include "common/identity/reason.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::backup {
namespace {

using plumbline::testing::ScratchDir;
using plumbline::testing::StatusIs;

std::string ReadAll(const std::string& path) { return ReadTextFile(path, 1 << 30).value_or(""); }

const crypto::SealedBoxKeyPair& Key() {
  static const auto* const key = new crypto::SealedBoxKeyPair(crypto::SealedBoxKeyPair::Generate());
  return *key;
}

void WriteText(const std::string& path, absl::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

// In pieces of `piece` bytes.
void WriteArchive(const std::string& path, ByteView content, size_t piece) {
  auto archive = ArchiveWriter::Create(path, Key().public_key());
  ASSERT_OK(archive.status());
  for (size_t at = 0; at < content.size(); at += piece) {
    ASSERT_OK(archive->Write(content.subspan(at, std::min(piece, content.size() - at))));
  }
  ASSERT_OK(archive->Finish());
}

absl::StatusOr<Bytes> ReadArchive(const std::string& path, size_t size, size_t piece = 1000) {
  ASSIGN_OR_RETURN(ArchiveReader archive, ArchiveReader::Open(path, Key()));
  Bytes out(size);
  for (size_t at = 0; at < size; at += piece) {
    RETURN_IF_ERROR(archive.Read(std::span<uint8_t>(out).subspan(at, std::min(piece, size - at))));
  }
  RETURN_IF_ERROR(archive.Done());
  return out;
}

TEST(Archive, GivesBackWhatWasWrittenAtEverySizeNearAChunk) {
  const ScratchDir scratch;
  int number = 0;
  for (const size_t size : {size_t{1}, size_t{1000}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk, 3 * kChunk + 17}) {
    SCOPED_TRACE(size);
    const Bytes content = RandomBytes(size);
    const std::string path = scratch / absl::StrCat(++number);
    WriteArchive(path, content, number % 2 == 0 ? size : 777);
    EXPECT_EQ(*ReadArchive(path, size), content);
    // As many chunks as there have to be, and so one length.
    EXPECT_EQ(std::filesystem::file_size(path), kArchiveHeader + size + 17 * ((size + kChunk - 1) / kChunk));
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  }
}

TEST(Archive, HasNoPlaintext) {
  const ScratchDir scratch;
  const std::string text = "what rests in here";
  WriteArchive(scratch / "archive", AsBytes(text), 100);
  WriteText(scratch / "plain", text);
  EXPECT_THAT(ReadAll(scratch / "plain"), ::testing::HasSubstr("what rests"));  // the search finds what is there
  EXPECT_THAT(ReadAll(scratch / "archive"), ::testing::Not(::testing::HasSubstr("what rests")));
}

TEST(Archive, ReplacesNothing) {
  const ScratchDir scratch;
  WriteText(scratch / "archive", "mine");
  EXPECT_THAT(ArchiveWriter::Create(scratch / "archive", Key().public_key()).status(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReadAll(scratch / "archive"), "mine");
}

class ChangedArchive : public ::testing::Test {
 protected:
  ChangedArchive() {
    content_ = RandomBytes(2 * kChunk + 100);
    WriteArchive(scratch_ / "archive", content_, 5000);
    text_ = ReadAll(scratch_ / "archive");
  }
  absl::Status Read(const std::string& text) {
    WriteText(scratch_ / "changed", text);
    return ReadArchive(scratch_ / "changed", content_.size(), 1 << 20).status();
  }
  const ScratchDir scratch_;
  Bytes content_;
  std::string text_;
};

TEST_F(ChangedArchive, IsRefusedInAnotherOrderDoubledExtendedAndWithoutItsEnd) {
  ASSERT_OK(Read(text_));
  const size_t chunk = kChunk + 17;
  const std::string header = text_.substr(0, kArchiveHeader), first = text_.substr(kArchiveHeader, chunk),
                    second = text_.substr(kArchiveHeader + chunk, chunk), last = text_.substr(kArchiveHeader + 2 * chunk);
  for (const std::string& changed : {header + second + first + last, header + first + first + second + last, header + first + second,
                                     header + first + last, header + last, header, std::string(), text_ + "x", text_ + last}) {
    const absl::Status status = Read(changed);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(identity::ReasonOf(status), "backup_damaged");
  }
}

// Also for a reader that would be content with less.
TEST_F(ChangedArchive, IsRefusedWithoutItsEndByWhoeverStopsThere) {
  const auto read = [&](const std::string& text, size_t size) {
    WriteText(scratch_ / "changed", text);
    return ReadArchive(scratch_ / "changed", size).status();
  };
  EXPECT_THAT(read(text_.substr(0, kArchiveHeader + kChunk + 17), kChunk), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(read(text_.substr(0, kArchiveHeader + 2 * (kChunk + 17)), 2 * kChunk), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(read(text_, 2 * kChunk), StatusIs(absl::StatusCode::kDataLoss));  // and where there is more than it reads
  EXPECT_OK(read(text_, content_.size()));
}

TEST_F(ChangedArchive, IsRefusedWithAnotherOnesChunk) {
  WriteArchive(scratch_ / "other", content_, 5000);
  const std::string other = ReadAll(scratch_ / "other");
  std::string mixed = text_;
  mixed.replace(kArchiveHeader, kChunk + 17, other.substr(kArchiveHeader, kChunk + 17));
  EXPECT_THAT(Read(mixed), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(SmallArchive, IsRefusedWithAnyByteFlippedOrCutOffAnywhere) {
  const ScratchDir scratch;
  const Bytes content = RandomBytes(700);
  WriteArchive(scratch / "archive", content, 100);
  const std::string text = ReadAll(scratch / "archive");
  int key_wrong = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    SCOPED_TRACE(at);
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    WriteText(scratch / "changed", changed);
    const absl::Status status = ReadArchive(scratch / "changed", content.size()).status();
    ASSERT_FALSE(status.ok());
    const bool recipient = at >= 8 && at < 40;
    ASSERT_TRUE(identity::ReasonOf(status) == "backup_damaged" || (recipient && identity::ReasonOf(status) == "backup_key_wrong"));
    key_wrong += identity::ReasonOf(status) == "backup_key_wrong";
    WriteText(scratch / "changed", text.substr(0, at));
    ASSERT_THAT(ReadArchive(scratch / "changed", content.size()).status(), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_GT(key_wrong, 0);
}

TEST(Archive, NamesTheKeyThatItWasMadeFor) {
  const ScratchDir scratch;
  WriteArchive(scratch / "archive", RandomBytes(10), 10);
  const absl::Status status = ArchiveReader::Open(scratch / "archive", crypto::SealedBoxKeyPair::Generate()).status();
  EXPECT_EQ(identity::ReasonOf(status), "backup_key_wrong");
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(RecipientText(Key().public_key())));
}

TEST(BackupKey, IsMadeOnceAndOpensAgain) {
  const ScratchDir scratch;
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase of the key")), other = Secret::CopyOf(AsBytes("another passphrase"));
  const auto made = MakeKey(scratch / "key", passphrase, {1, 8192});
  ASSERT_OK(made.status());
  EXPECT_EQ(ReadAll(scratch / "key.pub"), *made + "\n");
  const auto recipient = ReadRecipientFile(scratch / "key.pub");
  ASSERT_OK(recipient.status());
  const auto key = OpenKey(scratch / "key", passphrase);
  ASSERT_OK(key.status());
  EXPECT_EQ(RecipientText(key->public_key()), *made);
  EXPECT_EQ(identity::ReasonOf(OpenKey(scratch / "key", other).status()), "passphrase_wrong");
  EXPECT_EQ(identity::ReasonOf(MakeKey(scratch / "key", passphrase, {1, 8192}).status()), "backup_key_exists");
  // Another sealed file is no key.
  ASSERT_OK(crypto::SealToFile(scratch / "sealed", passphrase, RandomBytes(56), {1, 8192}));
  EXPECT_EQ(identity::ReasonOf(OpenKey(scratch / "sealed", passphrase).status()), "backup_key_malformed");
}

TEST(BackupKey, OfAMistypedLineIsRefused) {
  const std::string text = RecipientText(Key().public_key());
  ASSERT_OK(ParseRecipient(text).status());
  for (size_t at = 0; at < text.size(); ++at) {
    SCOPED_TRACE(at);
    std::string changed = text;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    EXPECT_EQ(identity::ReasonOf(ParseRecipient(changed).status()), "recipient_malformed");
    EXPECT_FALSE(ParseRecipient(text.substr(0, at)).ok());
  }
  std::string upper = text;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  EXPECT_FALSE(ParseRecipient(upper).ok());
}

}  // namespace
}  // namespace plumbline::backup
