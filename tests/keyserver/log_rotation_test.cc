// The directory's log gets another key and stays the log that it was: both keys sign until the former one ends, then the new one alone.
#include "keyserver/log_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "keyserver/rotation.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Code = absl::StatusCode;

config::v1::KeyserverConfig ConfigAt(const std::string& folder) {
  config::v1::KeyserverConfig config;
  config.set_organisation_domain(kDomain);
  config.set_data_dir(folder);
  return config;
}

// A folder as the service opens it at its start, at the time `now`.
struct Served {
  static absl::StatusOr<std::unique_ptr<Served>> Open(const std::string& folder, absl::Duration later = absl::ZeroDuration()) {
    const config::v1::KeyserverConfig config = ConfigAt(folder);
    ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(folder, TestPassphrase()));
    RETURN_IF_ERROR(FinishRotation(config, TestPassphrase(), keys, testing::kCheap));
    auto out = std::unique_ptr<Served>(new Served(std::move(keys)));
    out->clock.Advance(later);
    ASSIGN_OR_RETURN(out->connection, OpenForRotation(config, out->keys, out->clock));
    out->end.emplace(out->keys.former_log, folder, *out->connection);
    RETURN_IF_ERROR(out->end->EndIfDue(out->clock.Now()));
    return out;
  }
  tlog::VerifierKey Key() const { return keys.LogKeys()->signer.verifier(); }
  std::string Newest() {
    MutexLock lock(connection->mutex());
    return connection->directory().Newest()->note;
  }
  std::string Published() {
    MutexLock lock(connection->mutex());
    return connection->directory().Published()->note;
  }
  std::vector<std::string> Leaves() {
    MutexLock lock(connection->mutex());
    std::vector<std::string> out;
    const std::vector<Bytes> leaves = *connection->directory().ReadLeaves(0, tlog::kMaxSize, tlog::kMaxBatch);
    for (const Bytes& leaf : leaves) out.push_back(ToHex(leaf));
    return out;
  }
  // Of the events with this name, what they say of the log's key.
  std::vector<std::string> Recorded(absl::string_view event) {
    MutexLock lock(connection->mutex());
    CHECK(connection->audit().reader().Verify().ok());
    std::vector<std::string> out;
    const std::vector<audit::Record> records = *connection->audit().reader().ReadAfter(0, audit::kMaxPage);
    for (const audit::Record& each : records) {
      if (each.name == event) out.push_back(each.details.at("key"));
    }
    return out;
  }

  KeyRing keys;
  FakeClock clock;
  std::unique_ptr<SqlcipherConnection> connection;
  std::optional<FormerLogKeyEnd> end;

 private:
  explicit Served(KeyRing ring) : keys(std::move(ring)) {}
};

// How many signatures a note has, and whether each of `keys` made one.
void ExpectSigned(const std::string& note, size_t log_signatures, const std::vector<tlog::VerifierKey>& keys) {
  ASSERT_OK_AND_ASSIGN(const tlog::Note parsed, tlog::ParseNote(note));
  EXPECT_EQ(static_cast<size_t>(std::count_if(parsed.signatures.begin(), parsed.signatures.end(),
                                              [](const auto& each) { return each.name == "example.org/directory"; })),
            log_signatures);
  for (const tlog::VerifierKey& key : keys) EXPECT_OK(tlog::OpenCheckpoint(note, key));
}

struct Organised {
  Organised() {
    world.Enrol(kAlice);
    world.publisher().PublishAndWait();
    world.Keep(start);
  }
  absl::StatusOr<LogKeyRotated> Rotate(const std::string& at, absl::Duration lasts) {
    return RotateLogKey(ConfigAt(at), TestPassphrase(), lasts, FakeClock(), testing::kCheap);
  }
  tlog::VerifierKey Former() const { return world.organisation().keys().LogKeys()->signer.verifier(); }
  World world;
  testing::ScratchDir scratch;
  const std::string start = scratch / "start", folder = scratch / "run";
};

