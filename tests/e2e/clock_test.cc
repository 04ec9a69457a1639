// What people meet when a device's clock is wrong or a long time has passed: the services as real
// processes, with the time of day of one process, or of all, moved by the preloaded
// plumbline-clock.so. The product has no such switch.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assess/tools/child.h"
#include "common/db/database.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline {
namespace {

using assess::CommandResult;
using assess::Person;
using nlohmann::json;
using plumbline::testing::ExpectOk;
using plumbline::testing::Last;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::map<std::string, std::string> Moved(absl::Duration offset) {
  return {{"LD_PRELOAD", PLUMBLINE_BIN "/plumbline-clock.so"},
          {"ASSESS_CLOCK_OFFSET", absl::StrCat(absl::ToInt64Seconds(offset))}};
}

// `plumbline --json ...` as this person, at a time `offset` from now.
CommandResult At(absl::Duration offset, const Person& person,
                 const std::vector<std::string>& arguments, const std::string& input = "") {
  assess::Command command = {
      .program = PLUMBLINE_BIN "/plumbline",
      .arguments = {"--json", "--home", person.home, "--passphrase-file", person.passphrase_file},
      .environment = Moved(offset),
      .stdin_text = input};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return ValueOf(assess::RunCommand(command, absl::Seconds(60)));
}

// "reason: text" of the failure that was printed.
std::string Failure(const CommandResult& result) {
  const json error = Last(result).value("error", json::object());
  return absl::StrCat(error.value("reason", ""), ": ", error.value("message", ""));
}

// One organisation for the tests in which the services keep the true time.
ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

TEST(WrongClock, TwoHoursAheadAreNamedWithTheirRemedyAndLoseNothing) {
  const Person alice = Services().Enrolled("alice"), bob = Services().Enrolled("bob");
  ExpectOk(At({}, alice, {"send", "bob", "before"}));
  const CommandResult ahead =
      At(absl::Hours(2), alice, {"send", "bob", "while ahead", "--wait", "0"});
  EXPECT_NE(ahead.exit_code, 0);
  EXPECT_THAT(Failure(ahead), HasSubstr("clock_ahead: "));
  EXPECT_THAT(Failure(ahead), ::testing::ContainsRegex("is 6[0-9] minutes or more ahead"));
  EXPECT_THAT(Failure(ahead), HasSubstr("correct it"));
  ExpectOk(At({}, alice, {"send", "bob", "after"}));
  EXPECT_EQ(Texts(At({}, bob, {"read"})).front(), "before");
  EXPECT_EQ(Texts(At({}, bob, {"history"})).back(), "after");
}

TEST(WrongClock, AnHourBehindIsNamedWithItsRemedyAndLosesNothing) {
  const Person carol = Services().Enrolled("carol"), dave = Services().Enrolled("dave");
  ExpectOk(At({}, carol, {"send", "dave", "before"}));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"read"}, {"send", "dave", "while behind", "--wait", "0"}}) {
    SCOPED_TRACE(command.front());
    const CommandResult behind = At(-absl::Hours(1), carol, command);
    EXPECT_NE(behind.exit_code, 0);
    EXPECT_THAT(Failure(behind), ::testing::AnyOf(HasSubstr("clock_behind: "),
                                                  HasSubstr("own_certificate_not_yet_valid: ")));
    EXPECT_THAT(Failure(behind), HasSubstr("correct the clock"));
  }
  ExpectOk(At({}, carol, {"send", "dave", "after"}));
  EXPECT_EQ(Texts(At({}, dave, {"read"})).back(), "after");
}

TEST(WrongClock, IsNamedAtEnrolment) {
  const Person erin = Services().NewPerson("erin");
  const std::string invitation = ValueOf(Services().organisation.Invite(erin));
  const std::vector<std::string> enrol = {"enrol", "--accept-notice", "--quick-unlock", "--label", "laptop"};
  EXPECT_THAT(Failure(At(-absl::Hours(1), erin, enrol, invitation)), HasSubstr("clock_behind: "));
  const std::string late = Failure(At(absl::Hours(24 * 2), erin, enrol, invitation));
  EXPECT_THAT(late, HasSubstr("invitation_expired: "));
  EXPECT_THAT(late, HasSubstr("clock"));
  ExpectOk(At({}, erin, enrol, invitation));  // neither attempt used the code
}

// How many files the delivery server has in its database.
int64_t AttachmentsKept(ServiceFixture& services) {
  const assess::AttachmentDatabase attachments = ValueOf(services.organisation.Attachments());
  const db::Key key = ValueOf(db::Key::FromSecret(Secret::CopyOf(attachments.key.view())));
  db::OpenOptions options;
  options.create = false;
  options.exclusive = false;
  const auto database = ValueOf(db::Database::Open(attachments.path, key, options));
  db::Statement count = ValueOf(database->Prepare("SELECT COUNT(*) FROM attachments"));
  EXPECT_TRUE(ValueOf(count.Step()));
  return count.Int64(0);
}

