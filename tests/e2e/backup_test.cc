// Backups over the real programs: taken while the services serve, restored elsewhere, from before and after what people did, on
// storage that fails and on disks that are full, and in the hands of somebody who may not read them.
//
// PLUMBLINE_SURVIVAL=long fails at every change; otherwise at a few, drawn by PLUMBLINE_SEED, which is printed.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "assess/tools/database.h"
#include "tests/e2e/backup_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

namespace fs = std::filesystem;
using assess::CommandResult;
using assess::Person;
using assess::Service;
using ::testing::HasSubstr;
using ::testing::Not;
using Environment = std::map<std::string, std::string>;

std::string Text(const std::string& path) { return ValueOf(assess::ReadFile(path)); }

bool Long() { return absl::string_view(std::getenv("PLUMBLINE_SURVIVAL") == nullptr ? "" : std::getenv("PLUMBLINE_SURVIVAL")) == "long"; }

unsigned Seed() {
  static const unsigned seed = [] {
    const char* given = std::getenv("PLUMBLINE_SEED");
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  }();
  return seed;
}

// One organisation with people and a message, for tests that leave it as it was.
struct World {
  World() : services(PLUMBLINE_BIN), alice(services.Enrolled("alice")), bob(services.Enrolled("bob")), backups(services.organisation) {
    CHECK(services.Run(alice, {"send", "bob", "hello"}).exit_code == 0);
  }
  ServiceFixture services;
  Person alice, bob;
  BackedUp backups;
};
World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

class EachService : public ::testing::TestWithParam<Service> {};
INSTANTIATE_TEST_SUITE_P(Backup, EachService, ::testing::Values(Service::kKeyserver, Service::kDelivery, Service::kAdmin),
                         [](const auto& each) { return std::string(ProgramOf(each.param)).substr(10); });

TEST_P(EachService, IsBackedUpWhileItServesAndReplacesNothing) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("serving");
  const CommandResult taken = world.backups.Take(GetParam(), out);
  ASSERT_EQ(taken.exit_code, 0) << taken.out << taken.err;
  EXPECT_EQ(Last(taken)["written"], out);
  EXPECT_EQ(fs::status(out).permissions(), fs::perms(0600));
  EXPECT_FALSE(fs::exists(world.backups.Elsewhere(absl::StrCat("plumbline-", Last(taken)["service"].get<std::string>(), ".partial"))));
  const CommandResult checked = world.backups.Check(GetParam(), out);
  ASSERT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_EQ(Last(checked)["whole"], true);
  EXPECT_EQ(Last(checked)["restored"], nullptr);
  EXPECT_EQ(Last(checked)["logs"], Last(taken)["logs"]);
  EXPECT_EQ(Reason(world.backups.Take(GetParam(), out)), "backup_exists");
  EXPECT_EQ(Reason(world.backups.Restore(GetParam(), out)), "already_initialised");
  // As the timer does it.
  const std::string folder = world.backups.Elsewhere("hourly");
  fs::create_directory(folder);
  const std::vector<std::string> hourly = {"backup", "--recipient", world.backups.Elsewhere("key.pub"), "--folder", folder, "--keep", "1"};
  const CommandResult first = world.backups.Tool(GetParam(), hourly);
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_EQ(world.backups.Check(GetParam(), Last(first)["written"].get<std::string>()).exit_code, 0);
  std::vector<std::string> both = hourly;
  both.insert(both.end(), {"--out", out});
  EXPECT_NE(world.backups.Tool(GetParam(), both).exit_code, 0);
  fs::remove_all(folder);
  EXPECT_TRUE(world.services.organisation.Running(GetParam()));
  const std::string exported = world.backups.Elsewhere("record");
  ASSERT_EQ(world.backups.Tool(GetParam(), ExportRecordTo(GetParam(), exported)).exit_code, 0);
  fs::remove(exported);
  fs::remove(out);
}

