// A destroyed unlock key is gone: from the database, from copies of it, and whatever moment the service is killed at.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "keyserver/shred_key.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/locked_store.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using ::testing::StartsWith;
using testing::StatusIs;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// A key server's data directory, opened as the service opens it at its start.
struct Opened {
  static absl::StatusOr<std::unique_ptr<Opened>> Open(const std::string& folder) {
    ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(folder, TestPassphrase()));
    auto out = std::unique_ptr<Opened>(new Opened(std::move(keys)));
    ASSIGN_OR_RETURN(audit::LogKey log_key, out->keys.AuditKey());
    ASSIGN_OR_RETURN(DirectoryLogKeys directory, out->keys.LogKeys());
    ASSIGN_OR_RETURN(out->connection, SqlcipherConnection::Open(DatabasePath(folder), out->keys.database_key, std::move(log_key),
                                                                std::move(directory), out->clock, db::OpenOptions()));
    ASSIGN_OR_RETURN(out->store, SqlcipherUnlockStore::Open(*out->connection, out->keys, folder));
    return out;
  }
  // The output for one input, at the price of an attempt.
  absl::StatusOr<Secret> Output(const identity::DeviceId& device, uint32_t version) {
    audit::Entry entry;
    entry.event = audit::Event::kUnlockAttempted;
    ASSIGN_OR_RETURN(const TakenAttempt taken, store->TakeAttempt(device, version, identity::RandomFixed<32>(), clock.Now(), entry));
    return taken.key.Evaluate(AsBytes("an input"));
  }

  KeyRing keys;
  FakeClock clock;
  std::unique_ptr<SqlcipherConnection> connection;
  std::unique_ptr<SqlcipherUnlockStore> store;

 private:
  explicit Opened(KeyRing ring) : keys(std::move(ring)) {}
};

IntentTrace TraceOf(uint8_t nonce) {
  IntentTrace trace;
  trace.nonce.fill(nonce);
  trace.evidence = ToBytes(AsBytes("wipe"));
  trace.entry.event = audit::Event::kIntentExecuted;
  return trace;
}

struct Two {
  World world;
  testing::ScratchDir scratch;
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
  LockedStore hers = SetUpLock(world, alice), his = SetUpLock(world, bob);
  absl::Status WipeAlice() {
    return world.Change(identity::Action::kWipeDevice, kAlice, Encode(identity::WipeDeviceParameters{alice.id})).status();
  }
};

TEST(Shred, TheKeyFileIsPrivateAndReplacedAtEachDestruction) {
  Two two;
  const std::string path = two.world.config().data_dir() + "/shred.key";
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto read = [&] { return ToString(ReadSecretFile(path, 100)->view()); };
  const std::string before = read();
  ASSERT_OK(two.WipeAlice());
  EXPECT_NE(read(), before);
  EXPECT_FALSE(fs::exists(two.world.config().data_dir() + "/shred.next"));
  ASSERT_OK(Unlock(two.world, two.bob, two.his));
  two.world.Restart();
  ASSERT_OK(Unlock(two.world, two.bob, two.his));
}

