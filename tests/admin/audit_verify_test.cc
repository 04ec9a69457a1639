// An administrator verifies the key server's record after surgery on its database with the database's own key: real services,
// the tool's library, and what it remembers from the last time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "admin/console/commands.h"
#include "admin/console/seen_log.h"
#include "keyserver/key_ring.h"
#include "tests/admin/organisation.h"
#include "tests/common/audit/logs.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

class AuditVerifyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    organisation = new TestOrganisation();
    seed = new Bytes(RandomBytes(32));
    keys = new keyserver::KeyRing(*keyserver::UnsealKeyRing(
        organisation->folder + "/keyserver", Secret::CopyOf(AsBytes("correct horse battery"))));
    ASSERT_OK(NewConsole(organisation->folder)->Register("Root Admin", organisation->administrator_code));
  }
  static void TearDownTestSuite() {
    delete keys;
    delete seed;
    delete organisation;
  }

  static std::unique_ptr<Console> NewConsole(const std::string& home) {
    ConsoleOptions options;
    options.home = home;
    options.json = true;
    return std::make_unique<Console>(options, *organisation->profile,
                                     *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(*seed)),
                                     *Connect(*organisation->profile, organisation->clock), organisation->clock);
  }
  // In a folder that remembers nothing.
  static absl::Status VerifyAnew() {
    const testing::ScratchDir home;
    return NewConsole(home.path())->VerifyAudit();
  }

  static std::string DatabaseFile() { return organisation->folder + "/keyserver/keyserver.db"; }
  static void StopKeyserver() { EXPECT_EQ(organisation->keyserver->Kill(SIGTERM), 0); }
  // While the service is stopped.
  static void Operate(const std::function<void(db::Database&)>& surgery) {
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabaseFile(), keys->database_key));
    surgery(*database);
    ASSERT_OK(database->Checkpoint());
  }
  static std::string CopyOfDatabase() {
    Operate([](db::Database&) {});  // all of it is in one file then
    return *ReadTextFile(DatabaseFile(), 64 << 20);
  }
  static void PutBack(const std::string& copy) { ASSERT_OK(WriteFileAtomically(DatabaseFile(), AsBytes(copy), 0600)); }
  static testing::Finished Offline(const std::string& verb, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args{PLUMBLINE_KEYSERVER_BINARY, verb, "--json", "--config", organisation->KeyserverConfig()};
    args.insert(args.end(), more.begin(), more.end());
    return testing::RunToEnd(args);
  }

  static TestOrganisation* organisation;
  static Bytes* seed;  // of the administrator's key
  static keyserver::KeyRing* keys;
};
TestOrganisation* AuditVerifyTest::organisation = nullptr;
Bytes* AuditVerifyTest::seed = nullptr;
keyserver::KeyRing* AuditVerifyTest::keys = nullptr;

TEST_F(AuditVerifyTest, AWholeRecordVerifiesAgainAndAgain) {
  const testing::ScratchDir home;
  const auto console = NewConsole(home.path());
  EXPECT_OK(console->VerifyAudit());
  ASSERT_OK_AND_ASSIGN(const auto first, LoadSeenLog(home.path()));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->log.name(), "example.org/audit/keyserver");
  EXPECT_OK(console->VerifyAudit());
  ASSERT_OK_AND_ASSIGN(const auto second, LoadSeenLog(home.path()));
  EXPECT_GT(tlog::OpenCheckpoint(second->checkpoint, second->log)->size,
            tlog::OpenCheckpoint(first->checkpoint, first->log)->size);
}

// The service serves on, and everybody who verifies is told which record it was.
TEST_F(AuditVerifyTest, NamesTheRecordThatWasChangedMissingOrMoved) {
  StopKeyserver();
  const std::string good = CopyOfDatabase();
  struct Case {
    std::function<void(db::Database&)> surgery;
    const char* found;
  };
  const Case cases[] = {
      {[](db::Database& d) { audit::ChangeRecord(d, 3); }, "record 3 was changed"},
      {[](db::Database& d) { ASSERT_OK(d.Execute("DELETE FROM audit_record WHERE sequence = 2")); }, "record 2 is missing"},
      {[](db::Database& d) { audit::SwapRecords(d, 1, 3); }, "record 1 is missing or out of order: record 3"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.found);
    Operate(each.surgery);
    const testing::Finished offline = Offline("verify-audit");
    EXPECT_EQ(offline.code, 1);
    EXPECT_THAT(offline.out, HasSubstr(each.found));
    organisation->StartKeyserver();
    EXPECT_THAT(VerifyAnew(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(each.found)));
    StopKeyserver();
    PutBack(good);
  }
  organisation->StartKeyserver();
  EXPECT_OK(VerifyAnew());
}

