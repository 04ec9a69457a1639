// Groups and several devices from the command line, with the three services as real processes.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/demo/people.h"
#include "common/db/database.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using assess::CommandResult;
using assess::Person;
using nlohmann::json;
using plumbline::testing::Last;
using plumbline::testing::Reason;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using plumbline::testing::ValueOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

Person NewEnrolled(const std::string& stem) {
  static int count = 0;
  return Services().Enrolled(absl::StrCat(stem, ++count));
}

// Another device of the same person, let in by an administrator's code.
Person SecondDevice(const Person& person, const std::string& label) {
  Person device = person;
  device.home += "-" + label;
  const CommandResult enrolled = Services().Enrol(device, ValueOf(Services().organisation.Invite(person)));
  EXPECT_EQ(enrolled.exit_code, 0) << enrolled.out << enrolled.err;
  return device;
}

CommandResult As(const Person& person, const std::vector<std::string>& arguments) {
  return Services().Run(person, arguments);
}

void Do(const Person& person, const std::vector<std::string>& arguments) {
  const CommandResult result = As(person, arguments);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

// What is new: texts of messages, or reasons of notices and gaps.
std::vector<std::string> New(const Person& person, const std::string& kind = "message") {
  const CommandResult result = As(person, {"read"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return Texts(result, kind);
}

std::vector<std::string> History(const Person& person, const std::string& conversation, const std::string& kind) {
  return Texts(As(person, {"history", conversation, "--limit", "1000"}), kind);
}

TEST(Group, ThreePeopleWriteToEachOther) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  const CommandResult made = As(alice, {"group", "create", "Harbour watch", bob.account, carol.account});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  EXPECT_EQ(Last(made)["people"].size(), 3u);
  Do(alice, {"send", "group:Harbour watch", "hello both"});
  EXPECT_THAT(New(bob), ElementsAre("hello both"));
  EXPECT_THAT(New(carol), ElementsAre("hello both"));
  Do(bob, {"send", "group:harbour watch", "from bob"});
  Do(carol, {"send", "group:harbour watch", "from carol"});
  EXPECT_THAT(New(alice), UnorderedElementsAre("from bob", "from carol"));
  EXPECT_THAT(New(bob), ElementsAre("from carol"));
  EXPECT_THAT(New(carol), ElementsAre("from bob"));
  EXPECT_THAT(History(alice, "group:Harbour watch", "gap"), IsEmpty());
}

TEST(Group, WhoComesLaterReadsNothingFromBeforeAndWhoIsOutNothingAfter) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Later", bob.account});
  Do(alice, {"send", "group:Later", "before carol"});
  Do(alice, {"group", "add", "Later", carol.account});
  Do(alice, {"send", "group:Later", "with carol"});
  EXPECT_THAT(New(carol), ElementsAre("with carol"));
  EXPECT_THAT(History(carol, "group:Later", "notice"), IsSupersetOf({"group_joined", "history_begins"}));
  EXPECT_THAT(New(bob), ElementsAre("before carol", "with carol"));
  Do(alice, {"group", "remove", "Later", carol.account});
  Do(alice, {"send", "group:Later", "without carol"});
  EXPECT_THAT(New(carol), IsEmpty());
  EXPECT_THAT(History(carol, "group:Later", "notice"), Contains("removed"));
  EXPECT_EQ(Reason(As(carol, {"send", "group:Later", "still here?"})), "not_in_group");
  EXPECT_THAT(New(bob), ElementsAre("without carol"));
  EXPECT_THAT(History(bob, "group:Later", "notice"), IsSupersetOf({"person_added", "person_removed"}));
  // And in again: what was said meanwhile stays unread.
  Do(alice, {"group", "add", "Later", carol.account});
  Do(bob, {"send", "group:Later", "welcome back"});
  EXPECT_THAT(New(carol), ElementsAre("welcome back"));
  EXPECT_THAT(History(carol, "group:Later", "notice"), Contains("history_resumes"));
  EXPECT_THAT(History(carol, "group:Later", "gap"), IsEmpty());
}

TEST(Group, OnlyOwnersDecideWhoIsInAndWhatItIsCalled) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Board", bob.account});
  Do(bob, {"sync"});
  EXPECT_EQ(Reason(As(bob, {"group", "add", "Board", carol.account})), "not_owner");
  EXPECT_EQ(Reason(As(bob, {"group", "rename", "Board", "Bob's"})), "not_owner");
  EXPECT_EQ(Reason(As(alice, {"group", "demote", "Board", alice.account})), "last_owner");
  EXPECT_EQ(Reason(As(alice, {"group", "leave", "Board"})), "last_owner");
  EXPECT_EQ(Reason(As(alice, {"group", "remove", "Board", carol.account})), "not_in_group");
  EXPECT_EQ(Reason(As(alice, {"group", "rename", "Board", "two\nlines"})), "group_name_malformed");
  EXPECT_EQ(Reason(As(alice, {"group", "show", "Nowhere"})), "group_unknown");
  Do(alice, {"group", "promote", "Board", bob.account});
  Do(bob, {"sync"});
  Do(bob, {"group", "rename", "Board", "Council"});
  Do(bob, {"group", "add", "Council", carol.account});
  Do(alice, {"sync"});
  Do(alice, {"send", "group:Council", "renamed"});
  EXPECT_THAT(New(carol), ElementsAre("renamed"));
  EXPECT_THAT(History(alice, "group:Council", "notice"), IsSupersetOf({"owner_made", "group_renamed", "person_added"}));
}