bool Contains(ByteView bytes, ByteView pattern) {
  return std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end()) != bytes.end();
}
// Live, free and journalled pages of a service's first database.
bool InDatabase(const assess::SearchedService& service, ByteView pattern) {
  const assess::DecryptedDatabase all = ValueOf(assess::DecryptDatabase(service.database, service.database_key.view()));
  return std::any_of(all.pages.begin(), all.pages.end(), [&](const auto& page) { return Contains(page.content, pattern); });
}

TEST_P(EachService, ShowsNothingInItsBackup) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("searched");
  ASSERT_EQ(world.backups.Take(GetParam(), out).exit_code, 0);
  const std::string backup = Text(out);
  const assess::SearchedService searched = ValueOf(world.services.organisation.Searched(GetParam()));
  // In the record of each service, and so a control that the same search finds.
  for (const char* plain : {"service.started", "backup.taken"}) {
    EXPECT_TRUE(InDatabase(searched, AsBytes(absl::string_view(plain))));
    EXPECT_FALSE(Contains(AsBytes(backup), AsBytes(absl::string_view(plain))));
  }
  const std::string keys = Text(world.backups.DataOf(GetParam()) + "/" + KeysFileOf(GetParam()));
  EXPECT_TRUE(Contains(AsBytes(keys), AsBytes(keys).subspan(8, 32)));
  EXPECT_FALSE(Contains(AsBytes(backup), AsBytes(keys).subspan(8, 32)));
  EXPECT_FALSE(Contains(AsBytes(backup), searched.database_key.view()));
  fs::remove(out);
}

TEST_P(EachService, RefusesWhatWasChangedCutOrIsOfAnotherOrForAnother) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("whole"), changed = world.backups.Elsewhere("changed");
  ASSERT_EQ(world.backups.Take(GetParam(), out).exit_code, 0);
  const std::string text = Text(out);
  for (const size_t at : {size_t{0}, size_t{60}, size_t{130}, size_t{200}, text.size() / 2, text.size() - 1}) {
    SCOPED_TRACE(at);
    std::string flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    ASSERT_OK(assess::WriteFile(changed, flipped));
    EXPECT_EQ(Reason(world.backups.Check(GetParam(), changed)), "backup_damaged");
    ASSERT_OK(assess::WriteFile(changed, text.substr(0, at)));
    EXPECT_EQ(Reason(world.backups.Check(GetParam(), changed)), "backup_damaged");
  }
  fs::remove(changed);
  const Service other = GetParam() == Service::kKeyserver ? Service::kAdmin : Service::kKeyserver;
  EXPECT_EQ(Reason(world.backups.Check(other, out)), "backup_wrong_service");
  const std::string target = world.backups.Elsewhere("foreign"), config = world.backups.ConfigWith(GetParam(), target);
  std::string foreign = Text(config);
  foreign.replace(foreign.find("example.org"), 11, "example.net");
  ASSERT_OK(assess::WriteFile(config, foreign));
  EXPECT_EQ(Reason(world.backups.Restore(GetParam(), out, {}, config)), "backup_wrong_organisation");
  EXPECT_FALSE(fs::exists(target + "/" + KeysFileOf(GetParam())));
  EnsureOk(backup::MakeKey(world.backups.Elsewhere("other"), Secret::CopyOf(AsBytes("the backup key's passphrase")), kCheap).status());
  EXPECT_EQ(Reason(world.backups.Tool(GetParam(), {"restore", "--check", "--from", out, "--key", world.backups.Elsewhere("other"),
                                                   "--key-passphrase-file", world.backups.Elsewhere("passphrase")})),
            "backup_key_wrong");
  // The service's passphrase is the time's when it was taken.
  EXPECT_EQ(Reason(world.backups.Restore(GetParam(), out, {"--check", "--passphrase-file", world.backups.Elsewhere("passphrase")})),
            "passphrase_wrong");
  for (const char* name : {"other", "other.pub", "whole"}) fs::remove(world.backups.Elsewhere(name));
  fs::remove(config);
  fs::remove_all(target);
}

// Which changes to fail at, of `changes`: all of them, or the last three, which give the names, and `few` that are drawn.
std::vector<int> Points(int changes, size_t few) {
  std::vector<int> points;
  for (int n = changes; n >= 1; --n) points.push_back(n);
  static std::mt19937 random(Seed());
  std::shuffle(points.begin() + 3, points.end(), random);
  if (!Long() && points.size() > 3 + few) points.resize(3 + few);
  return points;
}

