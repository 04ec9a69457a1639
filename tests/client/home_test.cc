#include "client/home.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/common/certificates.h"
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
  EXPECT_OK(home.OpenSealed(Passphrase()).status());
  EXPECT_THAT(home.OpenSealed(Passphrase("another passphrase")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("passphrase_wrong: ")));
}

TEST(Home, SaysThatThereIsNothing) {
  testing::ScratchDir dir;
  EXPECT_THAT(Home(dir / "none").OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not_enrolled: ")));
}

TEST(Home, SaysThatAnotherProcessHasItOpen) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK_AND_ASSIGN(const auto first, home.Create(Passphrase(), kCheap));
  EXPECT_THAT(home.OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_in_use: ")));
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
  EXPECT_THAT(home.OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("store_damaged: ")));
}

TEST(Home, SaysThatTheStoreIsDamaged) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK(home.Create(Passphrase(), kCheap).status());
  Damage(home.store_path(), 100);
  EXPECT_THAT(home.OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
  Damage(home.store_path(), 100);
  Damage(home.store_path(), 5000);
  ASSERT_OK_AND_ASSIGN(const auto opened, home.OpenSealed(Passphrase()));  // that page is not needed to open it
  EXPECT_THAT(opened->db().CheckIntegrity(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Home, AStoreAndAKeyOfDifferentHomesDoNotOpen) {
  testing::ScratchDir dir;
  const Home one(dir / "one"), other(dir / "other");
  ASSERT_OK(one.Create(Passphrase(), kCheap).status());
  ASSERT_OK(other.Create(Passphrase(), kCheap).status());
  std::filesystem::copy_file(other.key_path(), one.key_path(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(one.OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
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

// The header's content is the business of client_unlock_test: here it only has to be there.
void PutHeader(const Home& home) { std::ofstream(home.header_path()) << "header"; }

void Remember(Store& store, int64_t generation) {
  ASSERT_OK_AND_ASSIGN(Change change, store.Begin());
  ASSERT_OK_AND_ASSIGN(db::Statement row, change.db().Prepare("INSERT INTO check_in (id, generation, last) VALUES (1, ?, zeroblob(16))"));
  ASSERT_OK(row.Bind(1, generation).Run());
  ASSERT_OK(change.Commit());
}

int64_t Remembered(Store& store) {
  db::Statement row = testing::ValueOf(store.db().Prepare("SELECT generation FROM check_in"));
  return testing::ValueOf(row.Step()) ? row.Int64(0) : 0;
}

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

TEST(HomeTakeOver, LeavesNothingThatThePassphraseAloneOpens) {
  testing::ScratchDir dir;
  const Home home(dir / "home");
  ASSERT_OK_AND_ASSIGN(auto store, home.Create(Passphrase(), kCheap));
  Remember(*store, 7);
  // A thief's copy from before, with which the passphrase can be guessed for ever.
  std::filesystem::copy(home.key_path(), dir / "copied.key");
  PutHeader(home);
  EXPECT_TRUE(home.sealed());
  const Secret data_key = Secret::Random(32);
  ASSERT_OK_AND_ASSIGN(store, home.TakeOver(std::move(store), data_key));
  EXPECT_EQ(Remembered(*store), 7);
  store.reset();
  EXPECT_TRUE(home.locked());
  EXPECT_FALSE(home.sealed());
  for (const auto& entry : std::filesystem::directory_iterator(home.folder())) {
    const std::string name = entry.path().filename();
    EXPECT_TRUE(name == "store.header" || name == "store.header.turn" || name == "store.db" || name == "store.db.lock") << name;
  }
  ASSERT_OK_AND_ASSIGN(store, home.OpenUnlocked(data_key));
  EXPECT_EQ(Remembered(*store), 7);
  store.reset();
  std::filesystem::copy(dir / "copied.key", home.key_path());
  EXPECT_THAT(home.OpenSealed(Passphrase()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
  std::filesystem::remove(home.key_path());
  EXPECT_THAT(home.OpenUnlocked(Secret::Random(32)), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_key_mismatch: ")));
}

// Every state that a kill can leave: from each the store opens with everything in it, by the one way or the other.
TEST(HomeTakeOver, IsCompletedWhateverItWasBrokenOffAt) {
  for (const char* at : {"header", "next", "renamed", "wal gone", "overwritten", "replaced"}) {
    SCOPED_TRACE(at);
    testing::ScratchDir dir;
    const Home home(dir / "home");
    const Secret data_key = Secret::Random(32);
    {
      ASSERT_OK_AND_ASSIGN(const auto store, home.Create(Passphrase(), kCheap));
      Remember(*store, 7);
      PutHeader(home);
      if (at != std::string("header")) {
        ASSERT_OK(store->db().BackupTo(home.folder() + "/store.next", testing::ValueOf(db::Key::FromSecret(Secret::CopyOf(data_key.view())))));
      }
      // What a killed process leaves of the former store's log.
      std::filesystem::copy(home.store_path() + "-wal", dir / "wal");
    }
    const std::string wal = home.store_path() + "-wal";
    const absl::string_view state = at;
    if (state != "header" && state != "next") std::filesystem::rename(home.key_path(), home.folder() + "/store.key.old");
    if (state == "renamed") std::filesystem::copy(dir / "wal", wal);
    if (state == "overwritten") std::ofstream(home.store_path(), std::ios::binary) << std::string(std::filesystem::file_size(home.store_path()), '\0');
    if (state == "replaced") std::filesystem::rename(home.folder() + "/store.next", home.store_path());
    if (home.sealed()) {
      ASSERT_OK_AND_ASSIGN(auto store, home.OpenSealed(Passphrase()));
      EXPECT_EQ(Remembered(*store), 7);
      const Secret another = Secret::Random(32);  // each attempt has a key of its own
      ASSERT_OK_AND_ASSIGN(store, home.TakeOver(std::move(store), another));
      EXPECT_EQ(Remembered(*store), 7);
      continue;
    }
    // Somebody else's key changes nothing.
    EXPECT_THAT(home.OpenUnlocked(Secret::Random(32)), ::testing::Not(plumbline::testing::IsOk()));
    ASSERT_OK_AND_ASSIGN(const auto store, home.OpenUnlocked(data_key));
    EXPECT_EQ(Remembered(*store), 7);
    EXPECT_EQ(Content(home.folder() + "/store.key.old"), "");
    EXPECT_FALSE(std::filesystem::exists(home.folder() + "/store.next"));
  }
}

}  // namespace
}  // namespace plumbline::client
