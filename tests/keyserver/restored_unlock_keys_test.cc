// What a restore does with unlock keys: none that was destroyed after the backup comes back, where a later record tells of it.
#include "keyserver/restored_unlock_keys.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/audit/export.h"
#include "common/file.h"
#include "tests/common/certificates.h"
#include "tests/keyserver/locked_store.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::StartsWith;
using State = keys::v1::GetLockStateResponse;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

std::string NameOf(const char* account) { return absl::StrCat("mimi://example.org/u/", account); }

struct Locked {
  Locked(World& world, const char* account) : device(world.Enrol(NameOf(account))), store(SetUpLock(world, device)) {}
  TestDevice device;
  LockedStore store;
};

backup::LogState AuditState(World& world) {
  MutexLock lock(world.connection().mutex());
  auto reader = ValueOf(audit::AuditReader::Open(world.connection().database(), world.organisation().keys().AuditKey()->verifier()));
  const tlog::Checkpoint checkpoint = ValueOf(reader.Verify());
  return {checkpoint.origin, checkpoint.size, checkpoint.root};
}

// A backup, and what happened after it.
class RestoredKeys : public ::testing::Test {
 protected:
  RestoredKeys() {
    at_backup_ = AuditState(world_);
    world_.Keep(folder_);
    SetUpLock(world_, changed_.device, "another passphrase");
    EXPECT_OK(world_.Change(identity::Action::kWipeDevice, NameOf("wiped"), Encode(identity::WipeDeviceParameters{wiped_.device.id})).status());
    for (int i = 0; i < 4; ++i) {
      world_.clock().Advance(absl::Hours(1));
      EXPECT_OK(Evaluate(world_, guessed_.device, guessed_.store, "a wrong one").status());
    }
    for (int i = 0; i < 2; ++i) EXPECT_OK(Evaluate(world_, kept_.device, kept_.store, "a wrong one").status());
    EXPECT_OK(Unlock(world_, kept_.device, kept_.store));
    Locked later(world_, "later");  // of which the backup knows nothing
  }
  std::string Export(const std::string& name = "later") {
    MutexLock lock(world_.connection().mutex());
    auto reader = ValueOf(audit::AuditReader::Open(world_.connection().database(), world_.organisation().keys().AuditKey()->verifier()));
    const std::string path = scratch_ / name;
    std::ofstream(path, std::ios::binary) << ValueOf(audit::ExportAll(reader));
    return path;
  }
  absl::StatusOr<RestoredUnlockKeys> Restore(const UnlockKeyChoice& choice) {
    const KeyRing ring = ValueOf(UnsealKeyRing(folder_, TestPassphrase()));
    return RestoreUnlockKeys(folder_, ring, at_backup_, choice, world_.clock());
  }

  const testing::ScratchDir scratch_;
  const std::string folder_ = scratch_ / "backup";
  World world_;
  Locked kept_{world_, "kept"}, changed_{world_, "changed"}, wiped_{world_, "wiped"}, guessed_{world_, "guessed"};
  backup::LogState at_backup_;
};

TEST_F(RestoredKeys, AreNotDecidedAboutByTheProgram) {
  EXPECT_THAT(Restore({}).status(), StatusIs(kPrecondition, StartsWith("unlock_keys_undecided: the backup has what unlocks 4 devices")));
  world_.GoBack(folder_);
  EXPECT_OK(Unlock(world_, kept_.device, kept_.store));  // nothing was changed
}

TEST_F(RestoredKeys, ThatWereDestroyedLaterStaySoAndSpentAttemptsToo) {
  const std::string shred_before = ValueOf(ReadTextFile(folder_ + "/shred.key", 64));
  const auto restored = Restore({.later_audit = Export()});
  ASSERT_OK(restored.status());
  EXPECT_EQ(restored->kept, 2);
  EXPECT_EQ(restored->destroyed, 2);
  EXPECT_NE(ValueOf(ReadTextFile(folder_ + "/shred.key", 64)), shred_before);  // the backup's opens nothing of the new one
  world_.GoBack(folder_);
  for (const Locked* each : {&changed_, &wiped_}) {
    EXPECT_EQ(LockState(world_, each->device).destroyed_by(), "record");
    EXPECT_THAT(Unlock(world_, each->device, each->store), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  }
  EXPECT_EQ(LockState(world_, guessed_.device).attempts_left(), 6u);
  EXPECT_EQ(LockState(world_, kept_.device).attempts_left(), 10u);
  EXPECT_OK(Unlock(world_, kept_.device, kept_.store));
  world_.clock().Advance(absl::Hours(1));
  EXPECT_OK(Unlock(world_, guessed_.device, guessed_.store));
  EXPECT_EQ(world_.LastEvent("unlock.destroyed").details["by"], "record");
}

TEST_F(RestoredKeys, AreKeptOnTheOperatorsWord) {
  const auto restored = Restore({.keep = true});
  ASSERT_OK(restored.status());
  EXPECT_EQ(restored->kept, 4);
  world_.GoBack(folder_);
  for (const Locked* each : {&kept_, &changed_, &wiped_, &guessed_}) EXPECT_OK(Unlock(world_, each->device, each->store));
}

TEST_F(RestoredKeys, AreAllGivenUpWhereTheOperatorSaysSo) {
  const auto restored = Restore({.abandon = true});
  ASSERT_OK(restored.status());
  EXPECT_TRUE(restored->abandoned);
  EXPECT_EQ(restored->kept, 0);
  world_.GoBack(folder_);
  for (const Locked* each : {&kept_, &changed_, &wiped_, &guessed_}) {
    EXPECT_EQ(LockState(world_, each->device).destroyed_by(), "operator");
  }
  Locked anew(world_, "anew");
  EXPECT_OK(Unlock(world_, anew.device, anew.store));
  world_.LastEvent("unlock.abandoned");
}

// The record is believed only if the log's own key signed it and it goes on from the backup's.
TEST_F(RestoredKeys, AreNotDecidedAboutByARecordOfAnotherLogOrAnEarlierOne) {
  World other;
  std::string foreign;
  {
    MutexLock lock(other.connection().mutex());
    auto reader = ValueOf(audit::AuditReader::Open(other.connection().database(), other.organisation().keys().AuditKey()->verifier()));
    foreign = scratch_ / "foreign";
    std::ofstream(foreign, std::ios::binary) << ValueOf(audit::ExportAll(reader));
  }
  EXPECT_THAT(Restore({.later_audit = foreign}).status(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Restore({.later_audit = scratch_ / "none"}).status(), StatusIs(absl::StatusCode::kNotFound));
  // Of the same log, from before the backup: says nothing of what came after.
  at_backup_ = AuditState(world_);
  const std::string earlier = Export("earlier");
  world_.Enrol(NameOf("somebody"));
  at_backup_ = AuditState(world_);
  EXPECT_THAT(Restore({.later_audit = earlier}).status(), StatusIs(absl::StatusCode::kDataLoss, StartsWith("audit_rolled_back")));
  world_.GoBack(folder_);
  EXPECT_OK(Unlock(world_, kept_.device, kept_.store));
}

TEST_F(RestoredKeys, CannotBeKeptWithoutTheirShredKey) {
  std::filesystem::remove(folder_ + "/shred.key");
  EXPECT_THAT(Restore({.keep = true}).status(), StatusIs(kPrecondition, StartsWith("shred_key_missing")));
  ASSERT_OK(Restore({.abandon = true}).status());
}

}  // namespace
}  // namespace plumbline::keyserver