TEST(Group, WhoLeavesIsTakenOutByTheOthers) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Leaving", bob.account, carol.account});
  Do(bob, {"sync"});
  Do(carol, {"sync"});
  Do(bob, {"group", "leave", "Leaving"});
  EXPECT_EQ(Reason(As(bob, {"send", "group:Leaving", "one more"})), "leaving");
  Do(carol, {"sync"});
  Do(carol, {"send", "group:Leaving", "is bob gone?"});  // a member without a say, and before the message
  EXPECT_THAT(New(bob), IsEmpty());
  EXPECT_THAT(History(bob, "group:Leaving", "notice"), Contains("removed"));
  EXPECT_THAT(New(alice), ElementsAre("is bob gone?"));
  EXPECT_THAT(History(alice, "group:Leaving", "notice"), Contains("person_left"));
  EXPECT_EQ(Last(As(alice, {"group", "show", "Leaving"}))["people"].size(), 2u);
}

TEST(Group, ANewDeviceJoinsItsOwnersConversationsByItself) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob");
  Do(alice, {"group", "create", "Devices", bob.account});
  Do(alice, {"send", bob.account, "direct, before"});
  Do(alice, {"send", "group:Devices", "group, before"});
  EXPECT_THAT(New(bob), UnorderedElementsAre("direct, before", "group, before"));
  const Person tablet = SecondDevice(bob, "tablet");
  Do(bob, {"sync"});  // the laptop takes it in; nobody had to send anything
  EXPECT_THAT(New(tablet, "notice"), IsSupersetOf({"history_begins", "group_joined"}));
  Do(alice, {"send", "group:Devices", "to both"});
  Do(alice, {"send", bob.account, "direct to both"});
  EXPECT_THAT(New(tablet), UnorderedElementsAre("to both", "direct to both"));
  EXPECT_THAT(New(bob), UnorderedElementsAre("to both", "direct to both"));
  Do(tablet, {"send", "group:Devices", "from the tablet"});
  EXPECT_THAT(New(bob), ElementsAre("from the tablet"));
  EXPECT_THAT(New(alice), ElementsAre("from the tablet"));
}

TEST(Group, FiveDevicesWriteToEachOther) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  const std::vector<Person> devices = {alice, SecondDevice(alice, "tablet"), bob, SecondDevice(bob, "tablet"), carol};
  Do(alice, {"group", "create", "Five", bob.account, carol.account});
  for (const Person& device : devices) Do(device, {"sync"});
  std::vector<std::string> said;
  for (size_t i = 0; i < devices.size(); ++i) {
    said.push_back(absl::StrCat("from device ", i));
    Do(devices[i], {"send", "group:Five", said.back()});
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    SCOPED_TRACE(i);
    Do(devices[i], {"sync"});
    EXPECT_THAT(History(devices[i], "group:Five", "message"), ::testing::UnorderedElementsAreArray(said));
    EXPECT_THAT(History(devices[i], "group:Five", "gap"), IsEmpty());
  }
}

