// The admin service and the administrators' tool as processes, over real sockets, with a key server that is
// not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "admin/console/admin_api.h"
#include "common/crypto/issue.h"
#include "common/file.h"
#include "common/identity/intent.h"
#include "common/rpc/tls_policy.h"
#include "nlohmann/json.hpp"
#include "tests/common/process.h"
#include "tests/admin/sample_intents.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using nlohmann::json;
using plumbline::testing::Finished;
using plumbline::testing::RunToEnd;
using plumbline::testing::ServiceProcess;
using plumbline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// An organisation whose certificates the test makes itself, an admin service under it and one administrator's
// folder.
class AdminServiceTest : public ::testing::Test {
 protected:
  // Keys are made once: sealing is slow on purpose. Each test works on a copy.
  static void SetUpTestSuite() {
    char name[] = "/tmp/plumbline-admin-service-XXXXXX";
    founded = ::mkdtemp(name);
    folder = founded;
    WritePrivate("passphrase", "correct horse battery\n");
    WriteConfig("");
    const Finished init = Service({"init"});
    ASSERT_EQ(init.code, 0) << init.err;
    const Finished key = Tool({"key", "create"});
    ASSERT_EQ(key.code, 0) << key.err;
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(founded); }
  void SetUp() override {
    folder = founded + "." + std::to_string(++copies);
    std::filesystem::copy(founded, folder, std::filesystem::copy_options::recursive);
    WriteConfig("");
    WriteCertificate(now - absl::Hours(1), now + absl::Hours(24));
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static void WritePrivate(const std::string& file, const std::string& text) {
    ASSERT_OK(WriteFileAtomically(folder + "/" + file, AsBytes(text), 0600));
  }
  static void WriteConfig(const std::string& more) {
    WritePrivate("admin.yaml", "organisation_domain: example.org\nroot_fingerprint: \"" +
                                   root.fingerprint().ToText() + "\"\ndata_dir: " + folder +
                                   "/state\nlisten: 127.0.0.1:0\ncertificate_file: " + folder +
                                   "/admin.pem\nkeyserver_address: 127.0.0.1:1\npassphrase_file: " + folder +
                                   "/passphrase\nlog_file: " + folder + "/log\n" + more);
  }
  static void WriteCertificate(absl::Time not_before, absl::Time not_after) {
    const auto request =
        crypto::CertificateRequest::Parse(AsBytes(*ReadTextFile(folder + "/state/admin.csr", 4096)));
    ASSERT_OK(request);
    const crypto::Certificate leaf = *crypto::IssueLeaf(issuing, issuing_key,
                                                        {.spki = request->spki(),
                                                         .common_name = "",
                                                         .uris = {"plumbline://example.org/service/admin"},
                                                         .dns_names = {"localhost"},
                                                         .ip_addresses = {"127.0.0.1"},
                                                         .purpose = crypto::Purpose::kTlsPeer,
                                                         .validity = {not_before, not_after}});
    WritePrivate("admin.pem", crypto::ToPemChain({leaf, issuing, root}));
  }

  static std::vector<std::string> ServiceArgs(std::vector<std::string> verb) {
    std::vector<std::string> args{PLUMBLINE_ADMIN_BINARY};
    args.insert(args.end(), verb.begin(), verb.end());
    args.insert(args.end(), {"--config", folder + "/admin.yaml"});
    return args;
  }
  static Finished Service(const std::vector<std::string>& verb) {
    return RunToEnd(ServiceArgs(verb));
  }
  // Starts the service; `address` is where it listens.
  static std::unique_ptr<ServiceProcess> Serve() {
    auto child = std::make_unique<ServiceProcess>(ServiceArgs({"serve"}), folder + "/serve.out");
    address = child->WaitForLine("listening on ");
    EXPECT_NE(address, "") << child->Output();
    return child;
  }

  static Finished Tool(std::vector<std::string> verb) {
    std::vector<std::string> args{PLUMBLINE_ADMIN_BINARY, "--home", folder + "/home", "--passphrase-file",
                                  folder + "/passphrase"};
    args.insert(args.end(), verb.begin(), verb.end());
    return RunToEnd(args);
  }
  static void SetUpTool() {
    const Finished setup = Tool({"setup", "--server", address, "--domain", "example.org", "--fingerprint",
                                 root.fingerprint().ToText()});
    ASSERT_EQ(setup.code, 0) << setup.err;
  }
  static json Record() {
    const Finished list = Service({"record", "list", "--json", "--limit", "1000"});
    EXPECT_EQ(list.code, 0) << list.out << list.err;
    return json::parse(list.out);
  }
  // The names of the events on record, in order.
  static std::vector<std::string> Events() {
    std::vector<std::string> names;
    const json record = Record();
    for (const auto& event : record["events"]) names.push_back(event["name"]);
    return names;
  }

  inline static const absl::Time now = absl::Now();
  inline static const crypto::P256PrivateKey root_key = crypto::P256PrivateKey::Generate();
  inline static const crypto::Certificate root =
      *crypto::MakeRoot(root_key, "example.org", {now - absl::Hours(48), now + absl::Hours(48)});
  inline static const crypto::P256PrivateKey issuing_key = crypto::P256PrivateKey::Generate();
  inline static const crypto::Certificate issuing = *crypto::MakeIssuing(
      root, root_key, issuing_key.spki(), "issuing", {now - absl::Hours(48), now + absl::Hours(48)});
  inline static std::string founded, folder, address;
  inline static int copies = 0;
};

TEST_F(AdminServiceTest, WithoutTheKeyServerTheAttemptIsOnRecordAndThePersonIsToldWhy) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  SetUpTool();
  const Finished list = Tool({"account", "list", "--json"});
  EXPECT_EQ(list.code, 1);
  const json error = json::parse(list.out)["error"];
  EXPECT_EQ(error["reason"], "keyserver_unreachable");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("the admin service runs"));
  const json events = Record()["events"];
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[2]["name"], "console.intent_received");
  EXPECT_EQ(events[2]["details"]["action"], "list_accounts");
  EXPECT_EQ(events[3]["name"], "console.intent_relayed");
  EXPECT_EQ(events[3]["reason"], "keyserver_unreachable");
}

