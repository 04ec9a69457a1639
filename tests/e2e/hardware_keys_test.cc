// An organisation whose keys are in a token (SoftHSM), as real processes in their sandbox: it serves as any other, and without the token
// nothing does.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/client_output.h"
#include "tests/common/pkcs11/softhsm.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

namespace fs = std::filesystem;
using assess::CommandResult;
using assess::Person;
using assess::Service;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class HardwareKeys : public ::testing::Test {
 protected:
  HardwareKeys() {
    EnsureOk(organisation_.Found({}));
    Administer(organisation_, {"key", "create"});
    for (const Service service : assess::kServices) EnsureOk(organisation_.Start(service));
    Administer(organisation_, {"setup", "--server", absl::StrCat("127.0.0.1:", organisation_.ports().admin), "--domain", assess::kDomain,
                               "--fingerprint", organisation_.fingerprint()});
    Administer(organisation_, {"register", "--name", "Ada", "--code", organisation_.administrator_code()});
  }

  Person Enrolled(const std::string& account) {
    Person person = ValueOf(organisation_.NewPerson(account, account + " Example"));
    EnsureOk(organisation_.CreateAccount(person));
    const CommandResult result = Run(person, {"enrol", "--accept-notice", "--quick-unlock", "--label", "laptop"}, ValueOf(organisation_.Invite(person)));
    if (result.exit_code != 0) std::fprintf(stderr, "%s%s\n", result.out.c_str(), result.err.c_str());
    CHECK(result.exit_code == 0);
    SealCheaply(person.home, person.passphrase_file);
    return person;
  }
  CommandResult Run(const Person& person, std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "--json");
    return ValueOf(organisation_.Client(person, arguments, input));
  }
  // The key server's program, to its end.
  CommandResult Keyserver(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", organisation_.ConfigOf(Service::kKeyserver)});
    return ValueOf(assess::RunCommand({.program = organisation_.Program("plumbline-keyserver"),
                                       .arguments = std::move(arguments),
                                       .environment = hsm_.Environment(),
                                       .stdin_text = ""},
                                      absl::Minutes(1)));
  }
  // What an exported audit record says, line after line.
  static std::string Records(const std::string& exported) {
    std::string out;
    for (const absl::string_view line : absl::StrSplit(exported, '\n', absl::SkipEmpty())) {
      std::string record;
      CHECK(absl::Base64Unescape(nlohmann::json::parse(std::string(line)).value("record", ""), &record));
      out += record + "\n";
    }
    return out;
  }
  std::string Log() const { return assess::ReadFile(organisation_.LogOf(Service::kKeyserver)).value_or(""); }

  const SoftHsm hsm_;
  const ScratchDir scratch_;
  assess::Organisation organisation_{{.bin = PLUMBLINE_BIN,
                                      .folder = scratch_ / "organisation",
                                      .controls = false,
                                      .client_environment = {},
                                      .keyserver_section = hsm_.Section(),
                                      .keyserver_environment = hsm_.Environment()}};
};