// A log that would have to contradict itself is not continued: the service says which record, and does not serve.
TEST_F(AuditVerifyTest, ACutOrRewrittenEndIsNamedAndNotServed) {
  StopKeyserver();
  const std::string good = CopyOfDatabase();
  for (const bool rewritten : {false, true}) {
    Operate([&](db::Database& d) { rewritten ? audit::RewriteEnd(d, 3, audit::TestLogKey(9)) : audit::CutOff(d, 2); });
    const char* found = rewritten ? "record 3 was changed" : "record 3 is missing: the end was cut off";
    const testing::Finished offline = Offline("verify-audit");
    EXPECT_EQ(offline.code, 1);
    EXPECT_THAT(offline.out, HasSubstr(found));
    const testing::Finished served = testing::RunToEnd(
        {PLUMBLINE_KEYSERVER_BINARY, "serve", "--config", organisation->KeyserverConfig()});
    EXPECT_EQ(served.code, 1);
    EXPECT_THAT(served.err, HasSubstr(std::string("audit_broken: ") + found));
    PutBack(good);
  }
  organisation->StartKeyserver();
  EXPECT_OK(VerifyAnew());
}

// The end cut off under a running service: it does nothing any more that it cannot record, and says why.
TEST_F(AuditVerifyTest, ARunningServiceDoesNothingOnABrokenEnd) {
  StopKeyserver();
  const std::string good = CopyOfDatabase();
  organisation->StartKeyserver();
  {
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabaseFile(), keys->database_key,
                                                                 {.create = false, .exclusive = false}));
    audit::CutOff(*database, 3);
  }
  EXPECT_THAT(VerifyAnew(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("audit_broken: record 4 is missing")));
  organisation->keyserver->Kill(SIGKILL);
  std::filesystem::remove(DatabaseFile() + "-wal");
  std::filesystem::remove(DatabaseFile() + "-shm");
  PutBack(good);
  organisation->StartKeyserver();
  EXPECT_OK(VerifyAnew());
}

// Signed by the log's own key, so only who looked earlier can tell.
TEST_F(AuditVerifyTest, AnOlderCopyAndASecondHistoryContradictWhatWasSeen) {
  StopKeyserver();
  const std::string older = CopyOfDatabase();
  organisation->StartKeyserver();
  const testing::ScratchDir home;
  const auto console = NewConsole(home.path());
  for (int i = 0; i < 8; ++i) ASSERT_OK(console->VerifyAudit());
  StopKeyserver();
  const std::string newer = CopyOfDatabase();
  PutBack(older);
  organisation->StartKeyserver();
  EXPECT_THAT(console->VerifyAudit(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("audit_rolled_back: record ")));
  EXPECT_OK(VerifyAnew());
  absl::Status status;
  for (int i = 0; i < 12 && status.code() != absl::StatusCode::kDataLoss; ++i) status = VerifyAnew();  // each adds a record
  EXPECT_THAT(console->VerifyAudit(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("audit_rewritten: the first ")));
  EXPECT_THAT(console->VerifyAudit(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("audit-evidence-")));
  StopKeyserver();
  PutBack(newer);
  organisation->StartKeyserver();
  EXPECT_OK(console->VerifyAudit());
}

TEST_F(AuditVerifyTest, AnotherKeyThanLastTimeIsNamedAndNotTaken) {
  const testing::ScratchDir home;
  const audit::LogKey other =
      *audit::LogKey::Create("example.org/audit/keyserver", crypto::Ed25519KeyPair::Generate());
  ASSERT_OK(SaveSeenLog(home.path(), {other.verifier(), *other.SignCheckpoint(0, tlog::EmptyRoot())}));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(NewConsole(home.path())->VerifyAudit(),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("audit_key_changed: ")));
  }
}