Environment Faults(const std::string& name, const std::string& value) {
  return {{"LD_PRELOAD", std::string(PLUMBLINE_BIN) + "/plumbline-faults.so"}, {name, value}};
}
Environment FaultAt(const std::string& kind, int at) {
  Environment out = Faults("ASSESS_FAULT_AT", absl::StrCat(at));
  out["ASSESS_FAULT_KIND"] = kind;
  return out;
}
int ReadCount(const std::string& path) {
  int count = 0;
  std::ifstream(path) >> count;
  fs::remove(path);
  return count;
}

TEST_P(EachService, WhoseBackupIsKilledAtAnyChangeHasAWholeOneOrNone) {
  World& world = TheWorld();
  // The faults see what is written to a file of that name.
  const std::string out = world.backups.Elsewhere("killed.db"), count_file = world.backups.Elsewhere("count");
  world.services.organisation.Stop(GetParam());  // what a power cut takes back is then this process's alone
  ASSERT_EQ(world.backups.Take(GetParam(), out, Faults("ASSESS_FAULT_COUNT", count_file)).exit_code, 0);
  const int changes = ReadCount(count_file);
  fs::remove(out);
  ASSERT_GT(changes, 20);
  int deaths = 0, whole = 0;
  for (const char* kind : {"kill", "torn", "power"}) {
    for (const int n : Points(changes, 2)) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes, ", seed ", Seed()));
      deaths += world.backups.Take(GetParam(), out, FaultAt(kind, n)).exit_code == 137;
      if (fs::exists(out)) {
        ++whole;
        EXPECT_EQ(world.backups.Check(GetParam(), out).exit_code, 0);
        fs::remove(out);
      }
      ASSERT_EQ(world.backups.Tool(GetParam(), VerifyRecordOf(GetParam())).exit_code, 0);
    }
  }
  EXPECT_GT(deaths, 0);
  ASSERT_EQ(world.backups.Take(GetParam(), out).exit_code, 0);
  EXPECT_EQ(world.backups.Check(GetParam(), out).exit_code, 0);
  for (const auto& entry : fs::directory_iterator(world.backups.Elsewhere("."))) {
    EXPECT_FALSE(absl::EndsWith(entry.path().string(), ".partial")) << entry.path();  // what was left went with the next one
  }
  fs::remove(out);
  ASSERT_OK(world.services.organisation.Start(GetParam()));
  std::printf("%s: backup killed %d times, at changes of %d, seed %u; %d were whole by then, none was half\n", ProgramOf(GetParam()), deaths,
              changes, Seed(), whole);
}

TEST_P(EachService, WhoseRestoreIsKilledAtAnyChangeIsThereWholeOrNotAtAll) {
  World& world = TheWorld();
  const std::string from = world.backups.Elsewhere("backup"), target = world.backups.Elsewhere("target"),
                    count_file = world.backups.Elsewhere("count"), config = world.backups.ConfigWith(GetParam(), target);
  ASSERT_EQ(world.backups.Take(GetParam(), from).exit_code, 0);
  ASSERT_EQ(world.backups.Restore(GetParam(), from, {}, config, Faults("ASSESS_FAULT_COUNT", count_file)).exit_code, 0);
  const int changes = ReadCount(count_file);
  ASSERT_GT(changes, 10);
  int deaths = 0, whole = 0;
  for (const char* kind : {"kill", "torn", "power"}) {
    for (const int n : Points(changes, 2)) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes, ", seed ", Seed()));
      fs::remove_all(target);
      deaths += world.backups.Restore(GetParam(), from, {}, config, FaultAt(kind, n)).exit_code == 137;
      if (fs::exists(target + "/" + KeysFileOf(GetParam()))) {
        ++whole;
      } else {
        // No service, so nothing to mistake for one; and the next attempt needs no cleaning.
        EXPECT_EQ(Reason(world.backups.Tool(GetParam(), VerifyRecordOf(GetParam()), config)), "not_initialised");
        ASSERT_EQ(world.backups.Restore(GetParam(), from, {}, config).exit_code, 0);
      }
      ASSERT_EQ(world.backups.Tool(GetParam(), VerifyRecordOf(GetParam()), config).exit_code, 0);
      const std::string again = world.backups.Elsewhere("again");
      ASSERT_EQ(world.backups.Tool(GetParam(), {"backup", "--recipient", world.backups.Elsewhere("key.pub"), "--out", again}, config).exit_code, 0);
      fs::remove(again);
    }
  }
  EXPECT_GT(deaths, 0);
  std::printf("%s: restore killed %d times, at changes of %d, seed %u; it was whole %d times, and not there the others\n",
              ProgramOf(GetParam()), deaths, changes, Seed(), whole);
  fs::remove_all(target);
  fs::remove(from);
  fs::remove(config);
}

