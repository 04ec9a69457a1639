#include "client/home.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr crypto::SealCost kCheap{1, 8 * 1024};

Secret Passphrase(const char* text = "correct horse battery") { return Secret::CopyOf(AsBytes(text)); }

// Changes one byte of a file.
void Damage(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char old = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(old ^ 1));
}

TEST(Home, OpensWithItsPassphraseAlone) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  EXPECT_OK(home.Open(Passphrase()).status());
  EXPECT_THAT(home.Open(Passphrase("another passphrase")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("passphrase_wrong: ")));
}

TEST(Home, SaysThatThereIsNothing) {
  testing::ScratchDir dir;
  EXPECT_THAT(Home(dir / "none").Open(Passphrase()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not_enrolled: ")));
}

TEST(Home, SaysThatAnotherProcessHasItOpen) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK_AND_ASSIGN(const auto first, home.Create(Passphrase(), kCheap));
  EXPECT_THAT(home.Open(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_in_use: ")));
}

TEST(Home, RefusesAWeakPassphraseAndASecondStore) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  EXPECT_THAT(home.Create(Passphrase("short"), kCheap),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("passphrase_weak: ")));
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  EXPECT_THAT(home.Create(Passphrase(), kCheap), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("store_exists: ")));
}

TEST(Home, SaysThatTheKeyFileIsDamaged) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  std::filesystem::resize_file(home.key_path(), 40);
  EXPECT_THAT(home.Open(Passphrase()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("store_damaged: ")));
}

TEST(Home, SaysThatTheStoreIsDamaged) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  Damage(home.store_path(), 100);
  EXPECT_THAT(home.Open(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
  Damage(home.store_path(), 100);
  Damage(home.store_path(), 5000);
  ASSERT_OK_AND_ASSIGN(const auto opened, home.Open(Passphrase()));  // that page is not needed to open it
  EXPECT_THAT(opened->db().CheckIntegrity(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Home, AStoreAndAKeyOfDifferentHomesDoNotOpen) {
  testing::ScratchDir dir;
  const Home one(dir / "one"), other(dir / "other");
  ASSERT_OK(one.Create(Passphrase(), kCheap).status());
  ASSERT_OK(other.Create(Passphrase(), kCheap).status());
  std::filesystem::copy_file(other.key_path(), one.key_path(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(one.Open(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
}

TEST(Home, IsReadableByItsOwnerAlone) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  for (const std::string& path : {home.folder(), home.key_path(), home.store_path()}) {
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0077, 0u) << path;
  }
}

}  // namespace
}  // namespace plumbline::client
