// Keys and certificates of the real services are replaced while people write to each other. Each text arrives once; what the former
// key or certificate opened is refused afterwards.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/identity/grant.h"
#include "common/rpc/credentials.h"
#include "common/rpc/handshake.h"
#include "common/rpc/listener.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "keyserver/issuer.h"
#include "keyserver/key_ring.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "tests/client_output.h"
#include "tests/common/tokens/mint.h"
#include "tests/e2e/backup_fixture.h"
#include "tests/server/organisation.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

using assess::CommandResult;
using assess::Service;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Service kServed[] = {Service::kDelivery, Service::kKeyserver, Service::kAdmin};

// Two people, one of whom writes without a pause; services whose certificates live `life`.
struct Busy {
  explicit Busy(absl::Duration life) {
    EnsureOk(rpc::PinTls13());
    for (const Service service : kServed) {
      CHECK(organisation.Stop(service) == 0);
      std::filesystem::remove(organisation.LogOf(service));
    }
    const std::string config = organisation.ConfigOf(Service::kKeyserver);
    EnsureOk(assess::WriteFile(config, absl::StrCat(ValueOf(assess::ReadFile(config)), "limits:\n  service_certificate_life: ",
                                                    absl::ToInt64Seconds(life), "s\n")));
    CHECK(organisation.KeyserverTool({"rotate", "service"}).ok());
    Certify(Service::kDelivery);
    Certify(Service::kAdmin);
    for (const Service service : kServed) EnsureOk(organisation.Start(service));
  }
  ~Busy() { Rest(); }

  // The ceremony: the request that is there since the service was made, signed.
  void Certify(Service service) {
    const bool delivery = service == Service::kDelivery;
    CHECK(organisation
              .KeyserverTool({"sign-service", "--service", delivery ? "delivery" : "admin", "--csr",
                              absl::StrCat(organisation.FolderOf(service), delivery ? "/data/server.csr" : "/data/admin.csr"), "--ip",
                              "127.0.0.1", "--out", organisation.FolderOf(service) + "/certificate.pem"})
              .ok());
  }
  // What a service's first listener shows now.
  crypto::Certificate Shown(Service service) {
    const auto shown = ValueOf(rpc::Handshake(absl::StrCat("127.0.0.1:", organisation.ListenersOf(service).front()), {}));
    CHECK(!shown.chain.empty());
    return shown.chain.front();
  }
  // And who issued that.
  crypto::Certificate AuthorityShown(Service service) {
    const auto shown = ValueOf(rpc::Handshake(absl::StrCat("127.0.0.1:", organisation.ListenersOf(service).front()), {}));
    CHECK(shown.chain.size() >= 2);
    return shown.chain[1];
  }
  bool Logged(Service service, const std::string& event) {
    return absl::StrContains(assess::ReadFile(organisation.LogOf(service)).value_or(""), event);
  }

  void Write() {
    writer = std::thread([this] {
      while (!enough) {
        const CommandResult result = services.Run(alice, {"send", "bob", absl::StrCat("text ", sent.load())});
        // What cannot be sent now is written down, and goes out with a later command.
        const bool waits = absl::StrContains(result.out, "The message is kept");
        late += waits;
        if (result.exit_code == 0 || waits) {
          ++sent;
        } else {
          failures.push_back(result.out + result.err);
        }
      }
    });
  }
  void Rest() {
    enough = true;
    if (writer.joinable()) writer.join();
  }
  // All that was written has arrived, once each.
  void ExpectAllOnce() {
    Rest();
    std::multiset<std::string> expected, came;
    for (int i = 0; i < sent; ++i) expected.insert(absl::StrCat("text ", i));
    const bool all = assess::PollUntil(
        [&] {
          services.Run(alice, {"sync"});
          for (const std::string& text : Texts(services.Run(bob, {"read"}))) {
            if (absl::StartsWith(text, "text ")) came.insert(text);
          }
          return came.size() >= expected.size();
        },
        absl::Seconds(60));
    EXPECT_TRUE(all);
    EXPECT_EQ(came, expected);
    EXPECT_GT(sent, 3);
    std::printf("%d texts were written meanwhile, %d of them while a service was away, and each arrived once\n", sent.load(), late.load());
  }

  ServiceFixture services{PLUMBLINE_BIN};
  assess::Organisation& organisation = services.organisation;
  const assess::Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  std::atomic<int> sent = 0, late = 0;
  std::atomic<bool> enough = false;
  std::vector<std::string> failures;
  std::thread writer;
};

