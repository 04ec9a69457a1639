#include "client/files/saved_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/file.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

size_t FilesIn(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

TEST(SavedFile, HasItsNameOnlyWhenItIsComplete) {
  const testing::ScratchDir scratch;
  const std::string path = scratch / "out.txt";
  ASSERT_OK_AND_ASSIGN(const auto file, SavedFile::Create(path));
  ASSERT_OK(file->Append(AsBytes("all of ")));
  ASSERT_OK(file->Append(AsBytes("it")));
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_OK(file->Commit());
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadTextFile(path, 100));
  EXPECT_EQ(content, "all of it");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SavedFile, LeavesNothingWithoutCommit) {
  const testing::ScratchDir scratch;
  {
    ASSERT_OK_AND_ASSIGN(const auto file, SavedFile::Create(scratch / "out.txt"));
    ASSERT_OK(file->Append(AsBytes("half")));
  }
  EXPECT_EQ(FilesIn(scratch / ""), 0u);
}

TEST(SavedFile, NeverReplacesAFileOrALink) {
  const testing::ScratchDir scratch;
  const std::string path = scratch / "out.txt";
  ASSERT_OK_AND_ASSIGN(const auto early, SavedFile::Create(path));
  std::ofstream(path) << "mine";  // it came while the other was fetched
  EXPECT_THAT(early->Commit(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("file_exists")));
  EXPECT_THAT(SavedFile::Create(path), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("file_exists")));
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadTextFile(path, 100));
  EXPECT_EQ(content, "mine");
  std::filesystem::create_symlink(scratch / "nowhere", scratch / "link");
  EXPECT_THAT(SavedFile::Create(scratch / "link"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST(SavedFile, NamesAFolderThatCannotTakeIt) {
  const testing::ScratchDir scratch;
  EXPECT_THAT(SavedFile::Create(scratch / "no/such/out.txt"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("file_unwritable")));
}

}  // namespace
}  // namespace plumbline::client