// A service's certificate lives 14 days, so every second step of six is in the second half of one, and the key server renews it.
void AwaitRenewal(ServiceFixture& services, int day) {
  if (day % 12 != 0) return;
  const auto renewals = [&] {
    int count = 0;
    for (const absl::string_view line : absl::StrSplit(assess::ReadFile(services.organisation.LogOf(assess::Service::kKeyserver)).value_or(""), '\n')) {
      count += absl::StrContains(line, "\"certificate.renewed\"") && absl::StrContains(line, "\"delivery\"");
    }
    return count;
  };
  EXPECT_TRUE(assess::PollUntil([&] { return renewals() >= day / 12; }, absl::Seconds(75))) << renewals() << " renewals by day " << day;
}

// The key server says each day, from three months ahead on, what only a ceremony replaces; not before.
TEST(Ceremonies, AreAskedForInTheLogThreeMonthsAhead) {
  ServiceFixture services(PLUMBLINE_BIN);
  const auto says_in_days = [&](int days) {
    EXPECT_EQ(services.organisation.Stop(assess::Service::kKeyserver), 0);
    std::filesystem::remove(services.organisation.LogOf(assess::Service::kKeyserver));
    EXPECT_OK(services.organisation.Start(assess::Service::kKeyserver, Moved(absl::Hours(24 * days))));
    const auto log = [&] { return ValueOf(assess::ReadFile(services.organisation.LogOf(assess::Service::kKeyserver))); };
    // They are looked at before the delivery server's, which has ended by then.
    EXPECT_TRUE(assess::PollUntil([&] { return absl::StrContains(log(), "certificate.renewal_failed"); }, absl::Seconds(30)));
    std::set<std::string> names;
    for (const absl::string_view line : absl::StrSplit(log(), '\n')) {
      if (!absl::StrContains(line, "certificate.needs_ceremony")) continue;
      names.insert(json::parse(line)["listener"]);
    }
    return names;
  };
  EXPECT_THAT(says_in_days(270), ::testing::IsEmpty());
  EXPECT_THAT(says_in_days(280), ::testing::UnorderedElementsAre("directory", "grants", "tokens", "audit", "witness policy"));
}

// Thirty-six days pass in steps of six, for everybody. Certificates last seven days and mailboxes
// about thirty-four: what is said at the end goes through mailboxes, under certificates, that did
// not exist at the beginning. Whoever was away for all that time goes on as well. A file that was
// sent on the first day can be had within its thirty days, and is gone from the server after them.
TEST(Renewal, CarriesADeviceAcrossTheEndOfItsCertificateAndMailboxes) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob"),
               away = services.Enrolled("away");
  ExpectOk(At({}, alice, {"send", "bob", "day 0"}));
  EXPECT_THAT(Texts(At({}, bob, {"read"})), ElementsAre("day 0"));
  const std::string folder = services.organisation.folder();
  ASSERT_OK(assess::WriteFile(folder + "/plan", "the plan"));
  ExpectOk(At({}, alice, {"send-file", "bob", folder + "/plan"}));
  const json received = Last(At({}, bob, {"read"}))["messages"];
  ASSERT_EQ(received.size(), 1u) << received;
  const std::string file = absl::StrCat(received[0].value("id", int64_t{0}));
  ASSERT_EQ(services.organisation.Stop(assess::Service::kAdmin), 0);
  const auto until_day = [&](int day) {
    for (const assess::Service service :
         {assess::Service::kWitness, assess::Service::kKeyserver, assess::Service::kDelivery}) {
      ASSERT_EQ(services.organisation.Stop(service), 0);
      ASSERT_OK(services.organisation.Start(service, Moved(absl::Hours(24 * day))));
    }
    AwaitRenewal(services, day);
  };
  const auto on_day = [](int day, const Person& person, const std::vector<std::string>& arguments) {
    return At(absl::Hours(24 * day), person, arguments);
  };
  for (const int day : {6, 12, 18, 24}) {
    SCOPED_TRACE(day);
    until_day(day);
    ExpectOk(on_day(day, alice, {"sync"}));
    ExpectOk(on_day(day, bob, {"sync"}));
  }
  ExpectOk(on_day(24, bob, {"save", file, folder + "/saved"}));
  EXPECT_EQ(ValueOf(assess::ReadFile(folder + "/saved")), "the plan");
  EXPECT_EQ(AttachmentsKept(services), 1);
  until_day(30);
  ExpectOk(on_day(30, alice, {"sync"}));  // her new mailboxes are announced
  ExpectOk(
      on_day(30, bob, {"send", "alice", "to the old mailbox"}));  // he has not heard of them yet
  EXPECT_THAT(Texts(on_day(30, alice, {"read"})), ElementsAre("to the old mailbox"));
  ExpectOk(on_day(30, bob, {"sync"}));
  ExpectOk(on_day(30, alice, {"sync"}));
  until_day(36);  // the first mailboxes are over
  ExpectOk(on_day(36, bob, {"send", "alice", "day 36"}));
  EXPECT_THAT(Texts(on_day(36, alice, {"read"})), ElementsAre("day 36"));
  ExpectOk(on_day(36, alice, {"send", "bob", "and back"}));
  EXPECT_THAT(Texts(on_day(36, bob, {"read"})), ElementsAre("and back"));
  EXPECT_THAT(Failure(on_day(36, bob, {"save", file, folder + "/late"})), HasSubstr("file_expired: "));
  EXPECT_FALSE(std::filesystem::exists(folder + "/late"));
  EXPECT_TRUE(assess::PollUntil([&] { return AttachmentsKept(services) == 0; }, absl::Seconds(20)));
  ExpectOk(on_day(36, away, {"send", "bob", "I am back"}));
  EXPECT_THAT(Texts(on_day(36, bob, {"read"})), ElementsAre("I am back"));
  ExpectOk(on_day(36, bob, {"send", "away", "welcome"}));
  EXPECT_THAT(Texts(on_day(36, away, {"read"})), ElementsAre("welcome"));
  // Without the certificate for unlocking, which lasts longest, nobody comes back.
  std::filesystem::remove(away.home + "/unlock.crt");
  until_day(48);
  const CommandResult late = on_day(48, away, {"send", "bob", "hello", "--wait", "0"});
  EXPECT_NE(late.exit_code, 0);
  EXPECT_THAT(Failure(late), HasSubstr("own_certificate_expired: "));
  EXPECT_THAT(Failure(late), HasSubstr("ask your administrator for an invitation"));
  EXPECT_THAT(Failure(late), HasSubstr("If the clock is ahead, correct it"));
}