// The root says that the key which was seen was replaced by the one that signs now.
TEST_F(AuditVerifyTest, AReplacedKeyIsFollowedWithoutLosingWhatWasSeen) {
  const testing::ScratchDir home, behind;
  ASSERT_OK(NewConsole(home.path())->VerifyAudit());
  ASSERT_OK(NewConsole(behind.path())->VerifyAudit());
  ASSERT_OK_AND_ASSIGN(const auto before, LoadSeenLog(home.path()));
  const auto rotate = [](const char* role) {
    StopKeyserver();
    const testing::Finished done = Offline("rotate", {role});
    EXPECT_EQ(done.code, 0) << done.out << done.err;
    organisation->StartKeyserver();
    return nlohmann::json::parse(done.out)["audit_key"].get<std::string>();
  };
  const std::string key = rotate("audit");
  ASSERT_OK(NewConsole(home.path())->VerifyAudit());
  ASSERT_OK_AND_ASSIGN(const auto after, LoadSeenLog(home.path()));
  EXPECT_EQ(after->log.ToText(), key);
  EXPECT_NE(after->log, before->log);
  EXPECT_EQ(rotate("grants"), "");
  ASSERT_OK(NewConsole(home.path())->VerifyAudit());
  // Two behind: the statement names the last one alone.
  rotate("audit");
  ASSERT_OK(NewConsole(home.path())->VerifyAudit());
  EXPECT_THAT(NewConsole(behind.path())->VerifyAudit(),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("audit_key_changed: ")));
}

TEST_F(AuditVerifyTest, ExportsOfTheServicesVerifyWithTheirKeysAlone) {
  const std::string file = organisation->folder + "/keyserver.jsonl", own = organisation->folder + "/admin.jsonl";
  const testing::Finished exported = Offline("export-audit", {"--out", file});
  ASSERT_EQ(exported.code, 0) << exported.out << exported.err;
  const std::string key = nlohmann::json::parse(exported.out)["audit_key"];
  const auto run = [](std::vector<std::string> args) {
    args.insert(args.begin(), PLUMBLINE_ADMIN_BINARY);
    return testing::RunToEnd(args);
  };
  const testing::Finished verified = run({"audit", "verify", "--json", "--file", file, "--key", key});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  EXPECT_EQ(nlohmann::json::parse(verified.out)["log"], "example.org/audit/keyserver");

  const testing::Finished made = run({"record", "export", "--json", "--config", organisation->AdminConfig(), "--to", own});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  const std::string own_key = nlohmann::json::parse(made.out)["audit_key"];
  EXPECT_EQ(run({"audit", "verify", "--file", own, "--key", own_key}).code, 0);
  const testing::Finished wrong = run({"audit", "verify", "--json", "--file", own, "--key", key});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(nlohmann::json::parse(wrong.out)["error"]["reason"], "audit_broken");
  EXPECT_EQ(run({"audit", "verify", "--file", own, "--key", "nonsense"}).code, 1);
}

// The admin service's record of itself.
TEST_F(AuditVerifyTest, TheAdminServicesRecordIsVerifiedOffline) {
  const auto verify = [] {
    return testing::RunToEnd({PLUMBLINE_ADMIN_BINARY, "record", "verify", "--json", "--config", organisation->AdminConfig()});
  };
  EXPECT_EQ(verify().code, 0);
  EXPECT_EQ(organisation->admin->Kill(SIGTERM), 0);
  config::v1::AdminConfig config;
  ASSERT_OK(config::Load(organisation->AdminConfig(), config));
  {
    ASSERT_OK_AND_ASSIGN(const ServiceKeys own, OpenServiceKeys(config, *config::ReadPassphraseFile(config.passphrase_file())));
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(config), own.database_key));
    audit::ChangeRecord(*database, 2);
  }
  const testing::Finished found = verify();
  EXPECT_EQ(found.code, 1);
  EXPECT_THAT(std::string(nlohmann::json::parse(found.out)["error"]["message"]), HasSubstr("record 2 was changed"));
}

}  // namespace
}  // namespace plumbline::admin