TEST(RotateLogKey, BothKeysSignUntilTheFormerOneEnds) {
  Organised one;
  CopyFolder(one.start, one.folder);
  std::vector<std::string> leaves;
  std::string published;
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
    leaves = served->Leaves();
    published = served->Published();
  }
  ASSERT_OK_AND_ASSIGN(const LogKeyRotated rotated, one.Rotate(one.folder, absl::Hours(1)));
  EXPECT_EQ(rotated.former_key, one.Former().ToText());
  EXPECT_NE(rotated.log_key, rotated.former_key);
  EXPECT_EQ(rotated.policy, 2u);
  EXPECT_EQ(rotated.former_ends, FakeClock().Now() + absl::Hours(1));
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder, absl::Minutes(59)));
    EXPECT_EQ(served->Key().ToText(), rotated.log_key);
    EXPECT_EQ(served->Leaves(), leaves) << "it is the same log";
    ExpectSigned(served->Newest(), 2, {served->Key(), one.Former()});
    ExpectSigned(served->Published(), 2, {served->Key(), one.Former()});
    ASSERT_OK_AND_ASSIGN(const directory::VerifiedPolicy policy, served->keys.Witnesses(served->clock.Now()));
    EXPECT_EQ(policy.statement.number, 2u);
    EXPECT_EQ(policy.policy.logs()[0].key, served->Key());
    EXPECT_OK(policy.policy.Open(served->Published())) << "what the witnesses said before counts under the new policy";
    EXPECT_OK(one.world.policy().Open(served->Published()));
    EXPECT_THAT(served->Recorded("key.rotated"), ElementsAre(rotated.log_key));
    // While it is served: on the second it ends, and not before.
    EXPECT_EQ(served->end->Remaining(served->clock.Now()), absl::Minutes(1));
    served->clock.Advance(absl::Minutes(1) - absl::Seconds(1));
    ASSERT_OK(served->end->EndIfDue(served->clock.Now()));
    ExpectSigned(served->Newest(), 2, {served->Key(), one.Former()});
    EXPECT_TRUE(fs::exists(FormerLogKeyPath(one.folder)));
    served->clock.Advance(absl::Seconds(1));
    ASSERT_OK(served->end->EndIfDue(served->clock.Now()));
    ExpectSigned(served->Newest(), 1, {served->Key()});
    ExpectSigned(served->Published(), 1, {served->Key()});
    EXPECT_OK(policy.policy.Open(served->Published()));
    EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder))) << "it is destroyed";
    EXPECT_EQ(served->end->Remaining(served->clock.Now()), absl::InfiniteDuration());
    EXPECT_THAT(served->Recorded("key.former_ended"), ElementsAre(rotated.log_key));
  }
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder, absl::Hours(2)));
  ExpectSigned(served->Newest(), 1, {served->Key()});
  EXPECT_THAT(served->Recorded("key.rotated"), ElementsAre(rotated.log_key));
}

TEST(RotateLogKey, ItEndsWithTheNextStartWhereNobodyServedMeanwhile) {
  Organised one;
  CopyFolder(one.start, one.folder);
  ASSERT_OK(one.Rotate(one.folder, absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder, absl::Hours(1)));
  ExpectSigned(served->Newest(), 1, {served->Key()});
  EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder)));
}

TEST(RotateLogKey, AStolenOneIsDestroyedAtOnce) {
  Organised one;
  CopyFolder(one.start, one.folder);
  ASSERT_OK_AND_ASSIGN(const LogKeyRotated rotated, one.Rotate(one.folder, absl::ZeroDuration()));
  EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder)));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
  ExpectSigned(served->Newest(), 1, {served->Key()});
  ExpectSigned(served->Published(), 1, {served->Key()});
  EXPECT_FALSE(tlog::OpenCheckpoint(served->Newest(), one.Former()).ok());
  EXPECT_THAT(served->Recorded("key.rotated"), ElementsAre(rotated.log_key));
  EXPECT_THAT(served->Recorded("key.former_ended"), ElementsAre(rotated.log_key));
}