// Certificates of half a minute: each service renews its own again and again, under load, and is never restarted.
TEST(ServiceCertificates, RenewThemselvesUnderLoad) {
  constexpr absl::Duration kLife = absl::Seconds(40);
  Busy busy(kLife);
  std::map<Service, pid_t> pids;
  std::map<Service, std::set<Bytes>> keys;
  std::map<Service, crypto::Certificate> first;
  for (const Service service : kServed) {
    pids[service] = busy.organisation.pid(service);
    first.emplace(service, busy.Shown(service));
  }
  busy.Write();
  const auto renewed = [&] {
    bool all = true;
    for (const Service service : kServed) {
      keys[service].insert(busy.Shown(service).spki());
      all = all && keys[service].size() >= 3 && absl::Now() > first.at(service).not_after();
    }
    return all;
  };
  EXPECT_TRUE(assess::PollUntil(renewed, absl::Seconds(120))) << "two renewals of each, and the first certificates are over";
  for (const Service service : kServed) {
    SCOPED_TRACE(Title(service));
    EXPECT_EQ(busy.organisation.pid(service), pids[service]);
    EXPECT_TRUE(busy.organisation.Running(service));
    const crypto::Certificate now = busy.Shown(service);
    EXPECT_GT(now.not_after(), absl::Now());
    EXPECT_EQ(now.uris(), first.at(service).uris());
    EXPECT_EQ(now.ip_addresses(), first.at(service).ip_addresses());
    EXPECT_TRUE(busy.Logged(service, "certificate.renewed"));
    EXPECT_FALSE(busy.Logged(service, "certificate.renewal_failed"));
  }
  busy.ExpectAllOnce();
  EXPECT_THAT(busy.failures, ::testing::IsEmpty());
  EXPECT_EQ(busy.late, 0) << "nobody noticed";
  // The administrator's way leads through two of them.
  Administer(busy.organisation, {"account", "create", "carol", "--name", "Carol", "--proofing-level", "seen in person", "--proofing-reference",
                                 "7", "--reason", "new"});
  // What was renewed is there after a restart, though the files of the ceremony are long over.
  for (const Service service : {Service::kDelivery, Service::kAdmin}) {
    const crypto::Certificate before = busy.Shown(service);
    EXPECT_EQ(busy.organisation.Stop(service), 0);
    EXPECT_OK(busy.organisation.Start(service));
    EXPECT_GE(busy.Shown(service).not_before(), before.not_before());
    EXPECT_GT(busy.Shown(service).not_after(), absl::Now());
  }
  Administer(busy.organisation, {"audit", "verify"});
}