TEST_F(AdminServiceTest, StartAndOrderlyEndAreOnRecordAndAKillLeavesItReadable) {
  std::unique_ptr<ServiceProcess> service = Serve();
  EXPECT_EQ(service->Kill(SIGTERM), 0);
  service = Serve();
  service->Kill(SIGKILL);
  EXPECT_THAT(Events(), ::testing::ElementsAre("service.initialised", "service.started", "service.stopped",
                                               "service.started"));
}

TEST_F(AdminServiceTest, GarbageIsRefusedOverTheWireAndOnRecord) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  ASSERT_OK(rpc::PinTls13());
  const SystemClock clock;
  const Profile profile{.server = address,
                        .server_name = "",
                        .domain = "example.org",
                        .organisation = root.fingerprint(),
                        .root_pem = root.ToPem()};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<AdminApi> api, Connect(profile, clock));
  keys::v1::IntentResult result;
  keys::v1::SignedIntent request;
  EXPECT_THAT(api->Submit(request, result),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
  keys::v1::IntentSignature* signature = request.add_signatures();
  signature->set_key_id(std::string(32, 'k'));
  signature->set_signature(std::string(64, 's'));
  for (int i = 0; i < 50; ++i) {
    request.set_intent(ToString(RandomBytes(RandomBelow(2000))));
    EXPECT_THAT(api->Submit(request, result),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("intent_malformed")));
  }
  request.set_intent(std::string(1 << 20, 'x'));
  EXPECT_THAT(api->Submit(request, result),
              StatusIs(absl::StatusCode::kResourceExhausted));  // refused unread
  const std::vector<std::string> events = Events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "console.request_refused"), 51);
  EXPECT_EQ(std::count(events.begin(), events.end(), "console.intent_received"), 0);
}

TEST_F(AdminServiceTest, AStoreThatIsOpenAlreadyOrACertificateThatExpiredStopTheStart) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  Finished second = Service({"serve"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("open"));
  service->Kill(SIGTERM);
  WriteCertificate(now - absl::Hours(3), now - absl::Hours(2));
  const Finished expired = Service({"serve"});
  EXPECT_EQ(expired.code, 1);
  EXPECT_THAT(expired.err, HasSubstr("expired"));
}