TEST(Group, TwoCommitsAtOnceConvergeWithoutAnybodyNoticing) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol"), dave = NewEnrolled("dave");
  Do(alice, {"group", "create", "Race", bob.account});
  Do(bob, {"sync"});
  Do(alice, {"group", "promote", "Race", bob.account});
  Do(bob, {"sync"});
  const std::string folder = Services().organisation.folder();
  assess::Child one = ValueOf(Services().organisation.StartClient(alice, {"--json", "group", "add", "Race", carol.account},
                                                                  folder + "/race1.out", false));
  assess::Child two = ValueOf(Services().organisation.StartClient(bob, {"--json", "group", "add", "Race", dave.account},
                                                                  folder + "/race2.out", false));
  EXPECT_EQ(ValueOf(one.Wait(absl::Seconds(60))), 0);
  EXPECT_EQ(ValueOf(two.Wait(absl::Seconds(60))), 0);
  for (const Person& person : {alice, bob, carol, dave}) Do(person, {"sync"});
  Do(alice, {"send", "group:Race", "everybody?"});
  for (const Person& person : {bob, carol, dave}) EXPECT_THAT(New(person), ElementsAre("everybody?"));
  EXPECT_THAT(History(bob, "group:Race", "gap"), IsEmpty());
}

TEST(Group, AwayForFiftyEpochsItCatchesUp) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Fifty", bob.account, carol.account});
  Do(carol, {"sync"});
  std::vector<std::string> said;
  for (int i = 0; i < 50; ++i) {
    Do(alice, {"group", "rename", i == 0 ? "Fifty" : absl::StrCat("Fifty ", i - 1), absl::StrCat("Fifty ", i)});
    if (i % 10 != 0) continue;
    said.push_back(absl::StrCat("epoch ", i));
    Do(alice, {"send", absl::StrCat("group:Fifty ", i), said.back()});
  }
  EXPECT_THAT(New(carol), ::testing::ElementsAreArray(said));
  Do(carol, {"send", "group:Fifty 49", "here again"});
  EXPECT_THAT(New(alice), ElementsAre("here again"));
  EXPECT_THAT(New(bob), Contains("here again"));
}

// The delivery server's database, opened with its key while the server is down.
void OnServerDatabase(const std::vector<std::string>& statements) {
  const assess::SearchedService service = ValueOf(Services().organisation.Searched(assess::Service::kDelivery));
  EXPECT_EQ(Services().organisation.Stop(assess::Service::kDelivery), 0);
  {
    const std::unique_ptr<db::Database> database =
        ValueOf(db::Database::Open(service.database, ValueOf(db::Key::FromSecret(Secret::CopyOf(service.database_key.view())))));
    for (const std::string& statement : statements) EXPECT_OK(database->Execute(statement));
  }
  EXPECT_OK(Services().organisation.Start(assess::Service::kDelivery));
}

TEST(Group, LeftOutOfACommitsFanOutItCatchesUp) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Fan-out", bob.account, carol.account});
  Do(carol, {"sync"});
  Do(bob, {"sync"});
  Do(alice, {"group", "rename", "Fan-out", "Fan-out 2"});
  OnServerDatabase({"DELETE FROM envelopes"});  // what waits for Bob and Carol is gone; the commit itself is kept
  Do(bob, {"send", "group:Fan-out", "before I send I look"});
  Do(alice, {"send", "group:Fan-out 2", "after the change"});
  EXPECT_THAT(New(carol), ElementsAre("before I send I look", "after the change"));
  EXPECT_THAT(History(carol, "group:Fan-out 2", "gap"), IsEmpty());
  EXPECT_THAT(New(bob), ElementsAre("after the change"));
}

// Two people in a group of that name, up to date.
std::pair<Person, Person> TwoIn(const std::string& group) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob");
  Do(alice, {"group", "create", group, bob.account});
  Do(alice, {"send", "group:" + group, "one"});
  EXPECT_THAT(New(bob), ElementsAre("one"));
  Do(alice, {"sync"});
  return {alice, bob};
}

