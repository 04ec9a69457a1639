// Restoring the key server, and what witnesses say of it. The real witness is in tests/e2e/backup_test.cc; these are answers that one
// could give.
#include "keyserver/backup.h"

#include "common/backup/key.h"
#include "common/file.h"
#include "common/tlog/witness_request.h"
#include "keyserver/ceremony.h"
#include "keyserver/key_ring.h"
#include "tests/common/test_witness.h"
#include "tests/keyserver/world.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr crypto::SealCost kCheap{1, 8192};

// Answers as it is told, by the old size that it is asked with.
class Answers final : public WitnessSender {
 public:
  absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness&, const std::string& request) override {
    const auto parsed = tlog::ParseWitnessRequest(request);
    EXPECT_TRUE(parsed.ok());
    sizes.push_back(parsed->checkpoint.size);
    return parsed->old_size == 0 ? first : second;
  }
  absl::StatusOr<Answer> first = absl::UnavailableError("away"), second = absl::UnavailableError("away");
  std::vector<uint64_t> sizes;
};

class KeyserverBackup : public ::testing::Test {
 protected:
  KeyserverBackup() {
    config_.set_organisation_domain("example.org");
    config_.set_display_name("Example");
    config_.set_data_dir(scratch_ / "data");
    config_.add_ip_addresses("127.0.0.1");
    config_.mutable_limits()->mutable_administrator_code_life()->set_seconds(3600);
    config_.mutable_limits()->set_code_attempts(5);
    EXPECT_OK(RunCeremony(config_, passphrase_, clock_, kCheap).status());
    EXPECT_OK(SetWitnesses(config_, passphrase_, witness_.Policy(), clock_, kCheap).status());
    EXPECT_OK(WriteFileAtomically(scratch_ / "passphrase", AsBytes(absl::string_view("a passphrase for these tests\n")), 0600));
    EXPECT_OK(backup::MakeKey(scratch_ / "key", passphrase_, kCheap).status());
    options_ = {.out = scratch_ / "backup", .recipient = scratch_ / "key.pub", .from = scratch_ / "backup", .key = scratch_ / "key",
                .key_passphrase_file = scratch_ / "passphrase"};
    EXPECT_OK(backup::TakeFor(*NewBackupSubject(config_, passphrase_), options_, clock_).status());
    other_ = config_;
    other_.set_data_dir(scratch_ / "other");
  }
  absl::StatusOr<RestoreResult> Restore(bool accept_behind = false) {
    return RestoreBackup(other_, passphrase_, options_, accept_behind, {}, answers_, clock_);
  }
  bool Restored() { return std::filesystem::exists(KeysPath(other_.data_dir())); }

  const testing::ScratchDir scratch_;
  FakeClock clock_;
  const testing::TestWitness witness_{clock_};
  config::v1::KeyserverConfig config_, other_;
  const Secret passphrase_ = Secret::CopyOf(AsBytes("a passphrase for these tests"));
  backup::Options options_;
  Answers answers_;
};

TEST_F(KeyserverBackup, AFolderKeepsTheNewestAndWhateverElseIsInIt) {
  const std::string folder = scratch_ / "folder";
  std::filesystem::create_directory(folder);
  const std::vector<std::string> others = {"20200101T000000Z.plbk.old", "20200101T000000.plbk", "20200231T000000Z.plbk", "x.plbk", "note"};
  for (const std::string& name : others) ASSERT_OK(WriteFileAtomically(absl::StrCat(folder, "/", name), Bytes{1}, 0600));
  std::filesystem::create_directory(folder + "/20200101T000000Z.plbk");
  backup::Options options = options_;
  options.out.clear();
  options.folder = folder;
  options.keep = 2;
  std::vector<std::string> taken;
  const auto take = [&] {
    const auto report = backup::TakeFor(*NewBackupSubject(config_, passphrase_), options, clock_);
    ASSERT_OK(report.status());
    taken.push_back(report->object["written"]);
  };
  for (int i = 0; i < 4; ++i) {
    take();
    clock_.Advance(absl::Hours(1));
  }
  const auto there = [&](size_t i) { return std::filesystem::exists(taken[i]); };
  EXPECT_FALSE(there(0) || there(1));
  EXPECT_TRUE(there(2) && there(3));
  // With a clock that went back the new one is not the newest by name, and stays.
  clock_.Advance(-absl::Hours(24 * 30));
  take();
  EXPECT_TRUE(there(3) && there(4));
  EXPECT_FALSE(there(2));
  EXPECT_THAT(backup::TakeFor(*NewBackupSubject(config_, passphrase_), options, clock_).status(),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("backup_exists")));
  for (const std::string& name : others) EXPECT_TRUE(std::filesystem::exists(absl::StrCat(folder, "/", name))) << name;
  EXPECT_TRUE(std::filesystem::is_directory(folder + "/20200101T000000Z.plbk"));
}

