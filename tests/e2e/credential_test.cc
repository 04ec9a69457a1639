// Fourteen months of three people and a group, one of them away for thirteen: credentials of a year are renewed by themselves, nobody
// enrols again, and everybody can write to everybody. The programs are the real ones, with the time of day moved.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "common/config/config.h"
#include "common/crypto/issue.h"
#include "common/identity/labels.h"
#include "keyserver/key_ring.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline {
namespace {

using assess::CommandResult;
using assess::Person;
using assess::Service;
using nlohmann::json;
using plumbline::testing::EnsureOk;
using plumbline::testing::ExpectOk;
using plumbline::testing::Last;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using plumbline::testing::ValueOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kStep = 28;       // days; mailboxes and what waits in them live a little longer
constexpr int kReturn = 392;    // thirteen months
constexpr int kEnd = 420;       // fourteen
constexpr absl::Duration kLong = absl::Hours(24 * 900);  // more than twice as long: nothing but what is tested falls due

std::map<std::string, std::string> Moved(int day) {
  return {{"LD_PRELOAD", PLUMBLINE_BIN "/plumbline-clock.so"},
          {"ASSESS_CLOCK_OFFSET", absl::StrCat(absl::ToInt64Seconds(absl::Hours(24 * day)))}};
}

CommandResult On(int day, const Person& person, const std::vector<std::string>& arguments) {
  assess::Command command = {.program = PLUMBLINE_BIN "/plumbline",
                             .arguments = {"--json", "--home", person.home, "--passphrase-file", person.passphrase_file},
                             .environment = Moved(day),
                             .stdin_text = ""};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return ValueOf(assess::RunCommand(command, absl::Seconds(60)));
}

// The same keys under certificates that outlive the test: those of roles, witness policy, issuing authority and services are not its
// subject.
void CertifyForLong(assess::Organisation& organisation) {
  for (const Service service : {Service::kAdmin, Service::kDelivery, Service::kKeyserver}) ASSERT_EQ(organisation.Stop(service), 0);
  const std::string folder = organisation.FolderOf(Service::kKeyserver), data = folder + "/data";
  const Secret passphrase = ValueOf(config::ReadPassphraseFile(
      absl::StrCat(organisation.folder(), "/secrets/", std::filesystem::path(folder).filename().string(), ".passphrase")));
  keyserver::KeyRing keys = ValueOf(keyserver::UnsealKeyRing(data, passphrase));
  const crypto::P256PrivateKey root_key = ValueOf(keyserver::UnsealRootKey(data, passphrase));
  const absl::Time begin = keys.issuing.not_before();
  keys.issuing = ValueOf(crypto::MakeIssuing(keys.root, root_key, keys.issuing_key.spki(), keys.issuing.common_name(), {begin, begin + kLong}));
  const auto certify = [&](const crypto::Certificate& present, const crypto::Ed25519PublicKey& key) {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key);
    spec.uris = present.uris();
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {begin, begin + kLong};
    return ValueOf(crypto::IssueLeaf(keys.root, root_key, spec));
  };
  for (keyserver::RoleKey* const role : {&keys.directory, &keys.grants, &keys.tokens}) {
    role->certificate = certify(role->certificate, role->key.public_key());
  }
  const crypto::Ed25519KeyPair policy = crypto::Ed25519KeyPair::Generate();
  keys.witnesses->certificate =
      certify(ValueOf(crypto::Certificate::Parse(keys.witnesses->certificate)), policy.public_key()).der();
  keys.witnesses->signature = policy.Sign(identity::kWitnessPolicyLabel, keys.witnesses->policy);
  const auto serve = [&](const crypto::Certificate& present) {
    crypto::LeafSpec spec;
    spec.spki = present.spki();
    spec.uris = present.uris();
    spec.dns_names = present.dns_names();
    spec.ip_addresses = present.ip_addresses();
    spec.purpose = crypto::Purpose::kTlsPeer;
    spec.validity = {begin, begin + kLong};
    return ValueOf(crypto::IssueLeaf(keys.issuing, keys.issuing_key, spec));
  };
  keys.service_certificate = serve(keys.service_certificate);
  for (const Service service : {Service::kDelivery, Service::kAdmin}) {
    const std::string path = organisation.FolderOf(service) + "/certificate.pem";
    const crypto::Certificate next = serve(ValueOf(crypto::Certificate::ParsePem(ValueOf(assess::ReadFile(path)))));
    ASSERT_OK(assess::WriteFile(path, crypto::ToPemChain({next, keys.issuing, keys.root})));
  }
  ASSERT_OK(keyserver::SealKeyRing(data, passphrase, keys, testing::kCheap));
  ASSERT_OK(assess::WriteFile(organisation.FolderOf(Service::kDelivery) + "/trust.pem",
                              crypto::ToPemChain({keys.root, keys.directory.certificate, keys.grants.certificate, keys.tokens.certificate})));
  for (const Service service : {Service::kKeyserver, Service::kDelivery, Service::kAdmin}) ASSERT_OK(organisation.Start(service));
}