TEST_P(EachService, OnADiskThatRefusesSaysSoAndLeavesNothing) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("refused"), flag = world.backups.Elsewhere("flag");
  for (const char* error : {"ENOSPC", "EROFS", "EIO"}) {
    SCOPED_TRACE(error);
    std::ofstream(flag) << error;
    const CommandResult refused = world.backups.Take(GetParam(), out, Faults("ASSESS_FAULT_WHILE", flag));
    EXPECT_EQ(refused.exit_code, 1) << refused.out << refused.err;
    EXPECT_FALSE(fs::exists(out));
    fs::remove(flag);
  }
  ASSERT_EQ(world.backups.Take(GetParam(), out).exit_code, 0);
  // Real disks, of sizes that end in the middle of everything.
  const std::string small = world.backups.Elsewhere("small"), config = world.backups.ConfigWith(GetParam(), small + "/data");
  int full = 0;
  for (const int kib : {8, 64, 160, 320, 640, 1024}) {
    SCOPED_TRACE(kib);
    fs::create_directory(small);
    if (mount("tmpfs", small.c_str(), "tmpfs", 0, absl::StrCat("mode=0700,size=", kib, "k").c_str()) != 0) {
      fs::remove(small);
      GTEST_SKIP() << "THIS PROCESS MAY NOT MOUNT A SMALL FILE SYSTEM: ONLY THE PRELOADED FAULTS WERE TRIED";
    }
    const CommandResult taken = world.backups.Take(GetParam(), small + "/backup");
    EXPECT_EQ(taken.exit_code == 0, fs::exists(small + "/backup"));
    EXPECT_EQ(Reason(taken), taken.exit_code == 0 ? "" : "disk_full") << taken.out;
    full += taken.exit_code != 0;
    fs::remove(small + "/backup");
    EXPECT_TRUE(fs::is_empty(small));
    const CommandResult restored = world.backups.Restore(GetParam(), out, {}, config);
    EXPECT_EQ(restored.exit_code == 0, fs::exists(small + "/data/" + KeysFileOf(GetParam())));
    if (restored.exit_code != 0) {
      EXPECT_EQ(Reason(restored), "disk_full") << restored.out;
      EXPECT_FALSE(fs::exists(small + "/data/" + DatabasesOf(GetParam())[0]));
    }
    umount2(small.c_str(), MNT_DETACH);
    fs::remove(small);
  }
  EXPECT_GT(full, 1);
  EXPECT_TRUE(world.services.organisation.Running(GetParam()));
  fs::remove(out);
  fs::remove(config);
}

// What the real witness has cosigned last of the directory's log.
uint64_t Cosigned(const assess::Organisation& organisation) {
  const std::string state = Text(organisation.FolderOf(Service::kWitness) + "/data/witness.state");
  const size_t at = state.find("\n", state.find("\nnote ") + 1);
  const size_t size = state.find("\n", at + 1) + 1;
  return std::strtoull(state.c_str() + size, nullptr, 10);
}

CommandResult Replay(const ServiceFixture& services, const std::string& log, const std::string& state) {
  return ValueOf(assess::RunCommand({.program = services.organisation.Program("plumbline-auditor"),
                                     .arguments = {"replay", "--log", services.organisation.directory_log_key(), "--source", log, "--state", state},
                                     .environment = {}, .stdin_text = ""}));
}

