// A person's devices, through the real programs and services.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assess/tools/child.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

using nlohmann::json;

// Starts `enrol` on a new device; the code that it shows.
std::string AskToJoin(ServiceFixture& services, assess::Child& child, const assess::Person& device,
                      const std::string& invitation) {
  const std::string log =
      absl::StrCat(services.organisation.folder(), "/", device.account, ".enrol");
  auto started = services.organisation.StartClient(
      device,
      {"--json", "enrol", "--accept-notice", "--quick-unlock", "--label", "tablet", "--invitation", invitation}, log,
      false);
  EXPECT_OK(started);
  child = *std::move(started);
  std::string code;
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        const json line = Last(assess::ReadFile(log).value_or(""));
        if (line.is_object()) code = line.value("approval_code", "");
        return !code.empty();
      },
      absl::Seconds(20)))
      << assess::ReadFile(log).value_or("");
  return code;
}

struct Scene {
  Scene() : alice(services.Enrolled("alice")) {
    tablet = ValueOf(services.organisation.NewPerson("alice-tablet", "Alice's tablet"));
  }
  std::string Invite(const assess::Person& from) {
    const assess::CommandResult result = services.Run(from, {"devices", "invite"});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return Last(result.out).value("invitation", "");
  }
  std::string Ask(assess::Child& child, const assess::Person& device, const std::string& invitation) {
    return AskToJoin(services, child, device, invitation);
  }
  size_t Devices(const assess::Person& of) {
    const assess::CommandResult result = services.Run(of, {"devices"});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return Last(result.out)["devices"].size();
  }
  ServiceFixture services{PLUMBLINE_BIN};
  assess::Person alice, tablet;
};

TEST(Devices, ASecondOneJoinsWithACodeFromItsScreenAndIsListed) {
  Scene s;
  assess::Child enrolling;
  const std::string code = s.Ask(enrolling, s.tablet, s.Invite(s.alice));
  EXPECT_EQ(s.Devices(s.alice), 1u);
  EXPECT_EQ(Reason(s.services.Run(s.alice, {"devices", "approve", "ZZZZ-ZZZZ-ZZZZ-ZZZZ", "--yes"})),
            "join_unknown");
  EXPECT_EQ(Reason(s.services.Run(s.alice, {"devices", "approve", "short", "--yes"})),
            "code_malformed");
  EXPECT_EQ(Reason(s.services.Run(s.alice, {"devices", "approve", code}, "no\n")), "not_confirmed");
  EXPECT_EQ(s.Devices(s.alice), 1u);
  const assess::CommandResult approved =
      s.services.Run(s.alice, {"devices", "approve", code}, "yes\n");
  EXPECT_EQ(approved.exit_code, 0) << approved.out << approved.err;
  EXPECT_TRUE(absl::StrContains(approved.err, code)) << "the person is shown what they approve";
  EXPECT_TRUE(assess::PollUntil([&] { return !enrolling.Running(); }, absl::Seconds(30)));
  EXPECT_EQ(s.Devices(s.tablet), 2u);
  const json list = Last(s.services.Run(s.alice, {"devices"}).out)["devices"];
  for (const json& device : list) EXPECT_TRUE(device["verified"].get<bool>()) << list;
  EXPECT_EQ(Reason(s.services.Run(s.alice, {"devices", "approve", code, "--yes"})), "join_unknown");
  // The new device is a whole one: it writes to somebody.
  const assess::Person bob = s.services.Enrolled("bob");
  const assess::CommandResult sent = s.services.Run(s.tablet, {"send", "bob", "from the tablet"});
  EXPECT_EQ(sent.exit_code, 0) << sent.out << sent.err;
}

TEST(Devices, ANewOneThatDiesWhileItWaitsGoesOnWhereItWas) {
  Scene s;
  const std::string invitation = s.Invite(s.alice);
  assess::Child enrolling;
  const std::string code = s.Ask(enrolling, s.tablet, invitation);
  enrolling.Signal(SIGKILL);
  EXPECT_OK(enrolling.Wait(absl::Seconds(10)));
  s.services.organisation.Kill(assess::Service::kKeyserver);
  ASSERT_OK(s.services.organisation.Start(assess::Service::kKeyserver));
  EXPECT_EQ(s.services.Run(s.alice, {"devices", "approve", code, "--yes"}).exit_code, 0);
  assess::Child again;
  EXPECT_EQ(s.Ask(again, s.tablet, invitation), code) << "the same keys, so the same code";
  EXPECT_TRUE(assess::PollUntil([&] { return !again.Running(); }, absl::Seconds(30)));
  EXPECT_EQ(s.Devices(s.tablet), 2u);
}

