// The directory's log over the real programs: who audits it, what goes on while its witness is away, and what becomes of a key
// server that comes back with an old database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "assess/tools/canary.h"
#include "assess/tools/database.h"
#include "common/db/database.h"
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

bool Contains(ByteView bytes, ByteView pattern) {
  return std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end()) != bytes.end();
}
// Live, free and journalled pages.
bool InDatabase(const assess::SearchedService& service, ByteView pattern) {
  const assess::DecryptedDatabase all = ValueOf(assess::DecryptDatabase(service.database, service.database_key.view()));
  EXPECT_EQ(all.unreadable, 0u);
  return std::any_of(all.pages.begin(), all.pages.end(), [&](const auto& page) { return Contains(page.content, pattern); });
}
bool InFiles(const std::string& folder, ByteView pattern) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && Contains(AsBytes(ValueOf(assess::ReadFile(entry.path()))), pattern)) return true;
  }
  return false;
}

// In no value of any table but the key packages, whose leaves name the mailbox that a first message goes to (docs/protocols/delivery.md).
bool InAnyOtherTable(const assess::SearchedService& service, ByteView pattern) {
  const db::Key key = ValueOf(db::Key::FromSecret(Secret::CopyOf(service.database_key.view())));
  const std::unique_ptr<db::Database> database = ValueOf(db::Database::Open(service.database, key, {.create = false}));
  std::vector<std::pair<std::string, std::string>> columns;
  db::Statement tables = ValueOf(database->Prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'key_package'"));
  while (ValueOf(tables.Step())) {
    const std::string table(tables.Text(0));
    db::Statement info = ValueOf(database->Prepare("PRAGMA table_info(" + table + ")"));
    while (ValueOf(info.Step())) columns.emplace_back(table, std::string(info.Text(1)));
  }
  EXPECT_GT(columns.size(), 50u);
  for (const auto& [table, column] : columns) {
    db::Statement find = ValueOf(database->Prepare("SELECT COUNT(*) FROM " + table + " WHERE instr(CAST(" + column + " AS BLOB), ?) > 0"));
    EXPECT_TRUE(ValueOf(find.Bind(1, pattern).Step()));
    if (find.Int64(0) > 0) return true;
  }
  return false;
}

// Whose mailboxes are which is nowhere: not in the directory, its log, its files, what opens them, or the key server's own log and
// database but for the one that each key package names, and no name is at the delivery server. The same search finds what is there.
TEST(Transparency, MailboxesStayApartFromPeople) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  ASSERT_EQ(services.Run(alice, {"send", "bob", "hello"}).exit_code, 0);
  ASSERT_EQ(services.Run(bob, {"read"}).exit_code, 0);
  ASSERT_EQ(services.Run(bob, {"send", "alice", "hello"}).exit_code, 0);
  const std::string written = services.organisation.folder() + "/written";
  fs::create_directory(written);
  ASSERT_OK(services.organisation.KeyserverTool({"export-log", "--out", written + "/log"}));
  ASSERT_OK(services.organisation.KeyserverTool({"export-openings", "--out", written + "/openings"}));
  for (const Service service : {Service::kKeyserver, Service::kDelivery}) ASSERT_EQ(services.organisation.Stop(service), 0);
  fs::copy_file(services.organisation.LogOf(Service::kKeyserver), written + "/keyserver.log");
  const assess::SearchedService keys = ValueOf(services.organisation.Searched(Service::kKeyserver)),
                                delivery = ValueOf(services.organisation.Searched(Service::kDelivery));
  std::vector<Bytes> of_mailboxes;
  {
    const db::Key key = ValueOf(db::Key::FromSecret(Secret::CopyOf(delivery.database_key.view())));
    const std::unique_ptr<db::Database> database = ValueOf(db::Database::Open(delivery.database, key, {.create = false}));
    db::Statement select = ValueOf(database->Prepare("SELECT mailbox, owner_key, grant_serial FROM mailboxes"));
    while (ValueOf(select.Step())) {
      for (int i = 0; i < 3; ++i) of_mailboxes.push_back(ToBytes(select.Blob(i)));
    }
  }
  ASSERT_GE(of_mailboxes.size(), 6u);
  int in_key_packages = 0;
  for (const Bytes& each : of_mailboxes) {
    EXPECT_TRUE(InDatabase(delivery, each));
    in_key_packages += InDatabase(keys, each);
    EXPECT_FALSE(InAnyOtherTable(keys, each));
    EXPECT_FALSE(InFiles(written, each));
  }
  EXPECT_EQ(in_key_packages, 2);  // the ids of two intake mailboxes; no owner's key, no grant, and no conversation's mailbox
  EXPECT_TRUE(InAnyOtherTable(keys, AsBytes(absl::string_view("mimi://example.org/u/alice"))));
  for (const char* name : {"alice", "bob"}) {
    const ByteView pattern = AsBytes(absl::string_view(name));
    EXPECT_TRUE(InDatabase(keys, pattern));
    EXPECT_FALSE(InDatabase(delivery, pattern));
    EXPECT_TRUE(InFiles(written, pattern));           // what opens the log
    EXPECT_FALSE(InFiles(written + "/log", pattern));  // and not the log
  }
}

}  // namespace
}  // namespace plumbline
