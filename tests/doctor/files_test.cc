#include "doctor/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "common/check.h"
#include "tests/common/scratch.h"
#include "tests/doctor/findings.h"

namespace plumbline::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kPlain[] = "SQLite format 3";  // and the zero byte that ends the text

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    service_.title = "key server";
    service_.data_dir = folder_ / "data";
    service_.key_file = folder_ / "data/keys.sealed";
    service_.root_key_file = folder_ / "data/root.sealed";
    service_.passphrase_file = folder_ / "passphrase";
    service_.databases = {folder_ / "data/keyserver.db"};
    CHECK(mkdir(service_.data_dir.c_str(), 0700) == 0);
    Write(service_.key_file, "PLSEAL01 and what is sealed");
    Write(service_.passphrase_file, "four words and a number\n");
    Write(service_.databases[0], std::string(4096, 'x'));
  }
  static void Write(const std::string& path, const std::string& content, mode_t mode = 0600) {
    CHECK(assess::WriteFile(path, content).ok());
    CHECK(chmod(path.c_str(), mode) == 0);
  }
  Finding Check(const std::string& check) {
    Report report;
    CheckFiles(service_, report);
    return Of(report, check);
  }

  const testing::ScratchDir folder_;
  Service service_{};
};

TEST_F(FilesTest, AllIsWell) {
  Report report;
  CheckFiles(service_, report);
  EXPECT_EQ(report.findings().size(), 5u);
  for (const Finding& each : report.findings()) EXPECT_THAT(each, IsOk());
}

TEST_F(FilesTest, AFolderThatIsOpen) {
  chmod(service_.data_dir.c_str(), 0750);
  EXPECT_THAT(Check("files.folder"), IsFailed());
  std::filesystem::remove_all(service_.data_dir);
  EXPECT_THAT(Check("files.folder"), IsFailed());
}

TEST_F(FilesTest, KeysThatOthersCanRead) {
  chmod(service_.key_file.c_str(), 0644);
  EXPECT_THAT(Check("files.keys"), IsFailed());
  EXPECT_THAT(Check("files.keys").found, HasSubstr("0644"));
  EXPECT_THAT(Check("files.keys").remedy, HasSubstr("chmod 600"));
  chmod(service_.key_file.c_str(), 0400);
  EXPECT_THAT(Check("files.keys"), IsOk());
}

TEST_F(FilesTest, KeysThatAreNotThereNotSealedOrNotAFile) {
  Write(service_.key_file, "-----BEGIN SOMETHING");
  EXPECT_THAT(Check("files.keys"), IsFailed());
  Write(service_.key_file, "");
  EXPECT_THAT(Check("files.keys"), IsFailed());
  unlink(service_.key_file.c_str());
  EXPECT_THAT(Check("files.keys"), IsFailed());
  CHECK(symlink(service_.databases[0].c_str(), service_.key_file.c_str()) == 0);
  EXPECT_THAT(Check("files.keys"), IsFailed());
}

TEST_F(FilesTest, KeysOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "giving a file away takes root";
  CHECK(chown(service_.key_file.c_str(), 12345, 12345) == 0);
  EXPECT_THAT(Check("files.keys"), IsFailed());
  // The passphrase may be root's; here it is, and the folder is not.
  CHECK(chown(service_.data_dir.c_str(), 12345, 12345) == 0);
  EXPECT_THAT(Check("files.keys"), IsOk());
  EXPECT_THAT(Check("files.passphrase"), IsOk());
  CHECK(chown(service_.passphrase_file.c_str(), 12346, 12346) == 0);
  EXPECT_THAT(Check("files.passphrase"), IsFailed());
}

TEST_F(FilesTest, APassphraseThatProtectsNothing) {
  chmod(service_.passphrase_file.c_str(), 0640);
  EXPECT_THAT(Check("files.passphrase"), IsFailed());
  Write(service_.passphrase_file, "short\n");
  EXPECT_THAT(Check("files.passphrase"), IsFailed());
  unlink(service_.passphrase_file.c_str());
  EXPECT_THAT(Check("files.passphrase"), IsFailed());
  service_.passphrase_file = service_.data_dir + "/passphrase";
  Write(service_.passphrase_file, "four words and a number\n");
  EXPECT_THAT(Check("files.passphrase"), IsWarning());
}