// As after a restore from a backup: Bob has come further than the server knows.
TEST(Group, AServerThatIsBehindIsReadFromTheBeginning) {
  const auto [alice, bob] = TwoIn("Behind");
  OnServerDatabase({"CREATE TABLE kept AS SELECT * FROM mailbox_places"});
  Do(alice, {"send", "group:Behind", "two"});
  EXPECT_THAT(New(bob), ElementsAre("two"));
  OnServerDatabase({"DELETE FROM mailbox_places", "INSERT INTO mailbox_places SELECT * FROM kept", "DROP TABLE kept", "DELETE FROM store_id"});
  Do(alice, {"send", "group:Behind", "three"});
  EXPECT_THAT(New(bob), ElementsAre("three"));
  Do(alice, {"send", "group:Behind", "four"});
  EXPECT_THAT(New(bob), ElementsAre("four"));
  EXPECT_THAT(History(bob, "group:Behind", "gap"), IsEmpty());
}

// A server that lost where it was in every mailbox, or holds what nobody has been told: what waited is lost, and everybody opens others. Until
// then it refuses what is for the lost ones.
TEST(Group, AMailboxWhosePlaceIsLostIsReplaced) {
  for (const char* loss : {"DELETE FROM mailbox_places", "UPDATE mailbox_places SET place = randomblob(32)"}) {
    SCOPED_TRACE(loss);
    const std::string name = loss[0] == 'D' ? "Lost place" : "Strange place", group = "group:" + name;
    const auto [alice, bob] = TwoIn(name);
    OnServerDatabase({loss});
    Do(bob, {"sync"});
    Do(alice, {"sync"});
    Do(bob, {"send", group, "I have moved"});
    EXPECT_THAT(New(alice), ElementsAre("I have moved"));
    Do(alice, {"send", group, "good to know"});
    EXPECT_THAT(New(bob), ElementsAre("good to know"));
  }
}

TEST(Group, WhoCannotCatchUpSaysSoAndIsTakenInAgain) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Lost", bob.account, carol.account});
  Do(alice, {"send", "group:Lost", "while all is well"});
  for (const Person& person : {bob, carol}) EXPECT_THAT(New(person), ElementsAre("while all is well"));
  Do(alice, {"sync"});
  Do(alice, {"group", "rename", "Lost", "Lost and found"});
  Do(bob, {"sync"});
  OnServerDatabase({"DELETE FROM envelopes", "DELETE FROM commits"});
  Do(alice, {"send", "group:Lost and found", "carol cannot read this"});
  EXPECT_THAT(New(carol, "gap"), ElementsAre("fell_behind"));
  EXPECT_EQ(Reason(As(carol, {"send", "group:Lost", "can I write?"})), "not_in_group");
  // Whom she asked takes her in at their next synchronisation; she asked one of the two.
  Do(alice, {"sync"});
  Do(bob, {"sync"});
  EXPECT_THAT(New(carol, "notice"), Contains("history_resumes"));
  Do(alice, {"send", "group:Lost and found", "there you are"});
  EXPECT_THAT(New(carol), ElementsAre("there you are"));
  Do(carol, {"send", "group:Lost and found", "thanks"});
  EXPECT_THAT(New(bob), IsSupersetOf({"there you are", "thanks"}));
}

// The server holds a change whose next key is not the one it leads to: as if Alice had announced a false one.
void BlockGroup(const Person& alice, const std::string& name) {
  OnServerDatabase({"DELETE FROM commits"});  // everybody has them; nothing tells which one came last
  Do(alice, {"group", "rename", name, name + " 2"});
  OnServerDatabase({"DELETE FROM envelopes", "UPDATE commits SET next_public_key = x'" + std::string(64, '7') + "'"});
}

TEST(Group, AnOwnerStartsABlockedGroupAnewWithoutWhoBlockedIt) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Blocked", bob.account, carol.account});
  for (const Person& person : {bob, carol, alice}) Do(person, {"sync"});
  Do(alice, {"group", "promote", "Blocked", bob.account});
  for (const Person& person : {bob, carol}) Do(person, {"sync"});
  BlockGroup(alice, "Blocked");
  EXPECT_EQ(Reason(As(bob, {"group", "rename", "Blocked", "Bob's"})), "group_stuck");
  EXPECT_EQ(Reason(As(bob, {"send", "group:Blocked", "stuck"})), "group_stuck");
  EXPECT_EQ(Reason(As(carol, {"group", "renew", "Blocked"})), "not_owner");
  Do(bob, {"group", "renew", "Blocked", "--without", alice.account});
  Do(bob, {"send", "group:Blocked", "we go on"});  // before it, what he had asked for is done at last
  EXPECT_THAT(New(carol), ElementsAre("we go on"));
  EXPECT_THAT(History(carol, "group:Bob's", "notice"), IsSupersetOf({"group_continued", "group_renamed"}));
  Do(carol, {"send", "group:Bob's", "with me"});
  EXPECT_THAT(New(bob), ElementsAre("with me"));
  EXPECT_THAT(New(alice), IsEmpty());
}

