// The directory's log over the real programs: who audits it, what goes on while its witness is away, and what becomes of a key
// server that comes back with an old database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "assess/tools/canary.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline {
namespace {

namespace fs = std::filesystem;
using assess::CommandResult;
using assess::Person;
using assess::Service;
using nlohmann::json;
using testing::ServiceFixture;
using testing::ValueOf;
using ::testing::HasSubstr;

CommandResult Tool(const std::string& program, const std::vector<std::string>& arguments) {
  return ValueOf(assess::RunCommand({.program = std::string(PLUMBLINE_BIN "/") + program, .arguments = arguments, .environment = {}, .stdin_text = ""}));
}

void Copy(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

TEST(Transparency, AnAuditorFollowsTheLogAndFindsThatEveryEntryHadItsAuthority) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  testing::Administer(services.organisation, {"account", "suspend", "bob", "--reason", "a test"});
  const std::string folder = services.organisation.folder(), log = folder + "/log", openings = folder + "/openings";
  ASSERT_OK(services.organisation.KeyserverTool({"export-log", "--out", log}));
  const CommandResult exported = ValueOf(services.organisation.KeyserverTool({"export-openings", "--out", openings, "--json"}));
  const std::string key = services.organisation.directory_log_key();
  const CommandResult replay =
      Tool("plumbline-auditor", {"replay", "--log", key, "--source", log, "--state", folder + "/audit", "--json"});
  ASSERT_EQ(replay.exit_code, 0) << replay.out << replay.err;
  EXPECT_EQ(json::parse(replay.out)["people"], 2);
  std::vector<std::string> arguments = {"check-authority", "--log", key, "--source", log, "--openings", openings,
                                        "--trust", openings + ".trust.pem", "--json"};
  const json export_said = json::parse(exported.out);
  for (const auto& administrator : export_said["administrators"]) {
    arguments.push_back("--administrator");
    arguments.push_back(administrator);
  }
  const CommandResult authority = Tool("plumbline-auditor", arguments);
  ASSERT_EQ(authority.exit_code, 0) << authority.out << authority.err;
  const json found = json::parse(authority.out);
  EXPECT_EQ(found["checked"], 5);  // two accounts, two devices, a suspension
  EXPECT_EQ(found["findings"], json::array());
  // Under another administrator's key nothing had any.
  arguments.back() = std::string(64, '1');
  const CommandResult stranger = Tool("plumbline-auditor", arguments);
  EXPECT_NE(stranger.exit_code, 0);
  // A file that was changed is not the log's.
  const std::string bundle = log + "/tile/entries/000.p/" + std::to_string(json::parse(replay.out)["size"].get<int>());
  std::string bytes = ValueOf(assess::ReadFile(bundle));
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_OK(assess::WriteFile(bundle, bytes));
  EXPECT_EQ(Tool("plumbline-auditor", {"replay", "--log", key, "--source", log, "--state", folder + "/audit2"}).exit_code, 1);
}

TEST(Transparency, WhileTheWitnessIsAwayNobodyIsToldOfAChange) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  ASSERT_EQ(services.organisation.Stop(Service::kWitness), 0);
  services.Enrolled("carol");
  EXPECT_EQ(services.Run(alice, {"send", "bob", "as before"}).exit_code, 0);
  const CommandResult early = services.Run(alice, {"send", "carol", "hello", "--wait", "0"});
  EXPECT_NE(early.exit_code, 0);
  EXPECT_THAT(early.out + early.err, HasSubstr("unknown_user"));
  ASSERT_OK(services.organisation.Start(Service::kWitness));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(assess::PollUntil([&] { return services.Run(alice, {"send", "carol", "hello"}).exit_code == 0; }, absl::Seconds(60)));
  std::printf("a change that waited for its witness was told %.1f s after the witness was back\n",
              absl::ToDoubleSeconds(absl::Now() - start));
}

// Rolled back: the witness does not cosign it, and who has seen more says so with the next command.
TEST(Transparency, AKeyServerThatComesBackWithAnOldDatabaseIsFoundOut) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  const std::string data = services.organisation.FolderOf(Service::kKeyserver) + "/data", old = services.organisation.folder() + "/old",
                    whole = services.organisation.folder() + "/whole";
  ASSERT_EQ(services.organisation.Stop(Service::kKeyserver), 0);
  Copy(data, old);
  ASSERT_OK(services.organisation.Start(Service::kKeyserver));
  services.Enrolled("carol");
  ASSERT_EQ(services.Run(alice, {"send", "carol", "hello"}).exit_code, 0);
  ASSERT_EQ(services.organisation.Stop(Service::kKeyserver), 0);
  Copy(data, whole);
  Copy(old, data);
  ASSERT_OK(services.organisation.Start(Service::kKeyserver));
  const absl::Time start = absl::Now();
  const CommandResult told = services.Run(alice, {"send", "bob", "is it you?", "--wait", "0"});
  const absl::Duration took = absl::Now() - start;
  EXPECT_NE(told.exit_code, 0);
  EXPECT_THAT(told.out + told.err, HasSubstr("directory_behind"));
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        return absl::StrContains(ValueOf(assess::ReadFile(services.organisation.LogOf(Service::kKeyserver))),
                                 "directory.witness_saw_another_log");
      },
      absl::Seconds(60)));
  std::printf("a directory that was rolled back was found by the next command, %.1f s after it was given\n", absl::ToDoubleSeconds(took));
  ASSERT_EQ(services.organisation.Stop(Service::kKeyserver), 0);
  Copy(whole, data);
  ASSERT_OK(services.organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(assess::PollUntil([&] { return services.Run(alice, {"send", "bob", "good"}).exit_code == 0; }, absl::Seconds(60)));
}

}  // namespace
}  // namespace plumbline
