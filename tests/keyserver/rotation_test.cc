// The wrapping secret is replaced, in whole or not at all, whatever moment the ceremony is killed at; nobody's unlock key or token key
// is lost by it, and what was kept from before opens nothing of what is there afterwards.
#include "keyserver/rotation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "keyserver/shred_key.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/kept_world.h"
#include "tests/keyserver/locked_store.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::StartsWith;

struct Organised : KeptWorld {
  LockedStore hers = SetUpLock(world, alice), his = SetUpLock(world, bob);
};

// A folder as the service opens it at its start.
struct Served {
  static absl::StatusOr<std::unique_ptr<Served>> Open(const config::v1::KeyserverConfig& config) {
    ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config.data_dir(), TestPassphrase()));
    RETURN_IF_ERROR(FinishRotation(config, TestPassphrase(), keys, testing::kCheap));
    auto out = std::unique_ptr<Served>(new Served(std::move(keys)));
    ASSIGN_OR_RETURN(audit::LogKey log_key, out->keys.AuditKey());
    ASSIGN_OR_RETURN(DirectoryLogKeys directory, out->keys.LogKeys());
    ASSIGN_OR_RETURN(out->connection, SqlcipherConnection::Open(DatabasePath(config.data_dir()), out->keys.database_key,
                                                                std::move(log_key), std::move(directory), out->clock, db::OpenOptions()));
    RETURN_IF_ERROR(CheckWrapping(*out->connection, out->keys));
    ASSIGN_OR_RETURN(out->store, SqlcipherUnlockStore::Open(*out->connection, out->keys, config.data_dir()));
    return out;
  }
  // The output for one input, at the price of an attempt.
  absl::StatusOr<std::string> Output(const identity::DeviceId& device, uint32_t version) {
    audit::Entry entry;
    entry.event = audit::Event::kUnlockAttempted;
    ASSIGN_OR_RETURN(const TakenAttempt taken, store->TakeAttempt(device, version, identity::RandomFixed<32>(), clock.Now(), entry));
    ASSIGN_OR_RETURN(const Secret output, taken.key.Evaluate(AsBytes("an input")));
    return ToString(output.view());
  }
  // How many secrets of token keys open under the sealed wrapping secret. CHECKs that all do.
  int TokenSecrets() {
    const crypto::KeyWrap wrap = *TokenIssuer::WrapOf(keys);
    MutexLock lock(connection->mutex());
    db::Statement rows = *connection->database().Prepare("SELECT id, wrapped FROM token_key WHERE wrapped <> x''");
    int seen = 0;
    for (; *rows.Step(); ++seen) CHECK(wrap.Unwrap(rows.Blob(1), rows.Blob(0)).ok());
    return seen;
  }
  int Rotations() {
    MutexLock lock(connection->mutex());
    CHECK(connection->audit().reader().Verify().ok());
    db::Statement rows = *connection->database().Prepare("SELECT COUNT(*) FROM wrapping");
    CHECK(*rows.Step());
    return static_cast<int>(rows.Int64(0));
  }

  KeyRing keys;
  FakeClock clock;
  std::unique_ptr<SqlcipherConnection> connection;
  std::unique_ptr<SqlcipherUnlockStore> store;

 private:
  explicit Served(KeyRing ring) : keys(std::move(ring)) {}
};

TEST(RotateWrapping, KeepsEveryKeyAndRecordsIt) {
  Organised one;
  const std::string folder = one.Kept("run");
  std::string hers, his;
  int tokens = 0;
  Secret before;
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
    hers = *served->Output(one.alice.id, one.hers.version);
    his = *served->Output(one.bob.id, one.his.version);
    tokens = served->TokenSecrets();
    before = Secret::CopyOf(served->keys.wrapping.view());
  }
  EXPECT_GE(tokens, 2);
  const std::string shred = ToString(ReadSecretFile(folder + "/shred.key", 100)->view());
  ASSERT_OK(RotateWrapping(one.At(folder), TestPassphrase(), one.world.clock(), testing::kCheap));
  EXPECT_NE(ToString(ReadSecretFile(folder + "/shred.key", 100)->view()), shred);
  EXPECT_FALSE(fs::exists(folder + "/wrapping.next"));
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
    EXPECT_FALSE(served->keys.wrapping == before);
    EXPECT_EQ(*served->Output(one.alice.id, one.hers.version), hers);
    EXPECT_EQ(*served->Output(one.bob.id, one.his.version), his);
    EXPECT_EQ(served->TokenSecrets(), tokens);
    EXPECT_EQ(served->Rotations(), 1);
  }
  one.world.GoBack(folder);
  const audit::Record event = one.world.LastEvent("key.rotated");
  EXPECT_EQ(event.subject, "wrapping");
  EXPECT_EQ(event.actor, "ceremony");
  ASSERT_OK(Unlock(one.world, one.bob, one.his));
}