// What is appended meanwhile is signed by both, and afterwards by one.
TEST(RotateLogKey, TheServiceGoesOnWithIt) {
  Organised one;
  CopyFolder(one.start, one.folder);
  ASSERT_OK_AND_ASSIGN(const LogKeyRotated rotated, one.Rotate(one.folder, absl::Hours(1)));
  one.world.GoBack(one.folder);
  one.world.Enrol(kBob);
  one.world.publisher().PublishAndWait();
  {
    MutexLock lock(one.world.connection().mutex());
    ExpectSigned(one.world.connection().directory().Published()->note, 2,
                 {*tlog::VerifierKey::Parse(rotated.log_key), *tlog::VerifierKey::Parse(rotated.former_key)});
  }
  ASSERT_OK(one.world.connection().EndFormerLogKey());
  one.world.Enrol("mimi://example.org/u/carol");
  one.world.publisher().PublishAndWait();
  MutexLock lock(one.world.connection().mutex());
  ExpectSigned(one.world.connection().directory().Published()->note, 1, {*tlog::VerifierKey::Parse(rotated.log_key)});
}

TEST(RotateLogKey, OneChangeAtATimeButForAStolenKey) {
  Organised one;
  CopyFolder(one.start, one.folder);
  ASSERT_OK_AND_ASSIGN(const LogKeyRotated first, one.Rotate(one.folder, absl::Hours(1)));
  EXPECT_THAT(one.Rotate(one.folder, absl::Hours(1)), StatusIs(Code::kFailedPrecondition, StartsWith("log_key_changing: ")));
  ASSERT_OK_AND_ASSIGN(const LogKeyRotated second, one.Rotate(one.folder, absl::ZeroDuration()));
  EXPECT_EQ(second.former_key, first.log_key);
  EXPECT_EQ(second.policy, 3u);
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
  ExpectSigned(served->Newest(), 1, {served->Key()});
  EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder)));
}

TEST(RotateLogKey, WhatCannotBeDoneChangesNothing) {
  Organised one;
  CopyFolder(one.start, one.folder);
  const auto expect_unchanged = [&] {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
    EXPECT_EQ(served->Key(), one.Former());
    EXPECT_EQ(served->keys.Witnesses(served->clock.Now())->statement.number, 1u);
    ExpectSigned(served->Newest(), 1, {one.Former()});
    EXPECT_THAT(served->Recorded("key.rotated"), IsEmpty());
    EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder)));
  };
  EXPECT_THAT(RotateLogKey(ConfigAt(one.folder), Secret::CopyOf(AsBytes("another passphrase")), absl::Hours(1), FakeClock(), testing::kCheap),
              StatusIs(Code::kPermissionDenied, StartsWith("passphrase_wrong: ")));
  EXPECT_THAT(one.Rotate(one.folder, kLongestFormerLogKey + absl::Seconds(1)), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(one.Rotate(one.folder, -absl::Seconds(1)), StatusIs(Code::kInvalidArgument));
  expect_unchanged();
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
    EXPECT_FALSE(one.Rotate(one.folder, absl::Hours(1)).ok()) << "not while it serves";
  }
  expect_unchanged();
  fs::remove(RootPath(one.folder));
  EXPECT_THAT(one.Rotate(one.folder, absl::Hours(1)), StatusIs(Code::kFailedPrecondition, StartsWith("root_key_missing: ")));
  expect_unchanged();
}

TEST(RotateLogKey, SealedKeysOfAnotherTimeThanTheDatabaseAreRefused) {
  Organised one;
  CopyFolder(one.start, one.folder);
  ASSERT_OK(one.Rotate(one.folder, absl::ZeroDuration()));
  fs::copy(KeysPath(one.start), KeysPath(one.folder), fs::copy_options::overwrite_existing);
  EXPECT_THAT(Served::Open(one.folder), StatusIs(Code::kFailedPrecondition, StartsWith("log_key_mismatch: ")));
}