TEST_F(AdminServiceTest, ADamagedRecordStopsTheStart) {
  Serve()->Kill(SIGTERM);
  const std::string path = folder + "/state/admin.db";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-100, std::ios::end);
  file.put('\x55');
  file.put('\xaa');
  file.close();
  const Finished serve = Service({"serve"});
  EXPECT_EQ(serve.code, 1);
  EXPECT_THAT(serve.err, HasSubstr("damaged"));
}

TEST_F(AdminServiceTest, AWeakConfigurationIsRefusedWithItsLine) {
  WriteConfig("limits:\n  requests_per_minute: 0\n");
  EXPECT_THAT(Service({"serve"}).err, HasSubstr("admin.yaml:10"));
  WriteConfig("unknown_setting: 1\n");
  EXPECT_THAT(Service({"serve"}).err, HasSubstr("unknown_setting"));
  WriteConfig("");
  ASSERT_EQ(::chmod((folder + "/passphrase").c_str(), 0644), 0);
  EXPECT_THAT(Service({"serve"}).err, HasSubstr("passphrase"));
}

TEST_F(AdminServiceTest, TheToolTrustsNoOtherOrganisation) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  std::string wrong = root.fingerprint().ToText();
  wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
  const Finished setup =
      Tool({"setup", "--server", address, "--domain", "example.org", "--fingerprint", wrong, "--json"});
  EXPECT_EQ(setup.code, 1);
  EXPECT_EQ(json::parse(setup.out)["error"]["reason"], "root_mismatch");
  EXPECT_FALSE(std::filesystem::exists(folder + "/home/profile.yaml"));
}

TEST_F(AdminServiceTest, TheToolSaysWhenTheServiceIsDownAndWhenThePassphraseIsWrong) {
  std::unique_ptr<ServiceProcess> service = Serve();
  SetUpTool();
  service->Kill(SIGKILL);
  EXPECT_EQ(json::parse(Tool({"account", "list", "--json"}).out)["error"]["reason"], "server_unreachable");
  WritePrivate("passphrase", "another horse entirely\n");
  const Finished list = Tool({"account", "list", "--json"});
  EXPECT_EQ(json::parse(list.out)["error"]["reason"], "passphrase_wrong");
}

TEST_F(AdminServiceTest, NothingIsSignedWithoutAYes) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  SetUpTool();
  const Finished create =
      Tool({"account", "create", "alice", "--name", "Alice Archer", "--proofing-level", "seen in person",
            "--proofing-reference", "register 7", "--reason", "new starter"});
  EXPECT_EQ(create.code, 1);
  EXPECT_THAT(create.out, HasSubstr("create an account"));
  EXPECT_THAT(create.out, HasSubstr("Alice Archer"));
  EXPECT_THAT(create.err, HasSubstr("--yes"));
  EXPECT_THAT(Events(), ::testing::ElementsAre("service.initialised", "service.started"));
}

TEST_F(AdminServiceTest, ANameOfTwoAlphabetsIsRefusedBeforeAnythingIsSigned) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  SetUpTool();
  const Finished create = Tool({"--yes", "account", "create", "alice", "--name", "\u0410lice Archer", "--proofing-level",
                                "seen in person", "--proofing-reference", "register 7", "--reason", "new starter"});
  EXPECT_EQ(create.code, 1);
  EXPECT_THAT(create.err, AllOf(HasSubstr("mixes Cyrillic and Latin"), HasSubstr("[text_unusable]")));
  EXPECT_THAT(Events(), ::testing::ElementsAre("service.initialised", "service.started"));
}

TEST_F(AdminServiceTest, ReadingTheRecordBesideTheServiceLosesNothingOfWhatItWritesLater) {
  const std::unique_ptr<ServiceProcess> service = Serve();
  SetUpTool();
  for (size_t round = 1; round <= 2; ++round) {
    Tool({"account", "list"});
    EXPECT_EQ(Events().size(), 2 + 2 * round);
  }
  service->Kill(SIGKILL);
  EXPECT_EQ(Events().size(), 6u);
}

}  // namespace
}  // namespace plumbline::admin
