// Key server, admin service and client on storage that fails, driven by their own programs: each is killed at changes of its
// database (in whole, torn, or with what was not synced taken back), started again, and held to what it had said.
//
// PLUMBLINE_SURVIVAL=long tries every change; otherwise a few, drawn by PLUMBLINE_SEED, which is printed.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "assess/demo/people.h"
#include "common/bytes.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

using assess::CommandResult;
using assess::Person;
using assess::Service;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using Environment = std::map<std::string, std::string>;

constexpr const char* kKinds[] = {"kill", "torn", "power"};

bool Long() { return absl::string_view(std::getenv("PLUMBLINE_SURVIVAL") == nullptr ? "" : std::getenv("PLUMBLINE_SURVIVAL")) == "long"; }

unsigned Seed() {
  static const unsigned seed = [] {
    const char* given = std::getenv("PLUMBLINE_SEED");
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  }();
  return seed;
}

std::string Faults() { return std::string(PLUMBLINE_BIN) + "/plumbline-faults.so"; }

Environment FaultAt(const std::string& kind, int at) {
  return {{"LD_PRELOAD", Faults()}, {"ASSESS_FAULT_KIND", kind}, {"ASSESS_FAULT_AT", absl::StrCat(at)}};
}

// Which changes to fail at, of `changes`: all of them, or `few` of those that are sure to come again (the number differs a little
// from run to run).
std::vector<int> Points(int changes, size_t few) {
  std::vector<int> points;
  for (int n = 1; n <= (Long() ? changes : changes * 3 / 4); ++n) points.push_back(n);
  if (Long() || points.size() <= few) return points;
  static std::mt19937 random(Seed());
  std::shuffle(points.begin(), points.end(), random);
  points.resize(few);
  return points;
}

// One organisation with a first person for all tests.
struct World {
  World() : services(PLUMBLINE_BIN), alice(services.Enrolled("alice")) {}
  assess::Organisation& organisation() { return services.organisation; }
  // Unlike the others, or they would be told apart in notices.
  std::string NewName() { return absl::StrCat("p", ToHex(Sha256(AsBytes(absl::StrCat(++people)))).substr(0, 12)); }
  CommandResult As(const Person& person, const std::vector<std::string>& arguments) { return services.Run(person, arguments); }

  // A client's command on storage that fails.
  CommandResult OnFaults(const Person& person, std::vector<std::string> arguments, const Environment& faults) {
    arguments.insert(arguments.begin(), {"--home", person.home, "--passphrase-file", person.passphrase_file, "--json"});
    return ValueOf(assess::RunCommand({.program = organisation().Program("plumbline"), .arguments = arguments,
                                       .environment = faults, .stdin_text = ""}, absl::Seconds(60)));
  }

  ServiceFixture services;
  Person alice;
  int greeted = 0;  // people whom this alice wrote to first
  int people = 0;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

int ReadCount(const std::string& path) {
  int count = 0;
  std::ifstream(path) >> count;
  return count;
}

// A device gets 200 grants a day, one for each device that it writes to.
constexpr int kMostGreeted = 100;

// Somebody joins and is written to: what each step said when it was done, and what it said that was not true afterwards.
class Joining {
 public:
  explicit Joining(World& world) : world_(world), account_(world.NewName()) { ++world.greeted; }

  // Goes as far as it gets; goes on from there when called again.
  void GoOn() {
    if (!person_.has_value()) person_ = ValueOf(world_.organisation().NewPerson(account_, account_ + " Example"));
    if (!created_) {
      const absl::Status status = world_.organisation().CreateAccount(*person_);
      created_ = status.ok() || Exists();
      if (!created_) return;
    }
    if (!enrolled_) {
      if (!invitation_.has_value()) {
        const absl::StatusOr<std::string> text = world_.organisation().Invite(*person_);
        if (!text.ok()) return;
        invitation_ = *text;
      }
      const CommandResult result = world_.services.Enrol(*person_, *invitation_);
      enrolled_ = result.exit_code == 0;
      // What the first attempt did not come to, any later command does.
      if (Reason(result) == "already_enrolled") enrolled_ = world_.As(*person_, {"sync"}).exit_code == 0;
    }
    if (!enrolled_) return;
    // What is written down goes out by itself.
    const std::vector<std::string> written = Texts(world_.As(world_.alice, {"history", account_}));
    if (written.empty()) world_.As(world_.alice, {"send", account_, "welcome", "--wait", "0"});
  }

