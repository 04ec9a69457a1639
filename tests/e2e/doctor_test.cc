// `plumbline doctor` over a real organisation: what it says while all is well, and what when one thing after another is not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "common/rpc/tls_policy.h"
#include "tests/doctor/tls_server.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline {
namespace {

namespace fs = std::filesystem;
using assess::Service;
using ::testing::HasSubstr;

struct Said {
  int exit_code = -1;
  nlohmann::json report;

  // The verdict of a check of `of`; "none" if there is no such finding.
  std::string Verdict(const std::string& id, const std::string& of) const { return Field(id, of, "verdict", "none"); }
  std::string Remedy(const std::string& id, const std::string& of) const { return Field(id, of, "remedy", ""); }
  // "id of" of each finding with this verdict. The disk is whatever it is where the tests run.
  std::vector<std::string> With(const std::string& verdict) const {
    std::vector<std::string> out;
    for (const nlohmann::json& each : report["checks"]) {
      if (each["verdict"] == verdict && each["id"] != "disk.space") {
        out.push_back(absl::StrCat(each["id"].get<std::string>(), " ", each["of"].get<std::string>()));
      }
    }
    return out;
  }

 private:
  std::string Field(const std::string& id, const std::string& of, const char* name, const char* otherwise) const {
    for (const nlohmann::json& each : report["checks"]) {
      if (each["id"] == id && each["of"] == of) return each[name].get<std::string>();
    }
    return otherwise;
  }
};

class DoctorTest : public ::testing::Test {
 protected:
  DoctorTest() : fixture_(PLUMBLINE_BIN) {
    fs::create_directories(backups_);
    EnsureWritten(backups_ + "/keyserver.plbk", "a backup");
    // As after a ceremony.
    fs::rename(Data(Service::kKeyserver) + "/root.sealed", scratch_ / "root.sealed");
  }
  static void EnsureWritten(const std::string& path, const std::string& content) { testing::EnsureOk(assess::WriteFile(path, content)); }
  std::string Data(Service service) const { return fixture_.organisation.FolderOf(service) + "/data"; }
  assess::CommandResult Run(std::vector<std::string> arguments) {
    return testing::ValueOf(assess::RunCommand({.program = PLUMBLINE_BIN "/plumbline", .arguments = std::move(arguments)}, absl::Minutes(1)));
  }
  std::vector<std::string> Arguments() {
    const assess::Organisation& organisation = fixture_.organisation;
    return {"doctor", "--keyserver", organisation.ConfigOf(Service::kKeyserver), "--server", organisation.ConfigOf(Service::kDelivery),
            "--admin", organisation.ConfigOf(Service::kAdmin), "--witness", organisation.ConfigOf(Service::kWitness), "--backups", backups_};
  }
  Said Ask() {
    std::vector<std::string> arguments = Arguments();
    arguments.push_back("--json");
    const assess::CommandResult result = Run(arguments);
    Said said{result.exit_code, nlohmann::json::parse(result.out, nullptr, false)};
    CHECK(said.report.is_object());
    return said;
  }