// Nobody renews the delivery server's certificate for too long. It says so before and after, is not believed, and comes back with a
// ceremony; what people wrote meanwhile arrives then.
TEST(ServiceCertificates, OneThatHasEndedIsRefusedUntilACeremony) {
  Busy busy(absl::Seconds(30));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  const crypto::Certificate last = busy.Shown(Service::kDelivery);
  ASSERT_TRUE(assess::PollUntil([&] { return busy.Logged(Service::kDelivery, "certificate.expires_soon"); }, absl::Seconds(60)));
  EXPECT_LT(absl::Now(), last.not_after());
  ASSERT_TRUE(assess::PollUntil([&] { return absl::Now() > last.not_after() + absl::Seconds(1); }, absl::Seconds(60)));
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  ASSERT_TRUE(assess::PollUntil([&] { return busy.Logged(Service::kKeyserver, "certificate.renewal_failed"); }, absl::Seconds(30)));
  EXPECT_EQ(busy.Shown(Service::kDelivery), last) << "what has ended is not renewed";
  const CommandResult refused = busy.services.Run(busy.alice, {"send", "bob", "text 0"});
  EXPECT_THAT(refused.out + refused.err, HasSubstr("certificate")) << "the cause is named";
  EXPECT_EQ(busy.organisation.Stop(Service::kDelivery), 0);
  EXPECT_THAT(busy.organisation.Start(Service::kDelivery), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate_invalid")));
  busy.Certify(Service::kDelivery);
  ASSERT_OK(busy.organisation.Start(Service::kDelivery));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.alice, {"send", "bob", "after"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_THAT(Texts(busy.services.Run(busy.bob, {"read"})), ::testing::Contains("after"));
}

// The directory's log gets another key: what `rotate log` printed, and what its witness and its auditor do about it.
struct LogKeyChange {
  explicit LogKeyChange(Busy& busy) : one(busy) {}
  void Rotate(const std::string& former_ends) {
    ASSERT_EQ(one.organisation.Stop(Service::kKeyserver), 0);
    said = nlohmann::json::parse(ValueOf(one.organisation.KeyserverTool({"rotate", "log", "--former-ends", former_ends, "--json"})).out);
    ASSERT_OK(one.organisation.Start(Service::kKeyserver));
  }
  // In the place of the former one.
  void TellWitness() {
    const std::string config = one.organisation.ConfigOf(Service::kWitness);
    EXPECT_EQ(one.organisation.Stop(Service::kWitness), 0);
    EnsureOk(assess::WriteFile(config, absl::StrReplaceAll(ValueOf(assess::ReadFile(config)), {{said["former_key"], said["log_key"]}})));
    EnsureOk(one.organisation.Start(Service::kWitness));
  }
  int Audit(const std::string& key) {
    EnsureOk(one.organisation.KeyserverTool({"export-log", "--out", one.organisation.folder() + "/log"}).status());
    return ValueOf(assess::RunCommand({.program = one.organisation.Program("plumbline-auditor"),
                                       .arguments = {"replay", "--log", key, "--source", one.organisation.folder() + "/log", "--state",
                                                     one.organisation.folder() + "/audit"},
                                       .environment = {}, .stdin_text = ""}))
        .exit_code;
  }
  Busy& one;
  nlohmann::json said;
};

// Its witness gets a line for the log that follows, in the place of that of the former one.
void TellWitnessOfLog(assess::Organisation& organisation, const std::string& former, const std::string& next) {
  const std::string config = organisation.ConfigOf(Service::kWitness);
  EXPECT_EQ(organisation.Stop(Service::kWitness), 0);
  EnsureOk(assess::WriteFile(config, absl::StrReplaceAll(ValueOf(assess::ReadFile(config)), {{former, next}})));
  EnsureOk(organisation.Start(Service::kWitness));
}

TEST(RotatedLogKey, TheLogGoesOnAndTheFormerKeyEnds) {
  Busy busy(absl::Hours(24 * 14));
  const assess::Person away = busy.services.Enrolled("carol");
  ASSERT_EQ(busy.services.Run(away, {"send", "bob", "before"}).exit_code, 0);
  LogKeyChange change(busy);
  EXPECT_EQ(change.Audit(busy.organisation.directory_log_key()), 0);
  busy.Write();
  ASSERT_TRUE(assess::PollUntil([&] { return busy.sent >= 2; }, absl::Seconds(60)));
  change.Rotate("60s");
  absl::Time ends;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, change.said["former_ends"].get<std::string>(), &ends, nullptr));
  const std::string former = change.said["former_key"], next = change.said["log_key"];
  EXPECT_EQ(former, busy.organisation.directory_log_key());
  const std::string kept = busy.organisation.FolderOf(Service::kKeyserver) + "/data/log.former";
  // Nobody has told the witness, and it goes on: people come, and are told of.
  busy.services.Enrolled("dave");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "dave", "welcome"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_TRUE(std::filesystem::exists(kept));
  EXPECT_LT(absl::Now(), ends) << "this machine is too slow for the test";
  EXPECT_FALSE(busy.Logged(Service::kWitness, "log.not_signed"));
  for (const std::string& key : {former, next}) EXPECT_EQ(change.Audit(key), 0);
  // On its time it ends.
  EXPECT_TRUE(assess::PollUntil([&] { return !std::filesystem::exists(kept); }, absl::Seconds(90)));
  EXPECT_GE(absl::Now(), ends);
  busy.services.Enrolled("erin");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.Logged(Service::kWitness, "log.not_signed"); }, absl::Seconds(90)));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.Logged(Service::kKeyserver, "directory.witness_refuses"); }, absl::Seconds(30)));
  const CommandResult early = busy.services.Run(busy.bob, {"send", "erin", "welcome", "--wait", "0"});
  EXPECT_THAT(early.out + early.err, HasSubstr("unknown_user")) << "what its witness does not confirm is told to nobody";
  EXPECT_EQ(change.Audit(former), 1);
  change.TellWitness();
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "erin", "welcome"}).exit_code == 0; }, absl::Seconds(60)));
  EXPECT_EQ(change.Audit(next), 0) << "in the same state";
  // Who was away over all of it.
  EXPECT_EQ(busy.services.Run(away, {"send", "bob", "after"}).exit_code, 0);
  busy.ExpectAllOnce();
  for (const std::string& failure : busy.failures) EXPECT_THAT(failure, HasSubstr("CANCELLED"));
  const CommandResult record = ValueOf(busy.organisation.Administer({"audit", "list"}));
  for (const char* event : {"key.rotated", "key.former_ended"}) EXPECT_THAT(record.out, HasSubstr(event));
  Administer(busy.organisation, {"audit", "verify"});
}

