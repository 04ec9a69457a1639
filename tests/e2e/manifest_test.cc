// The manifest of a running installation: told under the services' signatures, agreed to by people, and true of the processes.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "assess/demo/installation.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline {
namespace {

namespace fs = std::filesystem;
using assess::Service;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
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

json ProcessOf(const std::string& name) {
  const std::vector<json> told = Told();
  for (const json& process : told[0]["manifest"]["process"]) {
    if (process["name"] == name) return process;
  }
  return {};
}

struct Running {
  Service service;
  const char* name;
};
constexpr Running kRunning[] = {{Service::kKeyserver, "plumbline-keyserver"},
                                {Service::kDelivery, "plumbline-server"},
                                {Service::kAdmin, "plumbline-admin"},
                                {Service::kWitness, "plumbline-witness"}};

class Processes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "what another process has open is for root to read";
    Alice();  // so that there is something
  }
  static std::string ConfigOf(Service service) { return testing::ValueOf(assess::ReadFile(Organisation().ConfigOf(service))); }
  static std::string DataOf(Service service) { return Organisation().FolderOf(service) + "/data"; }
};

TEST_F(Processes, ListenWhereTheyAreDeclaredToAndNowhereElse) {
  for (const auto& [service, name] : kRunning) {
    EXPECT_THAT(testing::ValueOf(assess::CompareListeners(ProcessOf(name), ConfigOf(service), Organisation().pid(service))), IsEmpty());
  }
}

TEST_F(Processes, KeepTheFilesTheyAreDeclaredToAndNoOther) {
  for (const auto& [service, name] : kRunning) {
    EXPECT_FALSE(fs::is_empty(DataOf(service)));
    EXPECT_THAT(assess::CompareFiles(ProcessOf(name), DataOf(service)), IsEmpty());
    EXPECT_THAT(testing::ValueOf(assess::CompareOpenFiles(ProcessOf(name), DataOf(service), Organisation().LogOf(service), Organisation().pid(service))), IsEmpty());
  }
}

// A person's folder, too.
TEST_F(Processes, AClientKeepsTheFilesItIsDeclaredTo) { EXPECT_THAT(assess::CompareFiles(ProcessOf("plumbline"), Alice().home), IsEmpty()); }

// Each comparison finds what it is to find.
TEST_F(Processes, ControlsAreFound) {
  const json server = ProcessOf("plumbline-server");
  const std::string config = ConfigOf(Service::kDelivery), data = DataOf(Service::kDelivery);
  const pid_t pid = Organisation().pid(Service::kDelivery);
  // A side door, and a door that is not there.
  json one_listener = server;
  one_listener["listener"].erase(1);
  EXPECT_THAT(testing::ValueOf(assess::CompareListeners(one_listener, config, pid)), ElementsAre(HasSubstr("which is not declared")));
  const std::string elsewhere = "listen: 127.0.0.1:1\nkeyserver_listen: 127.0.0.1:" + std::to_string(Organisation().ports().revocation) + "\n";
  EXPECT_THAT(testing::ValueOf(assess::CompareListeners(server, elsewhere, pid)),
              ::testing::UnorderedElementsAre(HasSubstr("nothing listens on port 1"), HasSubstr("which is not declared")));
  // A list of members beside the database, and a database that was not declared.
  std::ofstream(data + "/members.txt") << "alice";
  EXPECT_THAT(assess::CompareFiles(server, data), ElementsAre(HasSubstr("keeps members.txt, which is not declared")));
  fs::remove(data + "/members.txt");
  json no_attachments = server;
  no_attachments["database"].erase(1);
  EXPECT_THAT(assess::CompareFiles(no_attachments, data), Contains(HasSubstr("keeps attachments.db")));
  EXPECT_THAT(testing::ValueOf(assess::CompareOpenFiles(no_attachments, data, Organisation().LogOf(Service::kDelivery), pid)), Contains(HasSubstr("attachments.db open")));
}

}  // namespace
}  // namespace plumbline
