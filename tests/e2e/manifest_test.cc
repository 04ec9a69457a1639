// The manifest of a running installation: told under the services' signatures, agreed to by people, and true of the processes.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline {
namespace {

namespace fs = std::filesystem;
using assess::Service;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Shared by the tests of this program: none of them leaves it otherwise than it was, but for one more person.
testing::ServiceFixture& Fixture() {
  static testing::ServiceFixture fixture(PLUMBLINE_BIN);
  return fixture;
}
assess::Organisation& Organisation() { return Fixture().organisation; }

const assess::Person& Alice() {
  static const assess::Person alice = Fixture().Enrolled("alice");
  return alice;
}

json Notice(const std::vector<std::string>& options = {}) {
  std::vector<std::string> arguments = {"notice"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const assess::CommandResult result = Fixture().Run(Alice(), arguments);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return json::parse(result.out.substr(0, result.out.find('\n')), nullptr, false);
}

std::string ReasonOf(const assess::CommandResult& result) {
  const json value = json::parse(result.out.substr(0, result.out.find('\n')), nullptr, false);
  return value.is_object() && value.contains("error") ? value["error"].value("reason", "") : "";
}

// What both servers sign, one JSON value each.
std::vector<json> Told() {
  const assess::CommandResult result = Fixture().Run(Alice(), {"notice", "--manifest"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  std::vector<json> out;
  for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) out.push_back(json::parse(std::string(line)));
  return out;
}

TEST(Manifest, BothServersTellTheirsAndItIsTheClients) {
  const std::vector<json> told = Told();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0]["service"], "plumbline://example.org/service/keyserver");
  EXPECT_EQ(told[1]["service"], "plumbline://example.org/service/delivery");
  for (const json& each : told) EXPECT_THAT(each["differences"], IsEmpty());
  EXPECT_EQ(told[1]["settings"]["ServerConfig.retention.envelope_days"], "30 days");
  EXPECT_EQ(told[0]["settings"]["KeyserverConfig.limits.token_epoch"], "1 hour");
}

TEST(Manifest, NobodyIsEnrolledWhoHasNotAgreed) {
  const assess::Person bob = Fixture().NewPerson("bob");
  const std::string invitation = testing::ValueOf(Organisation().Invite(bob));
  const assess::CommandResult refused = Fixture().Run(bob, {"enrol", "--quick-unlock", "--label", "laptop"}, invitation);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_EQ(ReasonOf(refused), "notice_not_accepted") << refused.out;
  const assess::CommandResult account = testing::ValueOf(Organisation().Administer({"account", "show", "bob", "--json"}));
  EXPECT_THAT(account.out, HasSubstr("invited")) << "the invitation was spent before the person agreed";
  EXPECT_EQ(Fixture().Enrol(bob, invitation).exit_code, 0);
}

// The configuration with this text at its end, and the delivery server started anew with it.
void RestartDelivery(const std::string& config) {
  Organisation().Stop(Service::kDelivery);
  std::ofstream(Organisation().ConfigOf(Service::kDelivery), std::ios::trunc) << config;
  testing::EnsureOk(Organisation().Start(Service::kDelivery));
}

// The delivery server's audit record, as text.
std::string DeliveryRecord() {
  const testing::ScratchDir scratch;
  const assess::CommandResult result = testing::ValueOf(assess::RunCommand(
      {.program = Organisation().Program("plumbline-server"),
       .arguments = {"audit", "export", "--config", Organisation().ConfigOf(Service::kDelivery), "--out", scratch / "record"},
       .environment = {},
       .stdin_text = ""}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::string text;
  for (const absl::string_view line : absl::StrSplit(testing::ValueOf(assess::ReadFile(scratch / "record")), '\n', absl::SkipEmpty())) {
    std::string bytes;
    if (absl::Base64Unescape(json::parse(std::string(line)).value("record", ""), &bytes)) text += bytes;
  }
  return text;
}

TEST(Manifest, AnotherRetentionIsSaidAndAgreedToAnew) {
  const assess::Person carol = Fixture().Enrolled("carol");
  const json before = Notice();
  EXPECT_EQ(before["accepted"], true);
  EXPECT_THAT(before["changes"], IsEmpty());
  ASSERT_EQ(Fixture().Run(Alice(), {"send", "carol", "before"}).exit_code, 0);
  const std::string config = testing::ValueOf(assess::ReadFile(Organisation().ConfigOf(Service::kDelivery)));
  ASSERT_THAT(config, ::testing::Not(HasSubstr("retention:")));
  const json digest = Told()[1]["digest"];

  RestartDelivery(config + "\nretention:\n  envelope_days: 60\n");
  const json after = Notice();
  EXPECT_NE(after["version"], before["version"]);
  EXPECT_EQ(after["accepted"], false);
  EXPECT_EQ(after["accepted_version"], before["version"]);
  EXPECT_THAT(after["changes"].get<std::vector<std::string>>(),
              Contains(AllOf(HasSubstr("Kept otherwise: a message"), HasSubstr("until now until your device has it, at most 30 days"), HasSubstr("at most 60 days"))));
  EXPECT_NE(Told()[1]["digest"], digest);

  // Nothing new leaves the device, and what came is read.
  EXPECT_EQ(ReasonOf(Fixture().Run(Alice(), {"send", "carol", "not agreed"})), "notice_not_accepted");
  EXPECT_EQ(Fixture().Run(Alice(), {"read"}).exit_code, 0);
  EXPECT_EQ(Fixture().Run(Alice(), {"history"}).exit_code, 0);
  EXPECT_EQ(Notice({"--accept"})["accepted_version"], after["version"]);
  EXPECT_EQ(Fixture().Run(Alice(), {"send", "carol", "agreed"}).exit_code, 0);
  EXPECT_EQ(Notice()["accepted"], true);

  const std::string record = DeliveryRecord();
  EXPECT_THAT(record, HasSubstr(digest.get<std::string>()));
  EXPECT_THAT(record, HasSubstr(Told()[1]["digest"].get<std::string>()));
  RestartDelivery(config);
  EXPECT_EQ(Notice()["version"], before["version"]);
  Notice({"--accept"});
}

// ---- what runs is what is declared ----

std::string Link(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? "" : target.string();
}

std::set<std::string> OpenFiles(pid_t pid) {
  std::set<std::string> out;
  for (const auto& each : fs::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) out.insert(Link(each.path()));
  return out;
}

// TCP ports on which a process listens.
std::set<int> ListeningPorts(pid_t pid) {
  const std::set<std::string> open = OpenFiles(pid);
  std::set<int> ports;
  for (const char* table : {"tcp", "tcp6"}) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/net/", table));
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      if (state == "0A" && open.contains("socket:[" + inode + "]")) ports.insert(std::stoi(local.substr(local.rfind(':') + 1), nullptr, 16));
    }
  }
  return ports;
}

json ProcessOf(const std::string& name) {
  for (const json& process : Told()[0]["manifest"]["process"]) {
    if (process["name"] == name) return process;
  }
  return {};
}

// The value of a line "setting: value" of a configuration; "" if it has none.
std::string SettingIn(const std::string& config, const std::string& setting) {
  for (const absl::string_view line : absl::StrSplit(config, '\n')) {
    const absl::string_view value = absl::StripPrefix(line, setting + ":");
    if (value.size() == line.size()) continue;
    return std::string(absl::StripSuffix(absl::StripPrefix(absl::StripAsciiWhitespace(value), "\""), "\""));
  }
  return "";
}

struct Running {
  Service service;
  const char* name;
};
constexpr Running kRunning[] = {{Service::kKeyserver, "plumbline-keyserver"},
                                {Service::kDelivery, "plumbline-server"},
                                {Service::kAdmin, "plumbline-admin"},
                                {Service::kWitness, "plumbline-witness"}};

TEST(Processes, ListenWhereTheyAreDeclaredToAndNowhereElse) {
  for (const auto& [service, name] : kRunning) {
    const json process = ProcessOf(name);
    const std::string config = testing::ValueOf(assess::ReadFile(Organisation().ConfigOf(service)));
    std::set<int> declared;
    for (const json& listener : process["listener"]) {
      const std::string address = SettingIn(config, listener["setting"]);
      if (address.empty()) {
        EXPECT_TRUE(listener.value("optional", false)) << name << " " << listener["setting"];
        continue;
      }
      declared.insert(std::stoi(address.substr(address.rfind(':') + 1)));
    }
    EXPECT_FALSE(declared.empty()) << name;
    EXPECT_EQ(ListeningPorts(Organisation().pid(service)), declared) << name;
  }
}

// "tls.kept" of "${...}" and "audit/*" as a regular expression.
std::regex PatternOf(const std::string& path) {
  return std::regex(absl::StrReplaceAll(path, {{".", "\\."}, {"*", ".*"}, {"$", "\\$"}, {"{", "\\{"}, {"}", "\\}"}, {"/*", "/.*"}}));
}

// Of a file in a data folder: is it declared?
bool IsDeclared(const json& process, std::string path) {
  for (const char* suffix : {"-wal", "-shm", ".lock"}) path = std::string(absl::StripSuffix(path, suffix));
  for (const json& database : process.value("database", json::array())) {
    if (database["file"] == path) return true;
  }
  for (const json& file : process.value("file", json::array())) {
    if (std::regex_match(path, PatternOf(file["path"]))) return true;
  }
  return false;
}

TEST(Processes, KeepTheFilesTheyAreDeclaredToAndNoOther) {
  Alice();  // so that there is something
  for (const auto& [service, name] : kRunning) {
    const json process = ProcessOf(name);
    const std::string data = Organisation().FolderOf(service) + "/data";
    size_t files = 0;
    for (const auto& each : fs::recursive_directory_iterator(data)) {
      if (!each.is_regular_file()) continue;
      ++files;
      const std::string path = fs::relative(each.path(), data).string();
      EXPECT_TRUE(IsDeclared(process, path)) << name << " keeps " << path;
    }
    EXPECT_GT(files, 1u) << name;
    // Open files: those, its log, and what is not on a disk.
    for (const std::string& path : OpenFiles(Organisation().pid(service))) {
      if (!absl::StartsWith(path, "/") || absl::StartsWith(path, "/dev/") || absl::StartsWith(path, "/proc/") || absl::StartsWith(path, "/memfd:")) continue;
      if (path == Organisation().LogOf(service) || absl::StartsWith(path, Organisation().FolderOf(service) + "/" ) || absl::StartsWith(path, data + "/")) continue;
      ADD_FAILURE() << name << " has " << path << " open";
    }
  }
}

// The search finds what it is to find: a port and a file that nobody declared.
TEST(Processes, AControlIsFound) {
  const std::string data = Organisation().FolderOf(Service::kDelivery) + "/data";
  const json process = ProcessOf("plumbline-server");
  EXPECT_FALSE(IsDeclared(process, "members.txt"));
  EXPECT_FALSE(IsDeclared(process, "people.db"));
  EXPECT_FALSE(IsDeclared(process, "server.db.bak"));
  EXPECT_TRUE(IsDeclared(process, "server.db-wal"));
  EXPECT_THAT(ListeningPorts(Organisation().pid(Service::kDelivery)), Contains(Organisation().ports().delivery));
  EXPECT_THAT(ListeningPorts(Organisation().pid(Service::kKeyserver)), ::testing::Not(Contains(Organisation().ports().delivery)));
}

}  // namespace
}  // namespace plumbline