// A thief has the former key, and with it all that the key server had on its disk; even what its witness cosigned under that key is
// believed by nobody who has the new policy.
TEST(RotatedLogKey, AStolenOneIsBelievedByNobody) {
  Busy busy(absl::Hours(24 * 14));
  const std::string data = busy.organisation.FolderOf(Service::kKeyserver) + "/data", stolen = busy.organisation.folder() + "/stolen",
                    whole = busy.organisation.folder() + "/whole";
  const auto copy = [](const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  };
  ASSERT_EQ(busy.services.Run(busy.alice, {"send", "bob", "before"}).exit_code, 0);
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  copy(data, stolen);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  LogKeyChange change(busy);
  change.Rotate("now");
  EXPECT_FALSE(std::filesystem::exists(data + "/log.former"));
  // What was confirmed before goes on to be believed, under the new key.
  EXPECT_EQ(busy.services.Run(busy.alice, {"send", "bob", "between"}).exit_code, 0);
  change.TellWitness();
  busy.services.Enrolled("dave");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.alice, {"send", "dave", "welcome"}).exit_code == 0; }, absl::Seconds(60)));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  copy(data, whole);
  copy(stolen, data);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  const CommandResult refused = busy.services.Run(busy.alice, {"send", "bob", "is it you?", "--wait", "0"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.out + refused.err, HasSubstr("log_invalid"));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.Logged(Service::kWitness, "log.not_signed"); }, absl::Seconds(90)));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  copy(whole, data);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.alice, {"send", "bob", "good"}).exit_code == 0; }, absl::Seconds(60)));
}

// A key server that was restored from a copy of before somebody came: nobody believes it until the root has said that it goes on, and then
// those who have seen more are told once what was lost.
TEST(RotatedVrfKey, ARestoredKeyServerGoesOn) {
  Busy busy(absl::Hours(24 * 14));
  const std::string data = busy.organisation.FolderOf(Service::kKeyserver) + "/data", kept = busy.organisation.folder() + "/kept";
  const auto copy = [](const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  };
  ASSERT_EQ(busy.services.Run(busy.alice, {"send", "bob", "before"}).exit_code, 0);
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  copy(data, kept);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  busy.services.Enrolled("carol");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "carol", "welcome"}).exit_code == 0; }, absl::Seconds(30)));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  copy(kept, data);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  const CommandResult refused = busy.services.Run(busy.bob, {"send", "alice", "is it you?", "--wait", "0"});
  EXPECT_THAT(refused.out + refused.err, HasSubstr("directory_behind"));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  const nlohmann::json said =
      nlohmann::json::parse(ValueOf(busy.organisation.KeyserverTool({"rotate", "vrf", "--restored", "--json"})).out);
  TellWitnessOfLog(busy.organisation, said["former_key"], said["log_key"]);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "alice", "it is"}).exit_code == 0; }, absl::Seconds(60)));
  const CommandResult read = busy.services.Run(busy.bob, {"history", "bob"});
  EXPECT_THAT(read.out, HasSubstr("carol"));
  EXPECT_THAT(read.out, HasSubstr("was restored from an older copy"));
  EXPECT_EQ(busy.services.Run(busy.alice, {"send", "bob", "after"}).exit_code, 0);
  EXPECT_THAT(Texts(busy.services.Run(busy.bob, {"read"})), ::testing::Contains("after"));
}