// The same five weeks within one `listen`, which is never started again: the servers go away and come back, and each time it
// renews its certificate, opens mailboxes and publishes key packages by itself. At the end people reach it who had never
// written to it, and who had.
TEST(Renewal, HappensInsideOneListen) {
  ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob"), carol = services.Enrolled("carol");
  ExpectOk(At({}, alice, {"send", "bob", "day 0"}));
  ASSERT_EQ(services.organisation.Stop(assess::Service::kAdmin), 0);
  const std::string clock = services.organisation.folder() + "/bobs-clock", output = services.organisation.folder() + "/listen";
  ASSERT_OK(assess::WriteFile(clock, "0"));
  assess::Child listen = ValueOf(assess::Child::Start(
      {.program = PLUMBLINE_BIN "/plumbline",
       .arguments = {"--json", "--home", bob.home, "--passphrase-file", bob.passphrase_file, "listen"},
       .environment = {{"LD_PRELOAD", PLUMBLINE_BIN "/plumbline-clock.so"}, {"ASSESS_CLOCK_FILE", clock}}},
      {.log_path = output, .err_path = output + ".err"}));
  const auto printed = [&](const std::string& text) {
    const std::string all = assess::ReadFile(output).value_or("");
    size_t count = 0;
    for (size_t at = 0; (at = all.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  const auto shows = [&](const std::string& text, size_t count = 1) {
    return assess::PollUntil([&] { return printed(text) >= count || !listen.Running(); }, absl::Seconds(75)) &&
           printed(text) >= count;
  };
  ASSERT_TRUE(shows("day 0"));
  std::string certificate = assess::ReadFile(bob.home + "/tls.crt").value_or("");
  for (const int day : {6, 12, 18, 24, 30, 36, 42}) {
    SCOPED_TRACE(day);
    const size_t gone = printed("\"online\":false");
    for (const assess::Service service : {assess::Service::kWitness, assess::Service::kKeyserver, assess::Service::kDelivery}) {
      ASSERT_EQ(services.organisation.Stop(service), 0);
    }
    ASSERT_TRUE(shows("\"online\":false", gone + 1)) << assess::ReadFile(output).value_or("");
    const size_t back = printed("\"online\":true");
    ASSERT_OK(assess::WriteFile(clock, absl::StrCat(absl::ToInt64Seconds(absl::Hours(24 * day)))));
    for (const assess::Service service : {assess::Service::kWitness, assess::Service::kKeyserver, assess::Service::kDelivery}) {
      ASSERT_OK(services.organisation.Start(service, Moved(absl::Hours(24 * day))));
    }
    AwaitRenewal(services, day);
    ASSERT_TRUE(shows("\"online\":true", back + 1)) << assess::ReadFile(output).value_or("");
    EXPECT_TRUE(assess::PollUntil([&] { return assess::ReadFile(bob.home + "/tls.crt").value_or("") != certificate; },
                                  absl::Seconds(75)));
    certificate = assess::ReadFile(bob.home + "/tls.crt").value_or("");
    ExpectOk(At(absl::Hours(24 * day), alice, {"sync"}));
    ExpectOk(At(absl::Hours(24 * day), carol, {"sync"}));
  }
  ExpectOk(At(absl::Hours(24 * 42), alice, {"send", "bob", "day 42 from alice"}));
  ExpectOk(At(absl::Hours(24 * 42), carol, {"send", "bob", "day 42 from carol"}));
  EXPECT_TRUE(shows("day 42 from alice")) << assess::ReadFile(output).value_or("");
  EXPECT_TRUE(shows("day 42 from carol")) << assess::ReadFile(output).value_or("");
  EXPECT_EQ(listen.Stop(), 0);
}

}  // namespace
}  // namespace plumbline