TEST(BackupOfTheKeyServer, RestoredElsewhereContinuesBothLogsUnderTheSameWitness) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  const BackedUp backups(organisation);
  const std::string log = backups.Elsewhere("log"), audit = backups.Elsewhere("audit");
  ASSERT_OK(organisation.KeyserverTool({"export-log", "--out", log}));
  ASSERT_EQ(Replay(services, log, audit).exit_code, 0);
  const uint64_t before = Cosigned(organisation);
  const CommandResult taken = backups.Take(Service::kKeyserver, backups.Elsewhere("backup"));
  ASSERT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_EQ(Last(taken)["logs"][1]["size"], before);
  backups.Lose(Service::kKeyserver);
  // Another folder, as on another host.
  const std::string elsewhere = backups.Elsewhere("host"), config = backups.ConfigWith(Service::kKeyserver, elsewhere);
  const CommandResult restored = backups.Restore(Service::kKeyserver, backups.Elsewhere("backup"), {}, config);
  ASSERT_EQ(restored.exit_code, 0) << restored.out << restored.err;
  EXPECT_EQ(Last(restored)["witnesses"][0]["size"], before);
  EXPECT_EQ(Last(restored)["witnesses"][0]["saw_another_log"], false);
  EXPECT_FALSE(fs::exists(elsewhere + "/root.sealed"));
  fs::copy_file(config, organisation.ConfigOf(Service::kKeyserver), fs::copy_options::overwrite_existing);
  ASSERT_OK(organisation.Start(Service::kKeyserver));
  services.Enrolled("carol");
  EXPECT_EQ(services.Run(alice, {"send", "carol", "as before"}).exit_code, 0);
  EXPECT_EQ(services.Run(alice, {"send", "bob", "and to you"}).exit_code, 0);
  EXPECT_GT(Cosigned(organisation), before);  // it proved to the witness that it continues
  EXPECT_THAT(Text(organisation.LogOf(Service::kKeyserver)), Not(HasSubstr("witness_saw_another_log")));
  ASSERT_OK(organisation.KeyserverTool({"export-log", "--out", log}));
  const CommandResult replayed = Replay(services, log, audit);  // with what this auditor saw before
  EXPECT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
  ASSERT_OK(organisation.KeyserverTool({"verify-audit"}));
}

TEST(BackupOfTheKeyServer, ThatIsOldIsFoundOutByTheWitnessTheOperatorAndClients) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  const BackedUp backups(organisation);
  const std::string backup = backups.Elsewhere("backup");
  ASSERT_EQ(backups.Take(Service::kKeyserver, backup).exit_code, 0);
  const uint64_t before = Cosigned(organisation);
  services.Enrolled("carol");
  ASSERT_EQ(services.Run(alice, {"send", "carol", "hello"}).exit_code, 0);
  const uint64_t after = Cosigned(organisation);
  ASSERT_GT(after, before);
  backups.Lose(Service::kKeyserver);

  const CommandResult checked = backups.Check(Service::kKeyserver, backup);
  EXPECT_EQ(Last(checked)["witnesses"][0]["size"], after);
  EXPECT_EQ(Last(checked)["witnesses"][0]["saw_another_log"], true);
  const CommandResult refused = backups.Restore(Service::kKeyserver, backup);
  EXPECT_EQ(Reason(refused), "backup_behind");
  for (const uint64_t size : {before, after}) EXPECT_THAT(refused.err, HasSubstr(absl::StrCat(" ", size)));
  EXPECT_THAT(refused.err, HasSubstr("newer"));
  EXPECT_FALSE(fs::exists(backups.DataOf(Service::kKeyserver) + "/keys.sealed"));

  // Somebody restores it nevertheless.
  const CommandResult restored = backups.Restore(Service::kKeyserver, backup, {"--accept-behind"});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(Last(restored)["witnesses"][0]["saw_another_log"], true);
  ASSERT_OK(organisation.Start(Service::kKeyserver));
  const CommandResult told = services.Run(alice, {"send", "bob", "is it you?", "--wait", "0"});
  EXPECT_NE(told.exit_code, 0);
  EXPECT_THAT(told.out + told.err, HasSubstr("directory_behind"));
  EXPECT_TRUE(assess::PollUntil([&] { return absl::StrContains(Text(organisation.LogOf(Service::kKeyserver)), "directory.witness_saw_another_log"); },
                                absl::Seconds(60)));
  EXPECT_EQ(Cosigned(organisation), after);
  // Whatever it goes on with, the witness refuses.
  EXPECT_NE(ValueOf(organisation.Administer({"account", "invite", "bob", "--reason", "a test"})).out.find("invitation"), std::string::npos);
  EXPECT_EQ(Cosigned(organisation), after);

  // The one that was lost is found, and everybody goes on.
  ASSERT_EQ(organisation.Stop(Service::kKeyserver), 0);
  fs::remove_all(backups.DataOf(Service::kKeyserver));
  fs::rename(backups.DataOf(Service::kKeyserver) + ".lost", backups.DataOf(Service::kKeyserver));
  ASSERT_OK(organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(assess::PollUntil([&] { return services.Run(alice, {"send", "bob", "good"}).exit_code == 0; }, absl::Seconds(60)));
}