// The directory begins another log, with another VRF key, as the runbook says, while two people write; a third was away over it, and a
// fourth over two. Nobody is looked up again.
TEST(RotatedVrfKey, NothingIsLostUnderLoad) {
  Busy busy(absl::Hours(24 * 14));
  const assess::Person away = busy.services.Enrolled("carol"), long_away = busy.services.Enrolled("dave");
  for (const assess::Person& each : {away, long_away}) ASSERT_EQ(busy.services.Run(each, {"send", "bob", "before"}).exit_code, 0);
  busy.Write();
  ASSERT_TRUE(assess::PollUntil([&] { return busy.sent >= 2; }, absl::Seconds(60)));
  for (int number = 2; number <= 3; ++number) {
    SCOPED_TRACE(number);
    const int sent = busy.sent;
    EXPECT_FALSE(busy.organisation.KeyserverTool({"rotate", "vrf"}).ok()) << "not while it serves";
    ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
    const CommandResult done = ValueOf(busy.organisation.KeyserverTool({"rotate", "vrf", "--json"}));
    const nlohmann::json said = nlohmann::json::parse(done.out);
    EXPECT_EQ(said["log"], number);
    const std::string next = said["log_key"];
    TellWitnessOfLog(busy.organisation, said["former_key"], next);
    ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
    EXPECT_TRUE(assess::PollUntil([&] { return busy.sent >= sent + 3; }, absl::Seconds(60)));
    EXPECT_EQ(busy.services.Run(number == 2 ? away : long_away, {"send", "bob", "after"}).exit_code, 0);
    // Auditors begin anew, of each log.
    EnsureOk(busy.organisation.KeyserverTool({"export-log", "--out", absl::StrCat(busy.organisation.folder(), "/log", number)}).status());
    const CommandResult audited = ValueOf(assess::RunCommand(
        {.program = busy.organisation.Program("plumbline-auditor"),
         .arguments = {"replay", "--log", next, "--source", absl::StrCat(busy.organisation.folder(), "/log", number), "--state",
                       absl::StrCat(busy.organisation.folder(), "/audit", number)},
         .environment = {}, .stdin_text = ""}));
    EXPECT_EQ(audited.exit_code, 0) << audited.out << audited.err;
  }
  const assess::Person erin = busy.services.Enrolled("erin");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "erin", "welcome"}).exit_code == 0; }, absl::Seconds(60)));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(erin, {"send", "carol", "hello"}).exit_code == 0; }, absl::Seconds(60)));
  busy.ExpectAllOnce();
  for (const std::string& failure : busy.failures) EXPECT_THAT(failure, HasSubstr("CANCELLED"));
  const CommandResult record = ValueOf(busy.organisation.Administer({"audit", "list"}));
  EXPECT_THAT(record.out, HasSubstr("key.rotated"));
  Administer(busy.organisation, {"audit", "verify"});
}

// The wrapping secret and the key server's TLS key, each replaced as the runbook says, while somebody writes.
TEST(RotatedKeys, NothingIsLostUnderLoad) {
  Busy busy(absl::Hours(24 * 14));
  busy.Write();
  ASSERT_TRUE(assess::PollUntil([&] { return busy.sent >= 2; }, absl::Seconds(60)));
  const crypto::Certificate before = busy.Shown(Service::kKeyserver);
  for (const char* key : {"wrapping", "service"}) {
    SCOPED_TRACE(key);
    const int sent = busy.sent;
    EXPECT_FALSE(busy.organisation.KeyserverTool({"rotate", key}).ok()) << "not while it serves";
    ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
    EXPECT_OK(busy.organisation.KeyserverTool({"rotate", key}).status());
    ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
    EXPECT_TRUE(assess::PollUntil([&] { return busy.sent >= sent + 3; }, absl::Seconds(60)));
  }
  EXPECT_NE(busy.Shown(Service::kKeyserver).spki(), before.spki());
  busy.ExpectAllOnce();
  EXPECT_THAT(busy.failures, ::testing::IsEmpty());
  const CommandResult record = ValueOf(busy.organisation.Administer({"audit", "list"}));
  EXPECT_THAT(record.out, HasSubstr("key.rotated"));
  Administer(busy.organisation, {"audit", "verify"});
}