TEST_F(KeyserverBackup, GoesWhereTheWitnessHasSeenAsMuchOrLess) {
  answers_.first = WitnessSender::Answer{409, "2\n"};  // what a fresh log has: its genesis and an empty map's root
  answers_.second = WitnessSender::Answer{200, "a cosignature"};
  const auto restored = Restore();
  ASSERT_OK(restored.status());
  EXPECT_EQ(restored->directory_size, 2u);
  EXPECT_EQ(restored->witnesses[0].size, 2u);
  EXPECT_FALSE(restored->witnesses[0].another);
  EXPECT_TRUE(Restored());
  ASSERT_OK(VerifyAudit(other_, passphrase_).status());
  EXPECT_FALSE(std::filesystem::exists(RootPath(other_.data_dir())));
}

TEST_F(KeyserverBackup, IsRefusedWhereAWitnessHasSeenMoreOrSomethingElse) {
  const std::pair<WitnessSender::Answer, WitnessSender::Answer> cases[] = {
      {{409, "3\n"}, {200, ""}},   // more
      {{409, "2\n"}, {409, "2\n"}},  // as much, with another root
      {{409, "1\n"}, {422, "no"}},  // less, which this log does not continue
  };
  for (const auto& [first, second] : cases) {
    answers_.first = first;
    answers_.second = second;
    const auto refused = Restore();
    EXPECT_THAT(refused.status(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("backup_behind: the witness w")));
    EXPECT_FALSE(Restored());
    EXPECT_FALSE(std::filesystem::exists(DatabasePath(other_.data_dir())));
  }
  options_.check = true;
  const auto checked = Restore();
  ASSERT_OK(checked.status());
  EXPECT_TRUE(checked->witnesses[0].another);
  options_.check = false;
  ASSERT_OK(Restore(true).status());
  EXPECT_TRUE(Restored());
}

TEST_F(KeyserverBackup, GoesWhereTheWitnessKnowsNothingOrCannotBeAsked) {
  for (const auto& first : {absl::StatusOr<WitnessSender::Answer>(absl::UnavailableError("away")),
                            absl::StatusOr<WitnessSender::Answer>(WitnessSender::Answer{404, "no such log"}),
                            absl::StatusOr<WitnessSender::Answer>(WitnessSender::Answer{409, "nonsense"})}) {
    answers_.first = first;
    options_.check = true;
    const auto checked = Restore();
    ASSERT_OK(checked.status());
    EXPECT_FALSE(checked->witnesses[0].size.has_value());
    EXPECT_FALSE(checked->witnesses[0].another);
  }
  answers_.first = WitnessSender::Answer{200, "a cosignature"};
  EXPECT_EQ(Restore()->witnesses[0].size, 2u);
  EXPECT_FALSE(Restored());
  options_.check = false;
  ASSERT_OK(Restore().status());
  EXPECT_TRUE(Restored());
}

TEST_F(KeyserverBackup, OfADirectoryThatIsNotWhatItSignedIsNotTaken) {
  {
    const auto keys = UnsealKeyRing(config_.data_dir(), passphrase_);
    ASSERT_OK(keys.status());
    const auto database = db::Database::Open(DatabasePath(config_.data_dir()), keys->database_key);
    ASSERT_OK(database.status());
    ASSERT_OK((*database)->Execute("UPDATE log_leaf SET leaf = leaf || x'00' WHERE place = 1"));
  }
  options_.out = scratch_ / "second";
  const absl::Status refused = backup::TakeFor(*NewBackupSubject(config_, passphrase_), options_, clock_).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("directory_log_broken")));
  EXPECT_FALSE(std::filesystem::exists(options_.out));
}

}  // namespace
}  // namespace plumbline::keyserver