// The record of each service after it came back from a backup that is older than what it did.
TEST_P(EachService, WhoseOldBackupIsRestoredHasARecordThatNamesTheLoss) {
  World& world = TheWorld();
  const std::string from = world.backups.Elsewhere("old"), target = world.backups.Elsewhere("target"), record = world.backups.Elsewhere("record"),
                    later = world.backups.Elsewhere("later"), config = world.backups.ConfigWith(GetParam(), target);
  const CommandResult taken = world.backups.Take(GetParam(), from);
  ASSERT_EQ(taken.exit_code, 0);
  const uint64_t size = Last(taken)["logs"][0]["size"];
  // What it does afterwards: another backup, which is recorded.
  ASSERT_EQ(world.backups.Take(GetParam(), later).exit_code, 0);
  fs::remove(later);
  const CommandResult exported = world.backups.Tool(GetParam(), ExportRecordTo(GetParam(), later));
  ASSERT_EQ(exported.exit_code, 0);
  const std::string key = Last(exported)["audit_key"];
  ASSERT_EQ(world.backups.Restore(GetParam(), from, {}, config).exit_code, 0);
  ASSERT_EQ(world.backups.Tool(GetParam(), ExportRecordTo(GetParam(), record), config).exit_code, 0);
  const auto verify = [&](const std::string& file, const std::string& against) {
    return ValueOf(world.services.organisation.Administer({"audit", "verify", "--file", file, "--key", key, "--against", against}));
  };
  const CommandResult found = verify(record, later);
  EXPECT_EQ(Reason(found), "audit_rewritten");
  EXPECT_THAT(found.out, HasSubstr(absl::StrCat("record ", size + 1, " and what follows")));
  EXPECT_THAT(found.out, HasSubstr("the first of them backup.taken"));
  EXPECT_EQ(verify(later, later).exit_code, 0);
  for (const std::string& path : {from, record, later, config}) fs::remove(path);
  fs::remove_all(target);
}

// Killed without warning while the service writes beside it, over and over; the service notices nothing.
TEST(BackupOfTheDeliveryServer, KilledBesideTheServingOneLeavesItAsItIs) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("beside"), count_file = world.backups.Elsewhere("count");
  ASSERT_EQ(world.backups.Take(Service::kDelivery, out, Faults("ASSESS_FAULT_COUNT", count_file)).exit_code, 0);
  fs::remove(out);
  std::vector<std::string> sent;
  for (const int n : Points(ReadCount(count_file), 3)) {
    SCOPED_TRACE(absl::StrCat("at change ", n, ", seed ", Seed()));
    world.backups.Take(Service::kDelivery, out, FaultAt("kill", n));
    fs::remove(out);
    sent.push_back(absl::StrCat("after ", n));
    EXPECT_EQ(world.services.Run(world.alice, {"send", "bob", sent.back()}).exit_code, 0);
  }
  EXPECT_TRUE(world.services.organisation.Running(Service::kDelivery));
  std::vector<std::string> read = Texts(world.services.Run(world.bob, {"read"}));
  if (!read.empty() && read.front() == "hello") read.erase(read.begin());
  EXPECT_EQ(read, sent);
}