// The keys of the roles, each replaced as the runbook says, once with a former key that still counts and once with one that does not any
// more, while two people write; somebody who comes afterwards is believed and believes, and so does a delivery server that starts anew
// with the trust file of the beginning.
TEST(RotatedKeys, OfRolesUnderLoad) {
  Busy busy(absl::Hours(24 * 14));
  busy.Write();
  ASSERT_TRUE(assess::PollUntil([&] { return busy.sent >= 2; }, absl::Seconds(60)));
  int number = 0;
  Administer(busy.organisation, {"audit", "verify"});
  for (const char* role : {"directory", "grants", "tokens", "audit"}) {
    for (const bool now : {false, true}) {
      SCOPED_TRACE(absl::StrCat(role, now ? " at once" : ""));
      const int sent = busy.sent;
      std::vector<std::string> command = {"rotate", role};
      if (now) command.insert(command.end(), {"--former-ends", "now"});
      EXPECT_FALSE(busy.organisation.KeyserverTool(command).ok()) << "not while it serves";
      ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
      const CommandResult done = ValueOf(busy.organisation.KeyserverTool(command));
      EXPECT_THAT(done.out, HasSubstr(absl::StrCat(++number)));
      ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
      EXPECT_TRUE(assess::PollUntil([&] { return busy.sent >= sent + 3; }, absl::Seconds(60)));
      Administer(busy.organisation, {"audit", "verify"});  // who remembers the key of the last time
    }
  }
  const assess::Person carol = busy.services.Enrolled("carol");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(carol, {"send", "bob", "hello from carol"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "carol", "hello carol"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        const auto texts = Texts(busy.services.Run(carol, {"read"}));
        return std::find(texts.begin(), texts.end(), "hello carol") != texts.end();
      },
      absl::Seconds(30)));
  ASSERT_EQ(busy.organisation.Stop(Service::kDelivery), 0);
  ASSERT_OK(busy.organisation.Start(Service::kDelivery));
  const int sent = busy.sent;
  EXPECT_TRUE(assess::PollUntil([&] { return busy.sent >= sent + 3; }, absl::Seconds(60)));
  busy.ExpectAllOnce();
  for (const std::string& failure : busy.failures) EXPECT_THAT(failure, HasSubstr("CANCELLED"));
  EXPECT_FALSE(busy.Logged(Service::kKeyserver, "organisation_keys.refused"));
  Administer(busy.organisation, {"audit", "verify"});
}

// The issuing authority, replaced as the runbook says, while two people write: before the former one ends, the services and both devices
// have certificates of the next, by themselves.
TEST(RotatedKeys, OfTheIssuingAuthorityUnderLoad) {
  Busy busy(absl::Seconds(40));
  busy.Write();
  ASSERT_TRUE(assess::PollUntil([&] { return busy.sent >= 2; }, absl::Seconds(60)));
  EXPECT_FALSE(busy.organisation.KeyserverTool({"rotate", "issuing"}).ok()) << "not while it serves";
  const crypto::Certificate former = busy.AuthorityShown(Service::kKeyserver);
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  const auto said = nlohmann::json::parse(ValueOf(busy.organisation.KeyserverTool({"rotate", "issuing", "--former-ends", "90s", "--json"})).out);
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  absl::Time ends;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, said["former_ends"].get<std::string>(), &ends, nullptr));
  const crypto::Certificate next = busy.AuthorityShown(Service::kKeyserver);
  EXPECT_EQ(ToHex(Sha256(next.spki())), said["next"].get<std::string>());
  EXPECT_EQ(ToHex(Sha256(former.spki())), said["former"].get<std::string>());
  const auto renewals = [&] {
    const std::string record = ValueOf(busy.organisation.Administer({"audit", "list"})).out;
    int count = 0;
    for (size_t at = 0; (at = record.find("device.credential_renewed", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        busy.services.Run(busy.bob, {"sync"});
        return busy.AuthorityShown(Service::kDelivery) == next && busy.AuthorityShown(Service::kAdmin) == next && renewals() == 2;
      },
      absl::Seconds(85)));
  EXPECT_LT(absl::Now(), ends) << "this machine is too slow for the test";
  EXPECT_TRUE(assess::PollUntil([&] { return absl::Now() > ends + absl::Seconds(1); }, absl::Seconds(120)));
  const int sent = busy.sent;
  EXPECT_TRUE(assess::PollUntil([&] { return busy.sent >= sent + 3; }, absl::Seconds(60)));
  const assess::Person carol = busy.services.Enrolled("carol");
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(carol, {"send", "bob", "hello from carol"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.bob, {"send", "carol", "hello carol"}).exit_code == 0; }, absl::Seconds(30)));
  busy.ExpectAllOnce();
  for (const std::string& failure : busy.failures) EXPECT_THAT(failure, HasSubstr("CANCELLED"));
  EXPECT_FALSE(busy.Logged(Service::kKeyserver, "organisation_keys.refused"));
  for (int i = 0; i < 2; ++i) Administer(busy.organisation, {"audit", "verify"});  // the second time by what the first one kept
}