// Everything that somebody can copy after a destruction, and the sealed keys' passphrase: the key is not in it, also if the
// database is one from before. The control: the same copy from before does have it.
TEST(Shred, NoCopyFromAfterwardsHasTheKey) {
  Two two;
  const std::string before = two.scratch / "before", after = two.scratch / "after", mixed = two.scratch / "mixed";
  two.world.Keep(before);
  ASSERT_OK(two.WipeAlice());
  two.world.Keep(after);
  {
    ASSERT_OK_AND_ASSIGN(const auto opened, Opened::Open(before));
    EXPECT_OK(opened->Output(two.alice.id, two.hers.version));
  }
  {
    ASSERT_OK_AND_ASSIGN(const auto opened, Opened::Open(after));
    EXPECT_THAT(opened->Output(two.alice.id, two.hers.version), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
    EXPECT_OK(opened->Output(two.bob.id, two.his.version));
  }
  // The database from before, and its log, with the files from after: as a whole, and row by row.
  CopyFolder(after, mixed);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::remove(DatabasePath(mixed) + suffix);
    if (fs::exists(DatabasePath(before) + suffix)) fs::copy(DatabasePath(before) + suffix, DatabasePath(mixed) + suffix);
  }
  EXPECT_THAT(Opened::Open(mixed), StatusIs(kPrecondition, StartsWith("shred_key_missing")));
  ASSERT_OK_AND_ASSIGN(const KeyRing keys, UnsealKeyRing(mixed, TestPassphrase()));
  const auto shred = *ParseKeptShredKey(ReadSecretFile(mixed + "/shred.key", 100)->view());
  ASSERT_OK_AND_ASSIGN(const crypto::KeyWrap wrap, keys.WrapFor(identity::kUnlockKeysAtRestLabel, shred.key.view()));
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(mixed), keys.database_key));
  ASSERT_OK_AND_ASSIGN(db::Statement rows, database->Prepare("SELECT device, version, wrapped FROM unlock_key"));
  int seen = 0;
  for (; *rows.Step(); ++seen) {
    const Bytes context = Writer().Vector(AsBytes(identity::kUnlockKeysAtRestLabel)).Fixed(rows.Blob(0)).U32(static_cast<uint32_t>(rows.Int64(1))).TakeBytes();
    EXPECT_THAT(wrap.Unwrap(rows.Blob(2), context), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  EXPECT_EQ(seen, 2);
}

TEST(Shred, AKeyThatWasReplacedByAnotherPassphraseIsDestroyedToo) {
  Two two;
  const std::string path = two.world.config().data_dir() + "/shred.key";
  const std::string before = ToString(ReadSecretFile(path, 100)->view());
  SetUpLock(two.world, two.alice, "another passphrase");
  EXPECT_NE(ToString(ReadSecretFile(path, 100)->view()), before);
}

TEST(Shred, WithoutTheKeyFileTheServiceSaysSoAndAnOperatorCanGiveUp) {
  Two two;
  const std::string copy = two.scratch / "copy";
  two.world.Keep(copy);
  fs::remove(copy + "/shred.key");
  EXPECT_THAT(Opened::Open(copy), StatusIs(kPrecondition, StartsWith("shred_key_missing")));
  config::v1::KeyserverConfig config = two.world.config();
  config.set_data_dir(copy);
  ASSERT_OK(AbandonUnlockKeys(config, TestPassphrase(), two.world.clock()));
  ASSERT_OK_AND_ASSIGN(const auto opened, Opened::Open(copy));
  ASSERT_OK_AND_ASSIGN(const LockStatus status, opened->store->Look(two.alice.id, opened->clock.Now()));
  EXPECT_EQ(status.destroyed_by, "operator");
  EXPECT_THAT(opened->Output(two.bob.id, two.his.version), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
}

TEST(Shred, OnlyAKeptKeyIsParsed) {
  const KeptShredKey kept{3, Secret::Random(32)};
  const Secret wire = Encode(kept);
  ASSERT_OK_AND_ASSIGN(const KeptShredKey parsed, ParseKeptShredKey(wire.view()));
  EXPECT_EQ(parsed.generation, 3u);
  EXPECT_TRUE(parsed.key == kept.key);
  for (size_t n = 0; n < wire.size(); ++n) EXPECT_FALSE(ParseKeptShredKey(wire.view().first(n)).ok());
  EXPECT_FALSE(ParseKeptShredKey(Encode({0, Secret::Random(32)}).view()).ok());
  EXPECT_FALSE(ParseKeptShredKey(Bytes(wire.size())).ok());  // overwritten
}

// In a process of its own, whose storage fails: wipes the device of UNLOCK_DEVICE in UNLOCK_FOLDER.
TEST(ShredChild, Wipes) {
  const char *folder = std::getenv("UNLOCK_FOLDER"), *device = std::getenv("UNLOCK_DEVICE");
  if (folder == nullptr || device == nullptr) return;
  const std::string raw = absl::HexStringToBytes(device);
  ASSERT_OK_AND_ASSIGN(const auto opened, Opened::Open(folder));
  ASSERT_OK(opened->store->Wipe(kAlice, *identity::ToFixed<16>(AsBytes(raw)), TraceOf(9)));
}

int RunChild(const std::string& folder, const identity::DeviceId& device, const std::string& kind, int at, const std::string& count) {
  return RunFaulted("ShredChild.Wipes", {{"UNLOCK_FOLDER", folder}, {"UNLOCK_DEVICE", ToHex(device)}}, kind, at, count);
}

// Killed at each change of a file in turn (in whole, torn, and with what was not synced taken back): afterwards the key is there
// as it was, or destroyed with all that could unwrap it; everybody else's is as it was; and the record says which.
TEST(Shred, KilledAtEachWriteOfADestruction) {
  Two two;
  const std::string start = two.scratch / "start", folder = two.scratch / "run", count = two.scratch / "count";
  two.world.Keep(start);
  std::string hers, his;
  {
    CopyFolder(start, folder);
    ASSERT_OK_AND_ASSIGN(const auto opened, Opened::Open(folder));
    hers = ToString(opened->Output(two.alice.id, two.hers.version)->view());
    his = ToString(opened->Output(two.bob.id, two.his.version)->view());
  }
  CopyFolder(start, folder);
  ASSERT_EQ(RunChild(folder, two.alice.id, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 10);
  for (const char* kind : {"kill", "torn", "power"}) {
    int kept = 0, destroyed = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      CopyFolder(start, folder);
      const int status = RunChild(folder, two.alice.id, kind, n, count);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      ASSERT_OK_AND_ASSIGN(auto opened, Opened::Open(folder));
      std::vector<std::string> shreds;
      for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (absl::StrContains(name, "shred")) shreds.push_back(name);
      }
      EXPECT_THAT(shreds, ::testing::ElementsAre("shred.key"));
      const auto output = opened->Output(two.alice.id, two.hers.version);
      if (output.ok()) {
        EXPECT_EQ(ToString(output->view()), hers);
        ++kept;
        // It can be destroyed still.
        ASSERT_OK(opened->store->Wipe(kAlice, two.alice.id, TraceOf(9)));
      } else {
        EXPECT_THAT(output, StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
        ++destroyed;
      }
      EXPECT_EQ(ToString(opened->Output(two.bob.id, two.his.version)->view()), his);
      MutexLock lock(opened->connection->mutex());
      EXPECT_OK(opened->connection->audit().reader().Verify());
      ASSERT_OK_AND_ASSIGN(db::Statement rows, opened->connection->database().Prepare("SELECT COUNT(*) FROM unlock_key"));
      ASSERT_TRUE(*rows.Step());
      EXPECT_EQ(rows.Int64(0), 1);
    }
    std::printf("destruction, %s at each of %d changes: the key was kept %d times, destroyed %d times, and nothing between\n", kind, changes,
                kept, destroyed);
    EXPECT_GT(kept, 0);
    EXPECT_GT(destroyed, 0);
  }
}

// A disk that refuses: before anything is done the key stays; once the database has it, it is gone, and the rest follows when the
// disk is well again.
TEST(Shred, ADiskThatRefusesIsSaidSoAndTheRestFollows) {
  Two two;
  const std::string data = two.world.config().data_dir();
  fs::create_directory(data + "/shred.next");  // so that no file gets that name
  EXPECT_FALSE(two.WipeAlice().ok());
  fs::remove(data + "/shred.next");
  ASSERT_OK(Unlock(two.world, two.alice, two.hers));
  fs::rename(data + "/shred.key", data + "/aside");
  fs::create_directory(data + "/shred.key");  // so that it cannot be overwritten
  EXPECT_FALSE(two.WipeAlice().ok());
  EXPECT_FALSE(Unlock(two.world, two.bob, two.his).ok());
  EXPECT_FALSE(two.world.unlock_store().DestroyDue(two.world.clock().Now()).ok());
  fs::remove(data + "/shred.key");
  fs::rename(data + "/aside", data + "/shred.key");
  ASSERT_OK(two.world.unlock_store().DestroyDue(two.world.clock().Now()));
  EXPECT_FALSE(fs::exists(data + "/shred.next"));
  EXPECT_THAT(Evaluate(two.world, two.alice, two.hers, kRightPassphrase), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  ASSERT_OK(Unlock(two.world, two.bob, two.his));
}

TEST(Shred, TenThousandKeysAreWrappedAnewInSeconds) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  SetUpLock(world, alice);
  {
    // Copies of the one row under other ids, wrapped for them.
    const auto shred = *ParseKeptShredKey(ReadSecretFile(world.config().data_dir() + "/shred.key", 100)->view());
    const auto wrap = *world.organisation().keys().WrapFor(identity::kUnlockKeysAtRestLabel, shred.key.view());
    MutexLock lock(world.connection().mutex());
    db::Database& database = world.connection().database();
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(database));
    ASSERT_OK_AND_ASSIGN(db::Statement unlock, database.Prepare("INSERT INTO unlock (device, attempts_left, last_attempt_unix, nonce, destroyed, "
                                                                "last_version, changed_day, changes) VALUES (?, 10, 0, x'', '', 1, 0, 0)"));
    ASSERT_OK_AND_ASSIGN(db::Statement key, database.Prepare("INSERT INTO unlock_key (device, version, public_key, wrapped, proof_key) "
                                                             "VALUES (?, 1, ?, ?, x'01')"));
    ASSERT_OK_AND_ASSIGN(db::Statement device, database.Prepare("INSERT INTO device (id, user, label, working_key, mls_key, credential, "
                                                                "enrolled_day) VALUES (?1, ?2, '', ?1, ?1, x'', 0)"));
    for (uint32_t i = 0; i < 10000; ++i) {
      const identity::DeviceId id = identity::RandomFixed<16>();
      const crypto::VoprfSecretKey k = crypto::VoprfSecretKey::Generate();
      const Bytes context = Writer().Vector(AsBytes(identity::kUnlockKeysAtRestLabel)).Fixed(id).U32(1).TakeBytes();
      for (db::Statement* each : {&unlock, &key, &device}) each->Reset();
      ASSERT_OK(device.Bind(1, ByteView(id)).Bind(2, absl::string_view(kAlice)).Run());
      ASSERT_OK(unlock.Bind(1, ByteView(id)).Run());
      ASSERT_OK(key.Bind(1, ByteView(id)).Bind(2, k.public_key().view()).Bind(3, ByteView(*wrap.Wrap(Secret::CopyOf(k.scalar()), context))).Run());
    }
    ASSERT_OK(transaction.Commit());
  }
  const absl::Time begin = absl::Now();
  SetUpLock(world, alice, "another passphrase");
  const absl::Duration took = absl::Now() - begin;
  std::printf("one key destroyed among 10,000: all others wrapped anew in %s\n", absl::FormatDuration(took).c_str());
  EXPECT_LT(took, absl::Seconds(20));
}

}  // namespace
}  // namespace plumbline::keyserver
