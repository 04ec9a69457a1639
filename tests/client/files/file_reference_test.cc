#include "client/files/file_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/terminal_text.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

FileReference Example() {
  FileReference file;
  file.name = "report.pdf";
  file.media_type = "application/pdf";
  file.shape = FileShape::Of(123'456);
  file.key = Secret::Random(kFileKeySize);
  file.read_capability = identity::RandomFixed<32>();
  file.sealed_hash = identity::RandomFixed<32>();
  file.server = "127.0.0.1:7444";
  file.expires_day = 20'030;
  return file;
}

void ExpectMalformed(ByteView wire) {
  EXPECT_THAT(ParseFileReference(wire), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_malformed")));
}

TEST(FileReference, ComesBackAsItWas) {
  const FileReference file = Example();
  const Bytes wire = Encode(file);
  ASSERT_OK_AND_ASSIGN(const FileReference parsed, ParseFileReference(wire));
  EXPECT_EQ(Encode(parsed), wire);
  EXPECT_EQ(parsed.name, file.name);
  EXPECT_EQ(parsed.media_type, file.media_type);
  EXPECT_EQ(parsed.shape, file.shape);
  EXPECT_TRUE(parsed.key == file.key);
  EXPECT_EQ(parsed.read_capability, file.read_capability);
  EXPECT_EQ(parsed.sealed_hash, file.sealed_hash);
  EXPECT_EQ(parsed.server, file.server);
  EXPECT_EQ(parsed.expires_day, file.expires_day);
}

TEST(FileReference, RefusesEveryTruncationAndWhatFollows) {
  Bytes wire = Encode(Example());
  for (size_t n = 0; n < wire.size(); ++n) ExpectMalformed(ByteView(wire).first(n));
  wire.push_back(0);
  ExpectMalformed(wire);
}

// Whatever one changed byte makes of it: refused, or accepted and encoded again as it came.
TEST(FileReference, IsCanonicalUnderEveryMutation) {
  const Bytes wire = Encode(Example());
  for (size_t at = 0; at < wire.size(); ++at) {
    for (const int flip : {1, 0x40, 0x80, 0xff}) {
      Bytes mutated = wire;
      mutated[at] ^= static_cast<uint8_t>(flip);
      const absl::StatusOr<FileReference> parsed = ParseFileReference(mutated);
      if (!parsed.ok()) continue;
      ASSERT_EQ(Encode(*parsed), mutated) << at;
    }
  }
}

TEST(FileReference, RefusesSizesThatDoNotFitAndTextsThatAreNone) {
  FileReference file = Example();
  file.shape.sealed_size += 1;
  ExpectMalformed(Encode(file));
  file = Example();
  file.shape.size = kMaxFile + 1;
  ExpectMalformed(Encode(file));
  file.shape.size = UINT64_MAX;
  ExpectMalformed(Encode(file));
  file = Example();
  file.media_type = "a\nb";
  ExpectMalformed(Encode(file));
  file = Example();
  file.server = "a\x1b[31m";
  ExpectMalformed(Encode(file));
  file = Example();
  file.name = std::string(kMaxFileName + 1, 'a');
  ExpectMalformed(Encode(file));
}

TEST(SafeFileName, KeepsWhatIsHarmless) {
  for (const char* name : {"report.pdf", "Übersicht 2026.odt", "a", "日本語.txt", "x..y"}) EXPECT_EQ(SafeFileName(name), name);
}

TEST(SafeFileName, TakesAwayWhatIsNot) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "file"},
      {"   ", "file"},
      {".", "_"},
      {"..", "_."},
      {".bashrc", "_bashrc"},
      {"-rf", "_rf"},
      {" x", "_x"},
      {"x ", "x"},
      {"../../etc/passwd", "_._.._etc_passwd"},
      {"/etc/passwd", "_etc_passwd"},
      {"a\\b", "a_b"},
      {"a\nb\x1b[31mc\x7f", "a_b_[31mc_"},
      {std::string("a\0b", 3), "a_b"},
      {"fdp\xe2\x80\xae" "exe.txt", "fdp_exe.txt"},  // U+202E would show it as ...txt.exe
      {"\xff\xfe", "__"},
  };
  for (const auto& [name, safe] : cases) EXPECT_EQ(SafeFileName(name), safe);
}

TEST(SafeFileName, IsBoundedAndKeepsTheExtension) {
  for (const size_t length : {size_t{199}, size_t{200}, size_t{201}, size_t{255}}) {
    const std::string safe = SafeFileName(std::string(length - 4, 'x') + ".pdf");
    EXPECT_LE(safe.size(), kMaxSafeFileName);
    EXPECT_EQ(safe.substr(safe.size() - 4), ".pdf");
  }
  std::string wide;
  for (int i = 0; i < 85; ++i) wide += "日";
  const std::string safe = SafeFileName(wide);
  EXPECT_LE(safe.size(), kMaxSafeFileName);
  EXPECT_TRUE(IsUtf8(safe));
}

TEST(SafeFileName, AnyBytesMakeASafeName) {
  for (int i = 0; i < 2000; ++i) {
    const std::string safe = SafeFileName(ToString(RandomBytes(static_cast<size_t>(i % 256))));
    ASSERT_FALSE(safe.empty());
    ASSERT_LE(safe.size(), kMaxSafeFileName);
    ASSERT_TRUE(IsUtf8(safe));
    ASSERT_EQ(safe.find('/'), std::string::npos);
    ASSERT_TRUE(safe[0] != '.' && safe[0] != '-');
    for (const char c : safe) ASSERT_TRUE(static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
  }
}

}  // namespace
}  // namespace plumbline::client