// Whoever kept the authority's key from a copy of keys.sealed can make certificates for everybody. From the moment on that the root says
// so none is believed, and those who are in order have new ones.
TEST(RotatedKeys, AStolenIssuingKeyOpensNothing) {
  Busy busy(absl::Hours(24 * 14));
  ASSERT_EQ(busy.services.Run(busy.alice, {"send", "bob", "before"}).exit_code, 0);
  const std::string data = busy.organisation.FolderOf(Service::kKeyserver) + "/data";
  const std::string text(absl::StripAsciiWhitespace(ValueOf(assess::ReadFile(busy.organisation.folder() + "/secrets/keyserver.passphrase"))));
  const keyserver::KeyRing stolen = ValueOf(keyserver::UnsealKeyRing(data, Secret::CopyOf(AsBytes(text))));
  const crypto::P256PrivateKey thief = crypto::P256PrivateKey::Generate();
  const keyserver::Issuer issuer(assess::kDomain, stolen.issuing, stolen.issuing_key);
  const crypto::Certificate forged =
      ValueOf(issuer.ServiceTls(thief.spki(), identity::Service::kDelivery, {}, {"127.0.0.1"}, absl::Now(), absl::Hours(24 * 14)));
  ASSERT_EQ(busy.organisation.Stop(Service::kKeyserver), 0);
  ASSERT_OK(busy.organisation.KeyserverTool({"rotate", "issuing", "--former-ends", "now"}).status());
  ASSERT_OK(busy.organisation.Start(Service::kKeyserver));
  // The services that show the former authority's certificates are left too, until each was certified anew.
  const CommandResult early = busy.services.Run(busy.alice, {"send", "bob", "text 0", "--wait", "0"});
  EXPECT_THAT(early.out + early.err, HasSubstr("server_authority_replaced"));
  ASSERT_EQ(busy.organisation.Stop(Service::kDelivery), 0);
  {
    // The thief in the delivery server's place.
    const auto credentials = ValueOf(rpc::AnonymousServerCredentials(
        {crypto::ToPemChain({forged, stolen.issuing, stolen.root}), thief.ToPem()}));
    delivery::v1::Delivery::CallbackService service;
    const auto impostor = ValueOf(rpc::Listener::Start(
        {.address = absl::StrCat("127.0.0.1:", busy.organisation.ports().delivery), .root_pem = stolen.RootPem()}, credentials, {&service}));
    const CommandResult refused = busy.services.Run(busy.alice, {"send", "bob", "text 1", "--wait", "0"});
    EXPECT_THAT(refused.out + refused.err, HasSubstr("server_authority_replaced"));
  }
  busy.Certify(Service::kDelivery);
  busy.Certify(Service::kAdmin);
  ASSERT_OK(busy.organisation.Start(Service::kDelivery));
  ASSERT_EQ(busy.organisation.Stop(Service::kAdmin), 0);
  ASSERT_OK(busy.organisation.Start(Service::kAdmin));
  // Devices go on with what they have, and get new certificates.
  EXPECT_TRUE(assess::PollUntil([&] { return busy.services.Run(busy.alice, {"sync"}).exit_code == 0; }, absl::Seconds(30)));
  const auto came = [&] { return Texts(busy.services.Run(busy.bob, {"read"})); };
  std::vector<std::string> all;
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        for (const std::string& each : came()) all.push_back(each);
        return all.size() >= 3;
      },
      absl::Seconds(60)));
  EXPECT_THAT(all, ::testing::ElementsAre("before", "text 0", "text 1"));
  Administer(busy.organisation, {"account", "create", "carol", "--name", "Carol", "--proofing-level", "seen in person", "--proofing-reference",
                                 "7", "--reason", "new"});
  // A device's certificate by the stolen key: not even its authority's end is needed.
  rpc::Endpoint device;
  device.address = absl::StrCat("127.0.0.1:", busy.organisation.ListenersOf(Service::kKeyserver)[1]);
  device.root_pem = stolen.RootPem();
  const auto as_alice = nlohmann::json::parse(busy.services.Run(busy.alice, {"status", "--json"}).out);
  const auto id = ValueOf(identity::ToFixed<16>(AsBytes(absl::HexStringToBytes(as_alice["device"].get<std::string>()))));
  const crypto::Certificate forged_device =
      ValueOf(issuer.DeviceTls(ValueOf(crypto::CertificateRequest::Parse(crypto::CertificateRequest::Create(thief))), id, absl::Now()));
  device.identity = rpc::TlsIdentity{crypto::ToPemChain({forged_device, stolen.issuing}), thief.ToPem()};
  const auto stub = keys::v1::Device::NewStub(ValueOf(rpc::NewChannel(device)));
  grpc::ClientContext context;
  keys::v1::OpenChannelResponse response;
  EXPECT_THAT(rpc::FromGrpc(stub->OpenChannel(&context, {}, &response)), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("device_key_other: ")));
}