// The sealed keys from before, with their passphrase, and the database from after: a thief of one backup who comes back.
TEST(RotateWrapping, TheFormerSecretOpensNothingOfWhatIsThereAfterwards) {
  Organised one;
  const std::string before = one.Kept("before"), after = one.Kept("after");
  ASSERT_OK(RotateWrapping(one.At(after), TestPassphrase(), one.world.clock(), testing::kCheap));
  ASSERT_OK_AND_ASSIGN(const KeyRing old, UnsealKeyRing(before, TestPassphrase()));
  const auto shred = *ParseKeptShredKey(ReadSecretFile(before + "/shred.key", 100)->view());
  const auto newer = *ParseKeptShredKey(ReadSecretFile(after + "/shred.key", 100)->view());
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(after), old.database_key));
  ASSERT_OK_AND_ASSIGN(const crypto::KeyWrap tokens, TokenIssuer::WrapOf(old));
  const auto count = [&](const std::string& from, const crypto::KeyWrap& wrap, bool token) {
    const auto opened = *db::Database::Open(DatabasePath(from), old.database_key);
    db::Statement rows = *opened->Prepare(token ? "SELECT id, 0, wrapped FROM token_key WHERE wrapped <> x''" : "SELECT device, version, wrapped FROM unlock_key");
    int opens = 0;
    while (*rows.Step()) {
      const Bytes context = token ? ToBytes(rows.Blob(0))
                                  : Writer().Vector(AsBytes(identity::kUnlockKeysAtRestLabel)).Fixed(rows.Blob(0)).U32(static_cast<uint32_t>(rows.Int64(1))).TakeBytes();
      opens += wrap.Unwrap(rows.Blob(2), context).ok();
    }
    return opens;
  };
  EXPECT_GE(count(before, tokens, true), 2) << "the control";
  EXPECT_EQ(count(before, *old.WrapFor(identity::kUnlockKeysAtRestLabel, shred.key.view()), false), 2) << "the control";
  fs::remove_all(one.scratch / "closed");
  const std::string closed = one.scratch / "closed";
  CopyFolder(after, closed);
  EXPECT_EQ(count(closed, tokens, true), 0);
  EXPECT_EQ(count(closed, *old.WrapFor(identity::kUnlockKeysAtRestLabel, shred.key.view()), false), 0);
  EXPECT_EQ(count(closed, *old.WrapFor(identity::kUnlockKeysAtRestLabel, newer.key.view()), false), 0) << "with the newer shred key too";
}

TEST(RotateWrapping, SealedKeysOfAnotherTimeThanTheDatabaseAreRefused) {
  Organised one;
  const std::string before = one.Kept("before"), run = one.Kept("run");
  ASSERT_OK(RotateWrapping(one.At(run), TestPassphrase(), one.world.clock(), testing::kCheap));
  fs::copy(KeysPath(before), KeysPath(run), fs::copy_options::overwrite_existing);
  EXPECT_THAT(Served::Open(one.At(run)), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("wrapping_mismatch: ")));
  EXPECT_THAT(RotateWrapping(one.At(run), TestPassphrase(), one.world.clock(), testing::kCheap),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("wrapping_mismatch: ")));
}