// The day, counted from now, on which the device's credential ends.
int CredentialEnds(int day, const Person& person) {
  absl::Time end;
  std::string error;
  const std::string text = Last(On(day, person, {"status"})).value("credential_ends", "");
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &end, &error)) << text;
  return static_cast<int>(absl::FDivDuration(end - absl::Now(), absl::Hours(24)) + 0.5);
}

TEST(Credential, CarriesAGroupAcrossFourteenMonthsWithOneAwayForThirteen) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  CertifyForLong(organisation);
  if (HasFatalFailure()) return;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob"), away = services.Enrolled("away"),
               dave = services.Enrolled("dave");
  ExpectOk(On(0, alice, {"group", "create", "Planning", "bob", "away"}));
  ExpectOk(On(0, alice, {"send", "group:Planning", "day 0"}));
  for (const Person& each : {bob, away}) EXPECT_THAT(Texts(On(0, each, {"read"})), Contains("day 0"));
  ExpectOk(On(0, away, {"send", "bob", "goodbye"}));
  ExpectOk(On(0, bob, {"read"}));
  for (const Person& each : {alice, bob, away, dave}) EXPECT_EQ(CredentialEnds(0, each), 365);
  ASSERT_EQ(organisation.Stop(Service::kAdmin), 0);
  const auto until = [&](int day) {
    for (const Service service : {Service::kWitness, Service::kKeyserver, Service::kDelivery}) {
      ASSERT_EQ(organisation.Stop(service), 0);
      ASSERT_OK(organisation.Start(service, Moved(day)));
    }
  };
  for (int day = kStep; day < kReturn; day += kStep) {
    SCOPED_TRACE(day);
    until(day);
    for (const Person& each : {alice, bob, dave}) ExpectOk(On(day, each, {"sync"}));
    ExpectOk(On(day, bob, {"sync"}));  // what alice's commit changed
    EXPECT_EQ(CredentialEnds(day, alice), day < 244 ? 365 : 252 + 365);
  }
  until(kReturn);
  for (const Person& each : {alice, bob, dave}) ExpectOk(On(kReturn, each, {"sync"}));

  // The one who is away has had a leaf with an ended credential in the group for a month. It keeps nobody from anything.
  ExpectOk(On(kReturn, alice, {"group", "add", "Planning", "dave"}));
  ExpectOk(On(kReturn, alice, {"send", "group:Planning", "welcome dave"}));
  EXPECT_THAT(Texts(On(kReturn, dave, {"read"})), Contains("welcome dave"));
  EXPECT_THAT(Texts(On(kReturn, bob, {"read"})), Contains("welcome dave"));
  const CommandResult early = On(kReturn, dave, {"send", "away", "are you there", "--wait", "0"});
  EXPECT_TRUE(early.exit_code == 0 || absl::StrContains(early.out, "no_devices")) << early.out << early.err;

  // Back: the device renews before anything else, and is in again without an invitation. It asks once in the mailboxes that it knew the
  // others by, which are long gone, and then where their newest key packages say.
  for (int day = kReturn; day < kReturn + 4; ++day) {
    if (day > kReturn) until(day);
    for (const Person& each : {away, alice, bob, dave}) ExpectOk(On(day, each, {"sync"}));
    EXPECT_EQ(CredentialEnds(day, away), kReturn + 365);
  }

  until(kEnd);
  const std::map<std::string, Person> people = {{"alice", alice}, {"bob", bob}, {"away", away}, {"dave", dave}};
  for (int round = 0; round < 2; ++round) {
    for (const auto& [name, person] : people) ExpectOk(On(kEnd, person, {"sync"}));
  }
  for (const auto& [name, person] : people) {
    ExpectOk(On(kEnd, person, {"send", "group:Planning", "to all from " + name}));
    for (const auto& [other, recipient] : people) {
      if (other == name) continue;
      ExpectOk(On(kEnd, person, {"send", other, absl::StrCat("to ", other, " from ", name)}));
    }
  }
  for (const auto& [name, person] : people) {
    ExpectOk(On(kEnd, person, {"sync"}));
    const std::vector<std::string> texts = Texts(On(kEnd, person, {"history"}));
    for (const auto& [other, sender] : people) {
      if (other == name) continue;
      EXPECT_THAT(texts, Contains("to all from " + other)) << "for " << name;
      EXPECT_THAT(texts, Contains(absl::StrCat("to ", name, " from ", other)));
    }
  }
  EXPECT_THAT(Texts(On(kEnd, dave, {"history"})), Contains("to dave from away"));

  // Every version of every record had the authority it needed.
  const std::string folder = organisation.folder(), log = folder + "/log", openings = folder + "/openings";
  ASSERT_OK(organisation.KeyserverTool({"export-log", "--out", log}));
  const CommandResult exported = ValueOf(organisation.KeyserverTool({"export-openings", "--out", openings, "--json"}));
  assess::Command auditor = {.program = PLUMBLINE_BIN "/plumbline-auditor",
                             .arguments = {"check-authority", "--log", organisation.directory_log_key(), "--source", log, "--openings", openings,
                                           "--trust", openings + ".trust.pem", "--json"},
                             .environment = Moved(kEnd),
                             .stdin_text = ""};
  const json export_said = json::parse(exported.out);
  for (const auto& administrator : export_said["administrators"]) {
    auditor.arguments.push_back("--administrator");
    auditor.arguments.push_back(administrator);
  }
  const CommandResult authority = ValueOf(assess::RunCommand(auditor, absl::Seconds(60)));
  ASSERT_EQ(authority.exit_code, 0) << authority.out << authority.err;
  const json found = json::parse(authority.out);
  EXPECT_EQ(found["findings"], json::array());
  EXPECT_EQ(found["checked"], 12);  // four accounts, four devices, four renewals: nobody enrolled again
}

// The key server refuses nobody, but is not there when the time comes: said weeks ahead, in words and for machines.
TEST(Credential, IsWarnedOfWhileItsRenewalFails) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice");
  EXPECT_THAT(On(300, alice, {"status"}).out, ::testing::Not(HasSubstr("\"reason\":\"credential_ends\""))) << "there is time";
  const CommandResult warned = On(320, alice, {"status"});
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_THAT(warned.out, HasSubstr("\"reason\":\"credential_ends\""));
  EXPECT_THAT(warned.out, HasSubstr("tell your administrator"));
  const CommandResult late = On(366, alice, {"status"});
  EXPECT_THAT(late.out, HasSubstr("ended on"));
}

}  // namespace
}  // namespace plumbline
