// The command line against the three services as real processes.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "assess/demo/people.h"
#include "common/identity/codes.h"
#include "common/identity/invitation.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using assess::CommandResult;
using assess::Person;
using assess::Service;
using plumbline::testing::ExpectOk;
using plumbline::testing::Last;
using plumbline::testing::Reason;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

// One organisation for all tests of this program: making it takes seconds. Each test has people of its own.
ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

// A name that no other test has.
std::string NewName(const std::string& stem) {
  static int count = 0;
  return absl::StrCat(stem, ++count);
}

struct Two {
  Person alice = Services().Enrolled(NewName("alice"));
  Person bob = Services().Enrolled(NewName("bob"));
};

CommandResult As(const Person& person, const std::vector<std::string>& arguments) {
  return Services().Run(person, arguments);
}

TEST(Client, SendsBothWaysAndStoresWhileTheOtherIsOffline) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "one"}));
  ExpectOk(As(two.alice, {"send", two.bob.account, "two"}));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("one", "two"));
  ExpectOk(As(two.bob, {"send", two.alice.account, "three"}));
  EXPECT_THAT(Texts(As(two.alice, {"read"})), ElementsAre("three"));
  ExpectOk(As(two.alice, {"send", two.bob.account, "four"}));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("four"));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre());
  EXPECT_THAT(Texts(As(two.alice, {"history", two.bob.account})), ElementsAre("one", "two", "three", "four"));
}

TEST(Client, BothReadTheSameCode) {
  Two two;
  const std::string one = Last(As(two.alice, {"verify", two.bob.account})).value("code", "");
  EXPECT_EQ(one.size(), 71u);  // twelve groups of five digits
  EXPECT_EQ(one, Last(As(two.bob, {"verify", two.alice.account})).value("code", ""));
}

// Both ends are told, in text and for machines: who writes to somebody who looks like a contact, and who is written to.
TEST(Client, WarnsOfSomebodyWhoLooksLikeAContact) {
  Two two;
  std::string twin_name = two.bob.account;
  twin_name[1] = '0';  // b0b4
  const Person twin = Services().Enrolled(twin_name);
  ExpectOk(As(two.alice, {"send", two.bob.account, "to bob"}));
  EXPECT_THAT(Texts(As(two.alice, {"read"})), ElementsAre());
  ExpectOk(As(twin, {"send", two.alice.account, "it is me, bob"}));
  bool told = false;
  const auto read = Last(As(two.alice, {"read"}));
  for (const auto& message : read["messages"]) told = told || message.value("reason", "") == "looks_like";
  EXPECT_TRUE(told);
  const CommandResult sent = As(two.alice, {"send", twin_name, "which bob?"});
  ExpectOk(sent);
  EXPECT_THAT(sent.out, HasSubstr("\"kind\":\"warning\""));
  EXPECT_EQ(Last(sent)["person"]["looks_like"][0]["user"], "mimi://example.org/u/" + two.bob.account);
  EXPECT_EQ(Last(sent)["person"]["organisation"]["own"], true);
  EXPECT_THAT(As(two.alice, {"send", twin_name, "again"}).out, Not(HasSubstr("\"kind\":\"warning\""))) << "once";
  EXPECT_EQ(Last(As(two.alice, {"verify", twin_name}))["person"]["looks_like"][0]["why"], "reads_alike");
}

TEST(Client, BothMayBeginAtOnce) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "from alice"}));
  ExpectOk(As(two.bob, {"send", two.alice.account, "from bob"}));
  EXPECT_THAT(Texts(As(two.alice, {"read"})), ElementsAre("from bob"));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("from alice"));
  ExpectOk(As(two.alice, {"send", two.bob.account, "again"}));
  ExpectOk(As(two.bob, {"send", two.alice.account, "and again"}));
  EXPECT_THAT(Texts(As(two.alice, {"read"})), ElementsAre("and again"));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("again"));
}

TEST(Client, ListenPrintsMessagesAsTheyCome) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "before"}));
  const std::string output = Services().organisation.folder() + "/listen.out";
  assess::Child listen = ValueOf(Services().organisation.StartClient(
      two.bob, {"--json", "listen", "--count", "3", "--timeout", "60"}, output, false));
  ASSERT_TRUE(assess::PollUntil([&] { return assess::ReadFile(output).value_or("").find("before") != std::string::npos; },
                                absl::Seconds(30)));
  ExpectOk(As(two.alice, {"send", two.bob.account, "live"}));
  ASSERT_TRUE(assess::PollUntil([&] { return assess::ReadFile(output).value_or("").find("live") != std::string::npos; },
                                absl::Seconds(30)));
  ExpectOk(As(two.alice, {"send", two.bob.account, "last"}));
  EXPECT_EQ(ValueOf(listen.Wait(absl::Seconds(30))), 0);
}