TEST(RotateWrapping, AWrongPassphraseOrARunningServiceChangesNothing) {
  Organised one;
  const std::string folder = one.Kept("run");
  EXPECT_THAT(RotateWrapping(one.At(folder), Secret::CopyOf(AsBytes("another passphrase")), one.world.clock(), testing::kCheap),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("passphrase_wrong: ")));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
  EXPECT_FALSE(RotateWrapping(one.At(folder), TestPassphrase(), one.world.clock(), testing::kCheap).ok());
  EXPECT_FALSE(RotateServiceKey(one.At(folder), TestPassphrase(), one.world.clock(), testing::kCheap).ok());
  EXPECT_EQ(served->Rotations(), 0);
  EXPECT_FALSE(fs::exists(folder + "/wrapping.next"));
}

TEST(RotateServiceKey, MakesANewKeyAndCertificateAndRecordsIt) {
  Organised one;
  const std::string folder = one.Kept("run");
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(folder, TestPassphrase()));
  config::v1::KeyserverConfig config = one.At(folder);
  config.add_dns_names("keys2.example.org");
  ASSERT_OK(RotateServiceKey(config, TestPassphrase(), one.world.clock(), testing::kCheap));
  ASSERT_OK_AND_ASSIGN(const KeyRing after, UnsealKeyRing(folder, TestPassphrase()));
  EXPECT_NE(after.service_key.spki(), before.service_key.spki());
  EXPECT_EQ(after.service_certificate.spki(), after.service_key.spki());
  EXPECT_THAT(after.service_certificate.dns_names(), ::testing::ElementsAre("localhost", "keys2.example.org"));
  EXPECT_TRUE(after.wrapping == before.wrapping);
  one.world.GoBack(folder);
  EXPECT_EQ(one.world.LastEvent("key.rotated").details.at("serial"), ToHex(after.service_certificate.serial()));
}

// In a process of its own, which is killed: replaces the wrapping secret in ROTATE_FOLDER.
TEST(RotationChild, Rotates) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  config::v1::KeyserverConfig config;
  config.set_organisation_domain(kDomain);
  config.set_data_dir(folder);
  ASSERT_OK(RotateWrapping(config, TestPassphrase(), FakeClock(), testing::kCheap));
}

int RunChild(const std::string& folder, const std::string& kind, int at, const std::string& count) {
  return RunFaulted("RotationChild.Rotates", {{"ROTATE_FOLDER", folder}}, kind, at, count);
}

// Killed at each change of a file in turn (in whole, torn, and with what was not synced taken back): the next start has all keys, and
// the secret that counts is the old one or the new one; a second rotation goes through.
TEST(RotateWrapping, KilledAtEachWrite) {
  Organised one;
  const std::string start = one.Kept("start"), folder = one.scratch / "run", count = one.scratch / "count";
  std::string hers, his;
  Secret before;
  {
    CopyFolder(start, folder);
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
    hers = *served->Output(one.alice.id, one.hers.version);
    his = *served->Output(one.bob.id, one.his.version);
    before = Secret::CopyOf(served->keys.wrapping.view());
  }
  CopyFolder(start, folder);
  ASSERT_EQ(RunChild(folder, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 15);
  for (const char* kind : {"kill", "torn", "power"}) {
    int old = 0, rotated = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      CopyFolder(start, folder);
      const int status = RunChild(folder, kind, n, count);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      {
        ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
        EXPECT_EQ(*served->Output(one.alice.id, one.hers.version), hers);
        EXPECT_EQ(*served->Output(one.bob.id, one.his.version), his);
        EXPECT_GE(served->TokenSecrets(), 2);
        const bool is_old = served->keys.wrapping == before;
        EXPECT_EQ(served->Rotations(), is_old ? 0 : 1);
        ++(is_old ? old : rotated);
        for (const auto& entry : fs::directory_iterator(folder)) {
          EXPECT_FALSE(absl::StrContains(entry.path().filename().string(), "wrapping.next")) << entry.path();
        }
      }
      if (n % 7 != 0) continue;
      EXPECT_OK(RotateWrapping(one.At(folder), TestPassphrase(), one.world.clock(), testing::kCheap));
    }
    std::printf("rotation, %s at each of %d changes: the former secret %d times, the new one %d times, and nothing between\n", kind, changes,
                old, rotated);
    EXPECT_GT(old, 0);
    EXPECT_GT(rotated, 0);
  }
}

}  // namespace
}  // namespace plumbline::keyserver