TEST_F(FilesTest, TheRootsKeyOnTheMachineIsAWarning) {
  Write(service_.root_key_file, "PLSEAL01");
  EXPECT_THAT(Check("files.root_key"), IsWarning());
}

TEST_F(FilesTest, APlaintextDatabaseAnywhereInTheFolder) {
  Write(service_.data_dir + "/export.bin", std::string(kPlain, sizeof kPlain) + "pages");
  EXPECT_THAT(Check("files.databases"), IsFailed());
  EXPECT_THAT(Check("files.databases").found, HasSubstr("/export.bin"));
  unlink((service_.data_dir + "/export.bin").c_str());
  EXPECT_THAT(Check("files.databases"), IsOk());
  Write(service_.databases[0], std::string(kPlain, sizeof kPlain) + "pages");
  EXPECT_THAT(Check("files.databases"), IsFailed());
  unlink(service_.databases[0].c_str());
  EXPECT_THAT(Check("files.databases"), IsFailed());
}

TEST_F(FilesTest, Space) {
  const auto judge = [&](uint64_t free_bytes) {
    Report report;
    JudgeSpace(service_, {free_bytes, 1000}, report);
    return Of(report, "disk.space");
  };
  EXPECT_THAT(judge(200), IsOk());
  EXPECT_THAT(judge(199), IsWarning());
  EXPECT_THAT(judge(50), IsWarning());
  EXPECT_THAT(judge(49), IsFailed());
  Report report;
  CheckSpace(service_, report);
  EXPECT_THAT(Of(report, "disk.space").found, HasSubstr("of the disk is free"));
}

class BackupsTest : public FilesTest {
 protected:
  Finding CheckAt(absl::Duration later) {
    Report report;
    CheckBackups(folder_.path(), absl::Now() + later, report);
    return Of(report, "backups.age");
  }
};

TEST_F(BackupsTest, AreWellForADay) {
  Write(folder_ / "keyserver.plbk", "x");
  EXPECT_THAT(CheckAt(absl::ZeroDuration()), IsOk());
  EXPECT_THAT(CheckAt(absl::Hours(25)), IsOk());
  EXPECT_THAT(CheckAt(absl::Hours(27)), IsWarning());
  EXPECT_THAT(CheckAt(absl::Hours(8 * 24)), IsFailed());
  EXPECT_THAT(CheckAt(-absl::Hours(1)), IsWarning());
}

TEST_F(BackupsTest, TheNewestCounts) {
  Write(folder_ / "new.plbk", "x");
  Write(folder_ / "old.plbk", "x");
  const timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  CHECK(utimensat(AT_FDCWD, (folder_ / "old.plbk").c_str(), times, 0) == 0);
  EXPECT_THAT(CheckAt(absl::ZeroDuration()), IsOk());
  EXPECT_THAT(CheckAt(absl::ZeroDuration()).found, HasSubstr("new.plbk"));
}

TEST_F(BackupsTest, OthersFilesAndFoldersAreNone) {
  Write(folder_ / "keyserver.db", "x");
  CHECK(mkdir((folder_ / "folder.plbk").c_str(), 0700) == 0);
  EXPECT_THAT(CheckAt(absl::ZeroDuration()), IsFailed());
}

TEST(Backups, AFolderThatIsNotGivenOrNotThere) {
  Report report;
  CheckBackups("", absl::Now(), report);
  EXPECT_THAT(Of(report, "backups.age"), IsNotChecked());
  Report other;
  CheckBackups("/nowhere/backups", absl::Now(), other);
  EXPECT_THAT(Of(other, "backups.age"), IsFailed());
}

}  // namespace
}  // namespace plumbline::doctor