TEST(Client, ChatCarriesLinesBothWays) {
  Two two;
  assess::People people(Services().organisation);
  assess::Conversation chat = ValueOf(people.Converse(two.alice, two.bob, Services().organisation.folder() + "/chat"));
  ASSERT_OK(chat.Say(two.alice, "hello from alice"));
  ASSERT_OK(chat.AwaitAt(two.bob, "hello from alice"));
  ASSERT_OK(chat.Say(two.bob, "hello from bob"));
  ASSERT_OK(chat.AwaitAt(two.alice, "hello from bob"));
  chat.End();
}

TEST(Client, AStoreIsUsedByOneProcessAtATime) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "waits"}));
  const std::string output = Services().organisation.folder() + "/busy.out";
  assess::Child listen =
      ValueOf(Services().organisation.StartClient(two.bob, {"--json", "listen", "--timeout", "60"}, output, false));
  ASSERT_TRUE(assess::PollUntil([&] { return assess::ReadFile(output).value_or("").find("waits") != std::string::npos; },
                                absl::Seconds(60)));  // so the store is open
  EXPECT_EQ(Reason(As(two.bob, {"status"})), "store_in_use");
  EXPECT_EQ(listen.Stop(), 0);
  ExpectOk(As(two.bob, {"status"}));
}

TEST(Client, ASecondDeviceIsShownBeforeTheNextMessageAndReadsIt) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "to one"}));
  ExpectOk(As(two.alice, {"verify", two.bob.account, "--confirm"}));
  ExpectOk(As(two.bob, {"read"}));
  Person tablet = two.bob;
  tablet.home += "-tablet";
  ExpectOk(Services().Enrol(tablet, ValueOf(Services().organisation.Invite(two.bob))));
  const CommandResult stopped = As(two.alice, {"send", two.bob.account, "to both"});
  EXPECT_EQ(Reason(stopped), "devices_changed");
  const CommandResult sent = As(two.alice, {"send", two.bob.account, "to both", "--accept-changes"});
  ExpectOk(sent);
  EXPECT_EQ(Last(sent)["person"]["devices"].size(), 2u);
  EXPECT_EQ(Last(sent)["person"].value("devices_changed", false), true);
  const CommandResult laptop = As(two.bob, {"read"});
  EXPECT_THAT(Texts(laptop), ElementsAre("to both"));
  EXPECT_THAT(Texts(laptop, "notice"), IsSupersetOf({"device_added"}));
  EXPECT_THAT(Texts(As(tablet, {"read"})), ElementsAre("to both"));
  // And the tablet's own words reach everybody, the laptop included.
  ExpectOk(As(tablet, {"send", two.alice.account, "from the tablet"}));
  EXPECT_THAT(Texts(As(two.alice, {"read"})), ElementsAre("from the tablet"));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("from the tablet"));
}

TEST(Client, NothingIsSentToASuspendedPerson) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "before"}));
  const CommandResult suspended =
      ValueOf(Services().organisation.Administer({"account", "suspend", two.bob.account, "--reason", "left"}));
  ExpectOk(suspended);
  EXPECT_EQ(Reason(As(two.alice, {"send", two.bob.account, "after"})), "account_suspended");
  EXPECT_THAT(Texts(As(two.alice, {"history"})), ElementsAre("before"));
}