// Whoever kept the former keys from a copy of keys.sealed, and knows its passphrase.
TEST(RotatedKeys, OldSignaturesOpenNothingAnyMore) {
  EnsureOk(rpc::PinTls13());
  ServiceFixture services{PLUMBLINE_BIN};
  assess::Organisation& organisation = services.organisation;
  const assess::Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  EXPECT_EQ(services.Run(alice, {"send", "bob", "before"}).exit_code, 0);
  const std::string data = organisation.FolderOf(Service::kKeyserver) + "/data";
  const std::string text(absl::StripAsciiWhitespace(ValueOf(assess::ReadFile(organisation.folder() + "/secrets/keyserver.passphrase"))));
  const Secret passphrase = Secret::CopyOf(AsBytes(text));
  const keyserver::KeyRing stolen = ValueOf(keyserver::UnsealKeyRing(data, passphrase));
  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", organisation.ports().delivery);
  endpoint.root_pem = stolen.RootPem();
  const auto open_mailbox = [&](const crypto::Ed25519Signer& by) {
    const auto stub = delivery::v1::Delivery::NewStub(ValueOf(rpc::NewChannel(endpoint)));
    const server::TestMailbox mailbox;
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    delivery::v1::OpenMailboxResponse response;
    return rpc::FromGrpc(
        stub->OpenMailbox(&context, mailbox.Opening(ToString(Encode(ValueOf(identity::IssueGrant(by, absl::Now()))))), &response));
  };
  const auto open_session = [&](const keyserver::KeyRing& by) {
    const auto stub = delivery::v1::Delivery::NewStub(ValueOf(rpc::NewChannel(endpoint)));
    const auto role = ValueOf(crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(by.tokens.key.seed())));
    delivery::v1::OpenSessionRequest request;
    tokens::Show(request, tokens::Mint(assess::kDomain, role).Draw(tokens::kPurposeDelivery, absl::Now()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    delivery::v1::OpenSessionResponse response;
    return rpc::FromGrpc(stub->OpenSession(&context, request, &response));
  };
  EXPECT_OK(open_mailbox(stolen.grants.key));
  EXPECT_OK(open_session(stolen));
  ASSERT_EQ(organisation.Stop(Service::kKeyserver), 0);
  for (const char* role : {"directory", "grants", "tokens"}) ASSERT_OK(organisation.KeyserverTool({"rotate", role, "--former-ends", "now"}).status());
  ASSERT_OK(organisation.Start(Service::kKeyserver));
  const keyserver::KeyRing present = ValueOf(keyserver::UnsealKeyRing(data, passphrase));
  const auto expect_ended = [&] {
    EXPECT_THAT(open_mailbox(stolen.grants.key), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("grant_invalid: ")));
    EXPECT_THAT(open_session(stolen), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid: ")));
    EXPECT_OK(open_mailbox(present.grants.key));
    EXPECT_OK(open_session(present));
  };
  EXPECT_TRUE(assess::PollUntil([&] { return open_mailbox(present.grants.key).ok(); }, absl::Seconds(20)));
  expect_ended();
  // Also after a restart of the delivery server, whose trust file is from before.
  ASSERT_EQ(organisation.Stop(Service::kDelivery), 0);
  ASSERT_OK(organisation.Start(Service::kDelivery));
  expect_ended();
  // The two have mailboxes, tokens and records from before, and go on.
  EXPECT_TRUE(assess::PollUntil([&] { return services.Run(alice, {"send", "bob", "after"}).exit_code == 0; }, absl::Seconds(30)));
  EXPECT_THAT(Texts(services.Run(bob, {"read"})), ::testing::ElementsAre("before", "after"));
}

}  // namespace
}  // namespace plumbline::testing