  const testing::ScratchDir scratch_;
  const std::string backups_ = scratch_ / "backups";
  testing::ServiceFixture fixture_;
};

TEST_F(DoctorTest, FindsNothingWrongWhileTheLogsKeyIsReplaced) {
  assess::Organisation& organisation = fixture_.organisation;
  fs::rename(scratch_ / "root.sealed", Data(Service::kKeyserver) + "/root.sealed");
  ASSERT_EQ(organisation.Stop(Service::kKeyserver), 0);
  testing::EnsureOk(organisation.KeyserverTool({"rotate", "log"}).status());
  fs::rename(Data(Service::kKeyserver) + "/root.sealed", scratch_ / "root.sealed");
  testing::EnsureOk(organisation.Start(Service::kKeyserver));
  const Said during = Ask();
  EXPECT_THAT(during.With("failed"), ::testing::IsEmpty());
  EXPECT_THAT(during.With("ok"), ::testing::Contains(::testing::StartsWith("witnesses.policy ")));
  for (const auto& [id, of] : std::vector<std::pair<std::string, std::string>>{
           {"files.keys", "key server"}, {"witnesses.checkpoint", ""},
           {"witnesses.answer", "w1"}, {"tokens.keys", "delivery"}}) {
    EXPECT_EQ(during.Verdict(id, of), "ok") << id;
  }
}

TEST_F(DoctorTest, SaysWhatIsWellAndThenWhatIsNot) {
  assess::Organisation& organisation = fixture_.organisation;
  const Said well = Ask();
  EXPECT_THAT(well.With("failed"), ::testing::IsEmpty());
  for (const std::string& each : well.With("warning")) {
    EXPECT_THAT(each, ::testing::StartsWith("units.")) << "where systemd runs these services are none of its units";
  }
  EXPECT_LE(well.exit_code, 1);
  for (const auto& [id, of] : std::vector<std::pair<std::string, std::string>>{
           {"tls.version", "key server, device_listen"}, {"tls.client_certificate", "delivery server, keyserver_listen"},
           {"certificates.service", "admin service, listen"}, {"certificates.trust", "delivery server"},
           {"files.keys", "key server"}, {"files.databases", "delivery server"}, {"files.root_key", "key server"},
           {"witnesses.checkpoint", ""}, {"witnesses.answer", "w1"}, {"tokens.keys", "delivery"}, {"clock.witnesses", ""},
           {"process.sandbox", "key server"}, {"process.core_dumps", "delivery server"}, {"backups.age", backups_}}) {
    EXPECT_EQ(well.Verdict(id, of), "ok") << id;
  }

  const std::string keys = Data(Service::kKeyserver) + "/keys.sealed";
  CHECK(chmod(keys.c_str(), 0644) == 0);
  const Said open = Ask();
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_THAT(open.With("failed"), ::testing::ElementsAre("files.keys key server"));
  EXPECT_THAT(open.Remedy("files.keys", "key server"), HasSubstr("chmod 600 " + keys));
  CHECK(chmod(keys.c_str(), 0600) == 0);

  // Instead of a copy of the database: what sqlite3's .backup would write.
  const std::string copy = Data(Service::kDelivery) + "/server.db.damaged-1790000000";
  EnsureWritten(copy, std::string("SQLite format 3\0", 16) + std::string(4080, 'x'));
  EXPECT_THAT(Ask().With("failed"), ::testing::ElementsAre("files.databases delivery server"));
  fs::remove(copy);

  const timespec old[2] = {{time(nullptr) - 30 * 3600, 0}, {time(nullptr) - 30 * 3600, 0}};
  CHECK(utimensat(AT_FDCWD, (backups_ + "/keyserver.plbk").c_str(), old, 0) == 0);
  const Said aged = Ask();
  EXPECT_EQ(aged.exit_code, 1);
  EXPECT_EQ(aged.Verdict("backups.age", backups_), "warning");
  const timespec ancient[2] = {{time(nullptr) - 8 * 86400, 0}, {time(nullptr) - 8 * 86400, 0}};
  CHECK(utimensat(AT_FDCWD, (backups_ + "/keyserver.plbk").c_str(), ancient, 0) == 0);
  EXPECT_THAT(Ask().With("failed"), ::testing::ElementsAre("backups.age " + backups_));
  EnsureWritten(backups_ + "/keyserver-2.plbk", "a newer one");
  EXPECT_THAT(Ask().With("failed"), ::testing::IsEmpty());

  organisation.Stop(Service::kWitness);
  const Said alone = Ask();
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_EQ(alone.Verdict("witnesses.answer", "w1"), "failed");
  EXPECT_EQ(alone.Verdict("witnesses.checkpoint", ""), "ok") << "what was cosigned a minute ago is still fresh";
  testing::EnsureOk(organisation.Start(Service::kWitness));
  EXPECT_EQ(Ask().Verdict("witnesses.answer", "w1"), "ok");
}

TEST_F(DoctorTest, NamesAListenerThatIsGoneAndOneThatIsSomebodyElses) {
  assess::Organisation& organisation = fixture_.organisation;
  organisation.Stop(Service::kDelivery);
  const Said gone = Ask();
  EXPECT_EQ(gone.exit_code, 2);
  EXPECT_EQ(gone.Verdict("listener.answers", "delivery server, listen"), "failed");
  EXPECT_EQ(gone.Verdict("listener.answers", "delivery server, keyserver_listen"), "failed");
  EXPECT_EQ(gone.Verdict("listener.answers", "key server, anonymous_listen"), "ok");
  EXPECT_THAT(gone.Remedy("listener.answers", "delivery server, listen"), HasSubstr("systemctl status plumbline-server.service"));

  CHECK(rpc::PinTls13().ok());
  const testing::TestOrganisation other;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const rpc::TlsIdentity identity = {
      crypto::ToPemChain({other.Leaf(key, crypto::Purpose::kTlsPeer), other.issuing, other.root}), key.ToPem()};
  const testing::TlsServer people(identity, {.port = organisation.ports().delivery});
  const testing::TlsServer internal(identity, {.port = organisation.ports().revocation, .demands_certificate = true});
  const Said strange = Ask();
  EXPECT_EQ(strange.exit_code, 2);
  for (const char* listener : {"delivery server, listen", "delivery server, keyserver_listen"}) {
    EXPECT_EQ(strange.Verdict("listener.answers", listener), "ok");
    EXPECT_EQ(strange.Verdict("tls.version", listener), "failed") << listener;
    EXPECT_EQ(strange.Verdict("certificates.service", listener), "failed") << listener;
  }
  EXPECT_EQ(strange.Verdict("process.sandbox", "delivery server"), "failed") << "this test is not confined";
}

TEST_F(DoctorTest, PrintsALineForEachCheckAndTheRemedyBelow) {
  CHECK(chmod((Data(Service::kAdmin) + "/admin.keys").c_str(), 0640) == 0);
  const assess::CommandResult result = Run(Arguments());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, HasSubstr("\nok           tls.version             key server, device_listen: TLS 1.3 is spoken, TLS 1.2 refused.\n"));
  EXPECT_THAT(result.out, HasSubstr("\nfailed       files.keys              admin service: "));
  EXPECT_THAT(result.out, HasSubstr("\n               Run: chmod 600 "));
  EXPECT_THAT(result.out, HasSubstr("\nfailed: "));
  EXPECT_EQ(result.err, "");
}

TEST(DoctorUsage, EndsWithThreeIfItCannotRun) {
  const auto run = [](const std::vector<std::string>& arguments) {
    return testing::ValueOf(assess::RunCommand({.program = PLUMBLINE_BIN "/plumbline", .arguments = arguments})).exit_code;
  };
  EXPECT_EQ(run({"doctor"}), 3);
  EXPECT_EQ(run({"doctor", "--no-such-option"}), 3);
  EXPECT_EQ(run({"doctor", "--backups"}), 3);
  EXPECT_EQ(run({"doctor", "--help"}), 0);
  EXPECT_EQ(run({"send"}), 2);  // as before
}

}  // namespace
}  // namespace plumbline