TEST(Client, NamesWhatIsWrongWithAnInvitation) {
  Person carol = Services().NewPerson(NewName("carol"));
  const std::string invitation = ValueOf(Services().organisation.Invite(carol));
  EXPECT_EQ(Reason(Services().Enrol(carol, invitation.substr(0, invitation.size() - 9))), "invitation_malformed");
  EXPECT_EQ(Reason(Services().Enrol(carol, "hello")), "invitation_malformed");
  identity::Invitation parsed = ValueOf(identity::ParseInvitation(invitation));
  parsed.root_fingerprint[0] ^= 1;
  EXPECT_EQ(Reason(Services().Enrol(carol, identity::FormatInvitation(parsed))), "root_mismatch");
  parsed = ValueOf(identity::ParseInvitation(invitation));
  parsed.code = identity::GenerateCode();
  EXPECT_EQ(Reason(Services().Enrol(carol, identity::FormatInvitation(parsed))), "code_wrong");
  parsed = ValueOf(identity::ParseInvitation(invitation));
  parsed.expires_unix = 1;
  EXPECT_EQ(Reason(Services().Enrol(carol, identity::FormatInvitation(parsed))), "invitation_expired");
  parsed = ValueOf(identity::ParseInvitation(invitation));
  parsed.keyserver_address = "127.0.0.1:1";
  EXPECT_EQ(Reason(Services().Enrol(carol, identity::FormatInvitation(parsed))), "server_unreachable");
  ExpectOk(Services().Enrol(carol, invitation));  // the same folder: none of that left anything in the way
  EXPECT_EQ(Reason(Services().Enrol(carol, invitation)), "already_enrolled");
  Person dave = Services().NewPerson(NewName("dave"));
  EXPECT_EQ(Reason(Services().Enrol(dave, invitation)), "code_used");
}

TEST(Client, NamesOtherMistakes) {
  Two two;
  EXPECT_EQ(Reason(As(two.alice, {"send", "nobody", "hi"})), "unknown_user");
  EXPECT_EQ(Reason(As(two.alice, {"send", two.alice.account, "hi"})), "own_name");
  EXPECT_EQ(Reason(As(two.alice, {"send", "Not A Name", "hi"})), "name_malformed");
  EXPECT_EQ(Reason(As(two.alice, {"send", "mimi://elsewhere.org/u/bob", "hi"})), "other_organisation");
  EXPECT_EQ(Reason(As(two.alice, {"send", two.bob.account, ""})), "text_empty");
  ExpectOk(As(two.alice, {"lock"}));
  Person stranger = two.alice;
  stranger.passphrase_file = two.bob.passphrase_file;
  EXPECT_EQ(Reason(As(stranger, {"status"})), "passphrase_wrong");
  stranger.home += "-none";
  EXPECT_EQ(Reason(As(stranger, {"status"})), "not_enrolled");
}

TEST(Client, KeepsAMessageWhileTheServerIsDownAndSendsItOnce) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "up"}));
  Services().organisation.Kill(Service::kDelivery);
  const CommandResult kept = As(two.alice, {"send", two.bob.account, "down", "--wait", "0"});
  EXPECT_EQ(kept.exit_code, 75);
  EXPECT_EQ(Reason(kept), "server_unreachable");
  EXPECT_EQ(As(two.bob, {"read"}).exit_code, 75);
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  ExpectOk(As(two.alice, {"sync"}));
  ExpectOk(As(two.alice, {"sync"}));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ElementsAre("up", "down"));
}

// The client is killed at whatever it is doing, again and again; what is in its history arrives once.
TEST(Client, KilledAtAnyMomentItSendsEveryTextOnce) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "start"}));
  std::vector<std::string> acknowledged = {"start"};
  for (int i = 0; i < 12; ++i) {
    const std::string text = absl::StrCat("text ", i);
    assess::Child send = ValueOf(Services().organisation.StartClient(
        two.alice, {"--json", "send", two.bob.account, text}, Services().organisation.folder() + "/killed.out", false));
    // From before the store is open to after the answer is in.
    const absl::StatusOr<int> ended = send.Wait(absl::Milliseconds(60 + 75 * i));
    if (!ended.ok()) {
      send.Signal(SIGKILL);
      (void)send.Wait(absl::Seconds(10)).status();
    } else if (*ended == 0) {
      acknowledged.push_back(text);
    }
  }
  ExpectOk(As(two.alice, {"sync"}));
  const std::vector<std::string> written = Texts(As(two.alice, {"history", "--limit", "1000"}));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ::testing::ElementsAreArray(written));
  EXPECT_THAT(written, IsSupersetOf(acknowledged));
  EXPECT_THAT(Texts(As(two.bob, {"history"}), "gap"), ElementsAre());
}

TEST(Client, TerminalsAreNotCommandedByMessages) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "\x1b[31mred\x1b]0;title\x07"}));
  const CommandResult read = ValueOf(Services().organisation.Client(two.bob, {"read"}));
  EXPECT_THAT(read.out, HasSubstr("red"));
  EXPECT_EQ(read.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(read.out.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace plumbline::client
