// The delivery server's record after surgery on its database with the database's own key.
#include <csignal>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/audit/export.h"
#include "common/codec.h"
#include "common/crypto/sealed_file.h"
#include "common/file.h"
#include "server/keys.h"
#include "tests/common/audit/logs.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using plumbline::testing::IsOk;
using ::testing::HasSubstr;

// A server that started and ended twice: six records.
struct Ran {
  Ran() {
    for (int i = 0; i < 2; ++i) {
      server.Start();
      server.Kill(SIGTERM);
      EXPECT_EQ(server.Wait(), 0);
    }
  }
  void Operate(const std::function<void(db::Database&)>& surgery) {
    const std::string data = server.directory().File("data");
    ASSERT_OK_AND_ASSIGN(const ServerKeys keys, OpenKeys(data, Secret::CopyOf(AsBytes("a passphrase for this test"))));
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(absl::StrCat(data, "/", kDatabaseFile), keys.database));
    surgery(*database);
  }
  Ended Audit(const std::string& verb, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{PLUMBLINE_SERVER, "audit", verb, "--config", server.ConfigFile()};
    command.insert(command.end(), more.begin(), more.end());
    return RunProgram(command);
  }
  ServerProcess server;
};

TEST(ServerAudit, VerifiesARecordThatNobodyTouched) {
  Ran t;
  const Ended verified = t.Audit("verify", {"--json"});
  EXPECT_EQ(verified.code, 0) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr("\"events\":6,\"whole\":true,\"root\":\""));
  EXPECT_THAT(verified.output, HasSubstr("\"audit_key\":\"example.org/audit/delivery+"));
}

TEST(ServerAudit, NamesTheFirstRecordAfterEachSurgery) {
  Ran t;
  const std::string path = t.server.directory().File("data") + "/" + kDatabaseFile;
  ASSERT_OK_AND_ASSIGN(const std::string good, ReadTextFile(path, 64 << 20));
  struct Case {
    std::function<void(db::Database&)> surgery;
    const char* found;
  };
  const Case cases[] = {
      {[](db::Database& d) { audit::ChangeRecord(d, 3); }, "record 3 was changed"},
      {[](db::Database& d) { EXPECT_OK(d.Execute("DELETE FROM audit_record WHERE sequence = 2")); }, "record 2 is missing"},
      {[](db::Database& d) { audit::SwapRecords(d, 4, 5); }, "record 4 is missing or out of order"},
      {[](db::Database& d) { audit::CutOff(d, 4); }, "record 5 is missing: the end was cut off"},
      {[](db::Database& d) { audit::RewriteEnd(d, 4, audit::TestLogKey(9)); }, "record 4 was changed"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.found);
    t.Operate([&](db::Database& database) {
      each.surgery(database);
      EXPECT_OK(database.Checkpoint());
    });
    const Ended verified = t.Audit("verify", {"--json"});
    EXPECT_EQ(verified.code, 1);
    EXPECT_THAT(verified.output, HasSubstr(each.found));
    EXPECT_THAT(verified.output, HasSubstr("\"reason\":\"audit_broken\""));
    ASSERT_OK(WriteFileAtomically(path, AsBytes(good), 0600));
  }
  EXPECT_EQ(t.Audit("verify").code, 0);
}

// It would have to sign what contradicts what it signed before; it does not serve.
TEST(ServerAudit, DoesNotServeWithABrokenEnd) {
  Ran t;
  t.Operate([](db::Database& database) { audit::CutOff(database, 4); });
  const Ended served = RunProgram({PLUMBLINE_SERVER, "serve", "--config", t.server.ConfigFile()});
  EXPECT_EQ(served.code, 1);
  EXPECT_THAT(served.output, HasSubstr("audit_broken: record 5 is missing"));
}

// Made before records were signed: it says so, and one command by hand signs what is there.
TEST(ServerAudit, SignsTheChainOfAnEarlierVersionWhenToldTo) {
  Ran t;
  const std::string path = t.server.directory().File("data") + "/" + kKeysFile;
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase for this test"));
  {
    ASSERT_OK_AND_ASSIGN(const ServerKeys keys, OpenKeys(t.server.directory().File("data"), passphrase));
    Writer old;
    old.U8(1).Fixed(keys.database.view()).Vector(keys.tls.der());
    ASSERT_OK(crypto::SealToFile(path, passphrase, old.view(), crypto::SealCost{1, 8192}));
  }
  t.Operate([](db::Database& database) { audit::PutOldChain(database, 4); });
  const Ended refused = RunProgram({PLUMBLINE_SERVER, "serve", "--config", t.server.ConfigFile()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, HasSubstr("audit_key_missing"));
  EXPECT_THAT(t.Audit("verify").output, HasSubstr("audit_key_missing"));
  const Ended made = t.Audit("make-key", {"--json"});
  EXPECT_EQ(made.code, 0) << made.output;
  EXPECT_THAT(t.Audit("verify", {"--json"}).output, HasSubstr("\"events\":4,\"whole\":true"));
  EXPECT_EQ(t.Audit("make-key", {"--json"}).output, made.output);  // nothing more to do
  t.server.Start();
  t.server.Kill(SIGTERM);
  EXPECT_EQ(t.server.Wait(), 0);
  EXPECT_THAT(t.Audit("verify", {"--json"}).output, HasSubstr("\"events\":7,\"whole\":true"));
}

TEST(ServerAudit, ExportsWhatItsKeyVerifies) {
  Ran t;
  const std::string file = t.server.directory().File("record.jsonl");
  const Ended exported = t.Audit("export", {"--out", file});
  EXPECT_EQ(exported.code, 0) << exported.output;
  Ended key = t.Audit("key");
  ASSERT_EQ(key.code, 0) << key.output;
  key.output.pop_back();
  ASSERT_OK_AND_ASSIGN(const tlog::VerifierKey log, tlog::VerifierKey::Parse(key.output));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(file, 1 << 20));
  size_t records = 0;
  EXPECT_OK(audit::VerifyExport(text, log, [&](const audit::Record&) { ++records; }));
  EXPECT_EQ(records, 6u);
}

}  // namespace
}  // namespace plumbline::server