// In a process of its own, which is killed: replaces the log's key in ROTATE_FOLDER.
TEST(LogRotationChild, Rotates) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  const absl::Duration lasts = std::getenv("ROTATE_NOW") == nullptr ? absl::Hours(1) : absl::ZeroDuration();
  ASSERT_OK(RotateLogKey(ConfigAt(folder), TestPassphrase(), lasts, FakeClock(), testing::kCheap));
}
// Ends the former key in ROTATE_FOLDER, whose time is over.
TEST(LogRotationChild, Ends) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  ASSERT_OK(Served::Open(folder, absl::Hours(2)));
}

// Killed at each change of a file in turn (in whole, torn, and with what was not synced taken back): at the next start the log has the
// former key and policy or the new ones, its tree, and a record that says which; and another replacement goes through.
void KillAtEachWrite(bool now) {
  Organised one;
  const std::string count = one.scratch / "count";
  std::map<std::string, std::string> environment = {{"ROTATE_FOLDER", one.folder}};
  if (now) environment["ROTATE_NOW"] = "1";
  std::vector<std::string> leaves;
  {
    CopyFolder(one.start, one.folder);
    leaves = (*Served::Open(one.folder))->Leaves();
  }
  CopyFolder(one.start, one.folder);
  ASSERT_EQ(RunFaulted("LogRotationChild.Rotates", environment, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 15);
  for (const char* kind : {"kill", "torn", "power"}) {
    int old = 0, rotated = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      CopyFolder(one.start, one.folder);
      const int status = RunFaulted("LogRotationChild.Rotates", environment, kind, n, count);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      {
        ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder));
        const bool is_old = served->Key() == one.Former();
        EXPECT_EQ(served->Leaves(), leaves);
        EXPECT_EQ(served->keys.Witnesses(served->clock.Now())->statement.number, is_old ? 1u : 2u);
        EXPECT_EQ(served->keys.Witnesses(served->clock.Now())->policy.logs()[0].key, served->Key());
        ExpectSigned(served->Newest(), is_old || now ? 1 : 2, {served->Key()});
        ExpectSigned(served->Published(), is_old || now ? 1 : 2, {served->Key()});
        EXPECT_EQ(served->Recorded("key.rotated").size(), is_old ? 0u : 1u);
        EXPECT_EQ(fs::exists(FormerLogKeyPath(one.folder)), !is_old && !now);
        for (const auto& entry : fs::directory_iterator(one.folder)) {
          EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr(".former.new-")));
        }
        ++(is_old ? old : rotated);
      }
      if (n % 7 != 0) continue;
      EXPECT_OK(one.Rotate(one.folder, absl::ZeroDuration()));
    }
    std::printf("the log's key, %s at each of %d changes: the former key %d times, the new one %d times, and nothing between\n", kind, changes,
                old, rotated);
    EXPECT_GT(old, 0);
    EXPECT_GT(rotated, 0);
  }
}
TEST(RotateLogKey, KilledAtEachWrite) { KillAtEachWrite(/*now=*/false); }
TEST(RotateLogKey, KilledAtEachWriteOfAStolenOne) { KillAtEachWrite(/*now=*/true); }

TEST(RotateLogKey, KilledWhileTheFormerOneEnds) {
  Organised one;
  const std::string count = one.scratch / "count", changed = one.scratch / "changed";
  CopyFolder(one.start, changed);
  ASSERT_OK(one.Rotate(changed, absl::Hours(1)));
  CopyFolder(changed, one.folder);
  ASSERT_EQ(RunFaulted("LogRotationChild.Ends", {{"ROTATE_FOLDER", one.folder}}, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 5);
  for (const char* kind : {"kill", "torn", "power"}) {
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      CopyFolder(changed, one.folder);
      RunFaulted("LogRotationChild.Ends", {{"ROTATE_FOLDER", one.folder}}, kind, n, count);
      ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.folder, absl::Hours(2)));
      ExpectSigned(served->Newest(), 1, {served->Key()});
      EXPECT_THAT(served->Recorded("key.former_ended"), Not(IsEmpty()));
      EXPECT_FALSE(fs::exists(FormerLogKeyPath(one.folder)));
    }
  }
}

}  // namespace
}  // namespace plumbline::keyserver