// One administrator's decision; what the members' clients do about it is shown by the directory's own record.
TEST(Group, TheNextMessageTakesALeaversDevicesOut) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Leaver", bob.account, carol.account});
  for (const Person& person : {bob, carol}) Do(person, {"sync"});
  const CommandResult removed =
      ValueOf(Services().organisation.Administer({"--yes", "account", "remove", bob.account, "--reason", "left us"}));
  ASSERT_EQ(removed.exit_code, 0) << removed.out << removed.err;
  Do(carol, {"sync"});
  Do(carol, {"send", "group:Leaver", "without bob"});  // a member, not an owner
  EXPECT_THAT(New(alice), ElementsAre("without bob"));
  EXPECT_THAT(History(alice, "group:Leaver", "notice"), Contains("device_removed"));
  const json people = Last(As(alice, {"group", "show", "Leaver"}))["people"];
  EXPECT_EQ(people.size(), 3u);
  for (const json& person : people) {
    EXPECT_EQ(person["devices"].size(), person["user"] == "mimi://example.org/u/" + bob.account ? 0u : 1u) << person;
  }
}

size_t GrantsDrawn(const Person& person) {
  size_t drawn = 0;
  const std::string device = Last(As(person, {"status"})).value("device", "none");
  const json record = Last(ValueOf(Services().organisation.Administer({"audit", "list"})));
  for (const json& event : record["events"]) {
    drawn += event["name"] == "grants.drawn" && absl::StrContains(event.value("actor", ""), device);
  }
  return drawn;
}

// Everything that this person held died with the suspension: mailboxes, grants, passes, key packages.
TEST(Group, WhoIsTakenBackAfterASuspensionIsReachedAndReachesAgain) {
  const Person alice = NewEnrolled("alice"), bob = NewEnrolled("bob"), carol = NewEnrolled("carol");
  Do(alice, {"group", "create", "Back again", bob.account, carol.account});
  for (const Person& person : {bob, carol}) Do(person, {"sync"});
  Do(bob, {"send", alice.account, "before"});
  EXPECT_THAT(New(alice), ElementsAre("before"));
  Do(alice, {"sync"});
  const size_t drawn = GrantsDrawn(bob);
  const auto decide = [&](const char* verb) {
    const CommandResult decided =
        ValueOf(Services().organisation.Administer({"account", verb, bob.account, "--reason", "an inquiry"}));
    ASSERT_EQ(decided.exit_code, 0) << decided.out << decided.err;
  };
  decide("suspend");
  EXPECT_EQ(Reason(As(bob, {"sync"})), "account_suspended");
  EXPECT_EQ(Reason(As(alice, {"send", bob.account, "not sent"})), "account_suspended");
  Do(carol, {"sync"});
  Do(carol, {"send", "group:Back again", "without bob"});
  EXPECT_THAT(New(alice), ElementsAre("without bob"));
  decide("reactivate");
  Do(bob, {"sync"});  // opens mailboxes from new grants, and has key packages again
  EXPECT_GT(GrantsDrawn(bob), drawn);
  Do(carol, {"sync"});
  Do(carol, {"send", "group:Back again", "with bob"});  // takes his device in again
  Do(alice, {"send", bob.account, "welcome back"});
  EXPECT_THAT(New(bob), UnorderedElementsAre("with bob", "welcome back"));
  Do(bob, {"send", "group:Back again", "thank you all"});
  Do(bob, {"send", alice.account, "and you"});
  EXPECT_THAT(New(alice), UnorderedElementsAre("with bob", "thank you all", "and you"));
  EXPECT_THAT(New(carol), ElementsAre("thank you all"));
}

}  // namespace
}  // namespace plumbline::client