TEST(BackupOfTheDeliveryServer, RestoredElsewhereHasWhatWaitedAndItsFiles) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  const BackedUp backups(organisation);
  const std::string file = backups.Elsewhere("plan.txt"), content(100'000, 'x');
  ASSERT_OK(assess::WriteFile(file, content));
  ASSERT_EQ(services.Run(alice, {"send", "bob", "it waits"}).exit_code, 0);
  ASSERT_EQ(services.Run(alice, {"send-file", "bob", file}).exit_code, 0);
  ASSERT_EQ(backups.Take(Service::kDelivery, backups.Elsewhere("backup")).exit_code, 0);
  backups.Lose(Service::kDelivery);
  const std::string config = backups.ConfigWith(Service::kDelivery, backups.Elsewhere("host"));
  const CommandResult restored = backups.Restore(Service::kDelivery, backups.Elsewhere("backup"), {}, config);
  ASSERT_EQ(restored.exit_code, 0) << restored.out << restored.err;
  fs::copy_file(config, organisation.ConfigOf(Service::kDelivery), fs::copy_options::overwrite_existing);
  ASSERT_OK(organisation.Start(Service::kDelivery));
  const CommandResult read = services.Run(bob, {"read"});
  EXPECT_THAT(Texts(read), ::testing::Contains("it waits"));
  const CommandResult files = services.Run(bob, {"files"});
  const std::string id = std::to_string(Last(files)["files"][0]["id"].get<int>());
  const CommandResult saved = services.Run(bob, {"save", id, backups.Elsewhere("saved.txt")});
  ASSERT_EQ(saved.exit_code, 0) << files.out << saved.out << saved.err;
  EXPECT_EQ(Text(backups.Elsewhere("saved.txt")), content);
  EXPECT_EQ(services.Run(bob, {"send", "alice", "thank you"}).exit_code, 0);
  EXPECT_THAT(Texts(services.Run(alice, {"read"})), ::testing::Contains("thank you"));
}

TEST(BackupOfTheAdminService, RestoredElsewhereServesTheSameAdministrator) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const BackedUp backups(organisation);
  ASSERT_EQ(backups.Take(Service::kAdmin, backups.Elsewhere("backup")).exit_code, 0);
  backups.Lose(Service::kAdmin);
  const std::string config = backups.ConfigWith(Service::kAdmin, backups.Elsewhere("host"));
  const CommandResult restored = backups.Restore(Service::kAdmin, backups.Elsewhere("backup"), {}, config);
  ASSERT_EQ(restored.exit_code, 0) << restored.out << restored.err;
  fs::copy_file(config, organisation.ConfigOf(Service::kAdmin), fs::copy_options::overwrite_existing);
  ASSERT_OK(organisation.Start(Service::kAdmin));
  services.Enrolled("alice");
  EXPECT_EQ(backups.Tool(Service::kAdmin, {"record", "verify"}).exit_code, 0);
}

TEST(BackupOfTheKeyServer, SaysSoWhereNoWitnessCanBeAsked) {
  World& world = TheWorld();
  const std::string out = world.backups.Elsewhere("alone"), target = world.backups.Elsewhere("host"),
                    config = world.backups.ConfigWith(Service::kKeyserver, target);
  ASSERT_EQ(world.backups.Take(Service::kKeyserver, out).exit_code, 0);
  ASSERT_EQ(world.services.organisation.Stop(Service::kWitness), 0);
  const CommandResult restored = world.backups.Restore(Service::kKeyserver, out, {}, config);
  ASSERT_OK(world.services.organisation.Start(Service::kWitness));
  EXPECT_EQ(restored.exit_code, 0);
  EXPECT_EQ(Last(restored)["witnesses"][0]["size"], nullptr);
  fs::remove_all(target);
  fs::remove(out);
  fs::remove(config);
}

}  // namespace
}  // namespace plumbline::testing