  // With all services up again: nothing that was said to be done is undone.
  void Check() {
    SCOPED_TRACE(account_);
    EXPECT_TRUE(!created_ || Exists()) << "an acknowledged account is gone";
    const bool was_enrolled = enrolled_;
    GoOn();
    EXPECT_TRUE(enrolled_) << "an invitation that was given out cannot be used";
    EXPECT_TRUE(!was_enrolled || world_.As(*person_, {"sync"}).exit_code == 0) << "an enrolled device is not known any more";
    const CommandResult synchronised = world_.As(world_.alice, {"sync"});
    EXPECT_EQ(synchronised.exit_code, 0) << synchronised.out;
    const CommandResult read = world_.As(*person_, {"read"});
    EXPECT_EQ(read.exit_code, 0) << read.out << read.err;
    EXPECT_THAT(Texts(read), ElementsAreArray({"welcome"}));
    EXPECT_THAT(Texts(read, "notice"), IsEmpty());  // a key package that was given out twice would show here
    EXPECT_THAT(Texts(read, "gap"), IsEmpty());
  }

 private:
  bool Exists() { return ValueOf(world_.organisation().Administer({"account", "show", account_})).exit_code == 0; }

  World& world_;
  const std::string account_;
  std::optional<Person> person_;
  bool created_ = false;
  std::optional<std::string> invitation_;
  bool enrolled_ = false;
};

void ServiceSurvives(Service service, const std::string& kind, size_t few) {
  World& world = TheWorld();
  assess::Organisation& organisation = world.organisation();
  const std::string count_file = organisation.FolderOf(service) + "/data/changes";  // where it may write
  organisation.Kill(service);
  ASSERT_OK(organisation.Start(service, {{"LD_PRELOAD", Faults()}, {"ASSESS_FAULT_COUNT", count_file}}));
  Joining counted(world);
  counted.GoOn();
  const int changes = ReadCount(count_file);
  counted.Check();
  ASSERT_GT(changes, 20);
  int deaths = 0, on_start = 0;
  for (const int n : Points(changes, few)) {
    SCOPED_TRACE(absl::StrCat(kind, " at change ", n, ", seed ", Seed()));
    if (world.greeted >= kMostGreeted) {
      world.alice = world.services.Enrolled(world.NewName());
      world.greeted = 0;
    }
    organisation.Kill(service);
    on_start += !organisation.Start(service, FaultAt(kind, n)).ok();
    Joining joining(world);
    joining.GoOn();
    deaths += !organisation.Running(service);
    organisation.Kill(service);
    ASSERT_OK(organisation.Start(service));
    joining.Check();
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%s, %s: killed at %d of %d changes, %d of them on start, seed %u; nothing acknowledged was lost or doubled\n",
              std::string(assess::Title(service)).c_str(), kind.c_str(), deaths, changes, on_start, Seed());
  EXPECT_GT(deaths, 0);
}

void KeyServerSurvives(const std::string& kind) {
  ServiceSurvives(Service::kKeyserver, kind, 2);
  const CommandResult verified = ValueOf(TheWorld().organisation().KeyserverTool({"verify-audit"}));
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(StorageFault, TheKeyServerKilledAtAChangeKeepsWhatItSaid) { KeyServerSurvives("kill"); }
TEST(StorageFault, TheKeyServerKilledInTheMiddleOfAWriteKeepsWhatItSaid) { KeyServerSurvives("torn"); }
TEST(StorageFault, TheKeyServerKilledWithoutItsUnsyncedWritesKeepsWhatItSaid) { KeyServerSurvives("power"); }

TEST(StorageFault, TheAdminServiceKilledAtAChangeKeepsWhatItSaid) { ServiceSurvives(Service::kAdmin, "kill", 1); }
TEST(StorageFault, TheAdminServiceKilledInTheMiddleOfAWriteKeepsWhatItSaid) { ServiceSurvives(Service::kAdmin, "torn", 1); }
TEST(StorageFault, TheAdminServiceKilledWithoutItsUnsyncedWritesKeepsWhatItSaid) {
  ServiceSurvives(Service::kAdmin, "power", 1);
}

// While the disk of a service refuses, nothing is done and it is said why; afterwards it goes on by itself.
void ServiceRefuses(Service service, const std::string& error, const std::vector<std::string>& reasons) {
  World& world = TheWorld();
  assess::Organisation& organisation = world.organisation();
  const std::string flag = organisation.folder() + "/fault";
  organisation.Kill(service);
  ASSERT_OK(organisation.Start(service, {{"LD_PRELOAD", Faults()}, {"ASSESS_FAULT_WHILE", flag}}));
  const std::string account = world.NewName();
  const std::vector<std::string> create = {"account",        "create",            account,
                                           "--name",         "Somebody Example",  "--proofing-level",
                                           "seen in person", "--proofing-reference", "file 1",
                                           "--reason",       "joins"};
  // The port answers a moment before the start is in the service's own record.
  ASSERT_OK(organisation.CreateAccount(ValueOf(organisation.NewPerson(world.NewName(), "Earlier Example"))));
  std::ofstream(flag) << error;
  const CommandResult refused = ValueOf(organisation.Administer(create));
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(reasons, ::testing::Contains(Reason(refused))) << refused.out << refused.err;
  std::filesystem::remove(flag);
  EXPECT_NE(ValueOf(organisation.Administer({"account", "show", account})).exit_code, 0);
  const CommandResult created = ValueOf(organisation.Administer(create));
  EXPECT_EQ(created.exit_code, 0) << created.out << created.err;
  EXPECT_TRUE(organisation.Running(service));
  organisation.Kill(service);
  ASSERT_OK(organisation.Start(service));
  EXPECT_EQ(ValueOf(organisation.Administer({"account", "show", account})).exit_code, 0);
}

TEST(StorageFault, TheKeyServerNamesADiskThatRefuses) {
  ServiceRefuses(Service::kKeyserver, "ENOSPC", {"storage_full"});
  ServiceRefuses(Service::kKeyserver, "EROFS", {"storage_unavailable"});
  ServiceRefuses(Service::kKeyserver, "EIO", {"storage_unavailable"});
}

TEST(StorageFault, TheAdminServiceNamesADiskThatRefuses) {
  for (const char* error : {"ENOSPC", "EROFS", "EIO"}) ServiceRefuses(Service::kAdmin, error, {"audit_unavailable"});
}

TEST(StorageFault, TheClientKilledAtAChangeSendsAndShowsEverythingOnce) {
  World& world = TheWorld();
  Person bob = world.services.Enrolled(world.NewName());
  ASSERT_EQ(world.As(world.alice, {"send", bob.account, "start"}).exit_code, 0);
  ASSERT_EQ(world.As(bob, {"read"}).exit_code, 0);
  std::vector<std::string> acknowledged = {"start"};
  const std::string count_file = world.organisation().folder() + "/changes";
  const Environment count = {{"LD_PRELOAD", Faults()}, {"ASSESS_FAULT_COUNT", count_file}};
  ASSERT_EQ(world.OnFaults(world.alice, {"send", bob.account, "counted"}, count).exit_code, 0);
  acknowledged.push_back("counted");
  const int sending = ReadCount(count_file);
  std::filesystem::remove(count_file);
  ASSERT_EQ(world.OnFaults(bob, {"read"}, count).exit_code, 0);
  const int reading = ReadCount(count_file);
  ASSERT_GT(sending, 8);
  ASSERT_GT(reading, 4);
  int deaths = 0, number = 0;
  for (const std::string kind : kKinds) {
    for (const int n : Points(sending, 5)) {
      const std::string text = absl::StrCat(kind, " ", ++number);
      const CommandResult sent = world.OnFaults(world.alice, {"send", bob.account, text}, FaultAt(kind, n));
      if (sent.exit_code == 0) acknowledged.push_back(text);
      deaths += sent.exit_code == 137;
    }
    for (const int n : Points(reading, 4)) deaths += world.OnFaults(bob, {"read"}, FaultAt(kind, n)).exit_code == 137;
  }
  ASSERT_EQ(world.As(world.alice, {"sync"}).exit_code, 0);
  ASSERT_EQ(world.As(bob, {"sync"}).exit_code, 0);
  std::vector<std::string> written;
  for (const std::string& text : Texts(world.As(world.alice, {"history", bob.account, "--limit", "100000"}))) written.push_back(text);
  const CommandResult shown = world.As(bob, {"history", world.alice.account, "--limit", "100000"});
  EXPECT_THAT(Texts(shown), ElementsAreArray(written)) << "seed " << Seed();
  EXPECT_THAT(written, ::testing::IsSupersetOf(acknowledged));
  EXPECT_THAT(Texts(shown, "gap"), IsEmpty());
  EXPECT_THAT(Texts(shown, "notice"), IsEmpty());
  std::printf("client: killed %d times, at changes of 3 x %d while sending and 3 x %d while reading, seed %u; %zu texts written, "
              "%zu shown, once each and in order\n", deaths, sending, reading, Seed(), written.size(), Texts(shown).size());
  EXPECT_GT(deaths, 0);
}

TEST(StorageFault, TheClientNamesADiskThatRefusesAndLosesNothing) {
  World& world = TheWorld();
  Person bob = world.services.Enrolled(world.NewName());
  ASSERT_EQ(world.As(world.alice, {"send", bob.account, "one"}).exit_code, 0);
  const std::string flag = world.organisation().folder() + "/fault";
  const Environment faults = {{"LD_PRELOAD", Faults()}, {"ASSESS_FAULT_WHILE", flag}};
  for (const char* error : {"ENOSPC", "EROFS", "EIO"}) {
    SCOPED_TRACE(error);
    std::ofstream(flag) << error;
    for (const CommandResult& result : {world.OnFaults(bob, {"read"}, faults),
                                        world.OnFaults(bob, {"send", world.alice.account, "not written"}, faults)}) {
      EXPECT_NE(result.exit_code, 0);
      EXPECT_LT(result.exit_code, 128);
      EXPECT_THAT((std::vector<std::string>{"disk_full", "store_unavailable", "store_unusable"}), ::testing::Contains(Reason(result)))
          << result.out << result.err;
    }
    std::filesystem::remove(flag);
  }
  EXPECT_THAT(Texts(world.As(bob, {"read"})), ElementsAreArray({"one"}));
  ASSERT_EQ(world.As(bob, {"send", world.alice.account, "two"}).exit_code, 0);
  EXPECT_THAT(Texts(world.As(world.alice, {"read"})), ElementsAreArray({"two"}));
}

void FlipByte(const std::string& path, size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

// Half a directory or half a record would be believed: these two say what is damaged and do not start.
TEST(StorageFault, TheKeyServerAndTheAdminServiceNameADamagedPageAndDoNotServeIt) {
  World& world = TheWorld();
  assess::Organisation& organisation = world.organisation();
  for (const auto& [service, file] : {std::pair(Service::kKeyserver, "keyserver.db"), std::pair(Service::kAdmin, "admin.db")}) {
    const std::string path = organisation.FolderOf(service) + "/data/" + file;
    organisation.Stop(service);
    ASSERT_TRUE(std::filesystem::exists(path)) << path;
    const size_t at = std::filesystem::file_size(path) / 4096 / 2 * 4096 + 500;
    FlipByte(path, at);
    const absl::Status started = organisation.Start(service);
    EXPECT_FALSE(started.ok());
    for (const std::string& said : {std::string("store_damaged"), path, std::string("backup")}) {
      EXPECT_THAT(std::string(started.message()), ::testing::HasSubstr(said));
    }
    EXPECT_FALSE(organisation.Running(service));
    for (const int port : organisation.ListenersOf(service)) EXPECT_FALSE(assess::PortAnswers(port));
    FlipByte(path, at);  // the backup
    ASSERT_OK(organisation.Start(service));
  }
  EXPECT_EQ(ValueOf(organisation.Administer({"account", "list"})).exit_code, 0);
}

// Every page of a client's store in turn: a command works or names the damage, and never shows something else.
TEST(StorageFault, TheClientNamesADamagedPage) {
  World& world = TheWorld();
  Person bob = world.services.Enrolled(world.NewName());
  for (int i = 0; i < 5; ++i) ASSERT_EQ(world.As(world.alice, {"send", bob.account, absl::StrCat("text ", i)}).exit_code, 0);
  const std::vector<std::string> texts = Texts(world.As(bob, {"read"}));
  ASSERT_EQ(texts.size(), 5u);
  const std::string path = bob.home + "/store.db";
  ASSERT_TRUE(std::filesystem::exists(path)) << path;
  const size_t pages = std::filesystem::file_size(path) / 4096;
  int named = 0, worked = 0;
  for (size_t page = 0; page < pages; page += Long() ? 1 : 1 + pages / 12) {
    SCOPED_TRACE(page);
    FlipByte(path, page * 4096 + 700);
    const CommandResult history = world.As(bob, {"history", "--limit", "100"});
    EXPECT_LT(history.exit_code, 128);
    if (history.exit_code == 0) {
      EXPECT_THAT(Texts(history), ElementsAreArray(texts));
      ++worked;
    } else {
      EXPECT_THAT((std::vector<std::string>{"store_damaged", "passphrase_wrong", "store_key_mismatch", "store_key_wrong"}),
                  ::testing::Contains(Reason(history))) << history.out;
      ++named;
    }
    FlipByte(path, page * 4096 + 700);
  }
  std::printf("client, %d damaged pages: %d named, %d not needed for what was asked\n", named + worked, named, worked);
  EXPECT_GT(named, 0);
}

}  // namespace
}  // namespace plumbline::testing