TEST(Devices, ARefusedOneIsToldSoAndNobodyElseMayDecide) {
  Scene s;
  assess::Child enrolling;
  const std::string code = s.Ask(enrolling, s.tablet, s.Invite(s.alice));
  const assess::Person bob = s.services.Enrolled("bob");
  EXPECT_EQ(Reason(s.services.Run(bob, {"devices", "approve", code, "--yes"})), "join_unknown");
  EXPECT_EQ(Reason(s.services.Run(bob, {"devices", "refuse", code})), "join_unknown");
  EXPECT_EQ(s.services.Run(s.alice, {"devices", "refuse", code}).exit_code, 0);
  EXPECT_TRUE(assess::PollUntil([&] { return !enrolling.Running(); }, absl::Seconds(30)));
  const std::string log =
      absl::StrCat(s.services.organisation.folder(), "/", s.tablet.account, ".enrol");
  EXPECT_EQ(Last(assess::ReadFile(log).value_or(""))["error"]["reason"], "join_refused");
  EXPECT_EQ(s.Devices(s.alice), 1u);
}

TEST(Devices, OneRemovesAnotherWhichIsRefusedFromThenOn) {
  Scene s;
  assess::Child enrolling;
  const std::string code = s.Ask(enrolling, s.tablet, s.Invite(s.alice));
  ASSERT_EQ(s.services.Run(s.alice, {"devices", "approve", code, "--yes"}).exit_code, 0);
  ASSERT_TRUE(assess::PollUntil([&] { return !enrolling.Running(); }, absl::Seconds(30)));
  std::string other, own;
  const json list = Last(s.services.Run(s.alice, {"devices"}).out)["devices"];
  for (const json& device : list) {
    (device["this"].get<bool>() ? own : other) = device["id"].get<std::string>();
  }
  EXPECT_EQ(Reason(s.services.Run(s.alice, {"devices", "remove", own, "--yes"})), "own_device");
  const assess::CommandResult removed =
      s.services.Run(s.alice, {"devices", "remove", other.substr(0, 10), "--yes"});
  ASSERT_EQ(removed.exit_code, 0) << removed.out << removed.err;
  EXPECT_EQ(Last(removed.out)["delivery"], "confirmed");
  EXPECT_EQ(Reason(s.services.Run(s.tablet, {"devices"})), "device_revoked");
  EXPECT_EQ(s.Devices(s.alice), 1u);
}

// An administrator can enrol a device without the person's approval; the person's devices say so
// with their next command.
TEST(Devices, OneThatAnAdministratorBroughtInIsShownAtTheNextSync) {
  Scene s;
  const std::string invitation = ValueOf(s.services.organisation.Invite(s.alice));
  ASSERT_EQ(s.services.Enrol(s.tablet, invitation).exit_code, 0);
  ASSERT_EQ(s.services.Run(s.alice, {"devices"}).exit_code, 0);
  const json read = Last(s.services.Run(s.alice, {"read"}).out);
  bool shown = false;
  for (const json& entry : read["messages"])
    shown = shown || entry.value("reason", "") == "own_device_added";
  EXPECT_TRUE(shown) << read;
}

// Attended enrolment: nothing is certified before the registrar has typed what the device's own screen shows.
TEST(Devices, ARegistrarActivatesTheFirstOneWhereThePolicySaysSo) {
  ServiceFixture services{PLUMBLINE_BIN};
  assess::Organisation& organisation = services.organisation;
  ASSERT_EQ(organisation.Stop(assess::Service::kKeyserver), 0);
  std::ofstream(organisation.ConfigOf(assess::Service::kKeyserver), std::ios::app) << "attended_enrolment: true\n";
  ASSERT_OK(organisation.Start(assess::Service::kKeyserver));
  const assess::Person alice = services.NewPerson("alice");
  const std::string invitation = ValueOf(organisation.Invite(alice));
  assess::Child enrolling;
  const std::string code = AskToJoin(services, enrolling, alice, invitation);
  const auto activate = [&](const std::string& typed) {
    return ValueOf(organisation.Administer({"device", "activate", "alice", typed, "--reason", "seen at the front desk"}));
  };
  const assess::CommandResult wrong = activate("ZZZZ-ZZZZ-ZZZZ-ZZZZ");
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(wrong.out, "\"join_unknown\"") && absl::StrContains(wrong.out, "security officer")) << wrong.out;
  const assess::CommandResult shown = ValueOf(organisation.Administer({"account", "show", "alice"}));
  EXPECT_TRUE(absl::StrContains(shown.out, "waiting")) << shown.out;
  EXPECT_FALSE(absl::StrContains(shown.out, code)) << "the code has to come from the other screen";
  EXPECT_TRUE(enrolling.Running());
  const assess::CommandResult right = activate(code);
  EXPECT_EQ(right.exit_code, 0) << right.out << right.err;
  EXPECT_TRUE(assess::PollUntil([&] { return !enrolling.Running(); }, absl::Seconds(30)));
  const json status = Last(services.Run(alice, {"status"}).out);
  EXPECT_EQ(status.value("user", ""), "mimi://example.org/u/alice") << status;
  EXPECT_NE(activate(code).exit_code, 0) << "once";
}

}  // namespace
}  // namespace plumbline::testing