TEST_F(HardwareKeys, PeopleEnrolSendAndSpendTokens) {
  const Person alice = Enrolled("alice"), bob = Enrolled("bob");
  const auto send_and_read = [&](const std::string& text) {
    const CommandResult sent = Run(alice, {"send", bob.account, text, "--wait", "3"});
    EXPECT_EQ(sent.exit_code, 0) << sent.out << sent.err;
    EXPECT_THAT(Texts(Run(bob, {"read"})), Contains(text));
  };
  send_and_read("before");

  // All of it in the sandbox, as the key server is shipped; and it says nothing of the PIN.
  const std::string status = *assess::ReadFile(absl::StrCat("/proc/", organisation_.pid(Service::kKeyserver), "/status"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2\n"));
  EXPECT_THAT(Log(), Not(HasSubstr("sandbox.")));
  EXPECT_THAT(Log(), Not(HasSubstr(SoftHsm::kPin)));

  // Beside the running service; and after a crash.
  const std::string record = scratch_ / "record";
  EXPECT_EQ(Keyserver({"export-audit", "--out", record}).exit_code, 0);
  EXPECT_THAT(Records(*assess::ReadFile(record)), HasSubstr("tokens.drawn"));
  EXPECT_EQ(Keyserver({"verify-audit"}).exit_code, 0);
  organisation_.Kill(Service::kKeyserver);
  ASSERT_OK(organisation_.Start(Service::kKeyserver));
  send_and_read("after");
  EXPECT_EQ(organisation_.Stop(Service::kKeyserver), 0);
}

TEST_F(HardwareKeys, WithoutTheTokenNothingStarts) {
  const std::string token = scratch_ / "token";
  EXPECT_EQ(organisation_.Stop(Service::kKeyserver), 0);
  fs::copy(hsm_.folder(), token, fs::copy_options::recursive);
  hsm_.Remove();
  // Data folder, configuration and passphrase are all there.
  const CommandResult missing = Keyserver({"serve"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.out + missing.err, HasSubstr("pkcs11_token_missing: "));
  EXPECT_THAT(Keyserver({"verify-audit"}).err, HasSubstr("pkcs11_token_missing: "));
  EXPECT_THAT(Keyserver({"export-trust", "--out", scratch_ / "trust"}).err, HasSubstr("pkcs11_token_missing: "));

  hsm_.Add(SoftHsm::kLabel);  // another one, of the same label and PIN
  EXPECT_THAT(Keyserver({"serve"}).err, HasSubstr("pkcs11_key_missing: "));

  hsm_.Remove();
  fs::copy(token, hsm_.folder(), fs::copy_options::recursive);
  ASSERT_OK(organisation_.Start(Service::kKeyserver));
}

// The unit file does not restart on this exit code, so the token is not shown the PIN until it locks itself.
TEST_F(HardwareKeys, AWrongPinEndsTheServiceForGood) {
  EXPECT_EQ(organisation_.Stop(Service::kKeyserver), 0);
  EnsureOk(assess::WriteFile(hsm_.pin_file(), "9999\n"));
  const CommandResult refused = Keyserver({"serve"});
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_THAT(refused.err, HasSubstr("pkcs11_pin_wrong: "));
  EXPECT_THAT(refused.out + refused.err + Log(), Not(HasSubstr("9999")));
  EXPECT_THAT(assess::ReadFile(std::string(PLUMBLINE_SOURCE_DIR) + "/deploy/systemd/plumbline-keyserver.service").value_or(""),
              HasSubstr("\nRestartPreventExitStatus=78\n"));
  EnsureOk(assess::WriteFile(hsm_.pin_file(), absl::StrCat(SoftHsm::kPin, "\n")));
  ASSERT_OK(organisation_.Start(Service::kKeyserver));
}

// The sandbox keeps the library from writing where the configuration does not say that it may.
TEST_F(HardwareKeys, TheLibraryWritesWhereTheConfigurationSaysAlone) {
  EXPECT_EQ(organisation_.Stop(Service::kKeyserver), 0);
  const std::string config = organisation_.ConfigOf(Service::kKeyserver);
  const std::string whole = *assess::ReadFile(config);
  const std::string folders = absl::StrCat("  state_folders:\n    - ", hsm_.folder(), "\n");
  ASSERT_TRUE(absl::StrContains(whole, folders));
  std::string without = whole;
  without.erase(without.find(folders), folders.size());
  EnsureOk(assess::WriteFile(config, without));
  const CommandResult refused = Keyserver({"serve"});
  EXPECT_EQ(refused.exit_code, 1) << "no signal ends it";
  EXPECT_THAT(refused.err, HasSubstr("pkcs11_token_unwritable: "));
  EnsureOk(assess::WriteFile(config, whole));
  ASSERT_OK(organisation_.Start(Service::kKeyserver));
}

}  // namespace
}  // namespace plumbline::testing
