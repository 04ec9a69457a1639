// A hostile delivery server against the real client: what it does is withstood or named, nothing is shown twice, nobody crashes.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/client_output.h"
#include "tests/e2e/hostile_server.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

using assess::CommandResult;
using assess::Person;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One organisation, whose clients look for the delivery server where the hostile one stands.
struct World {
  World() : services(PLUMBLINE_BIN, {.delivery_published = ValueOf(assess::FreePort())}),
            hostile(ValueOf(HostileServer::Start(services.organisation))) {}
  ServiceFixture services;
  std::unique_ptr<HostileServer> hostile;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

// Two people with a conversation that both have joined; then the mischief begins.
class Two {
 public:
  explicit Two(Mischief mischief) {
    static int count = 0;
    ++count;
    Server().Do(Mischief::kNone);
    alice = TheWorld().services.Enrolled(absl::StrCat("alice", count));
    bob = TheWorld().services.Enrolled(absl::StrCat("bob", count));
    Send(alice, bob, "before");
    Read(bob);
    Send(bob, alice, "back");
    Read(alice);
    Server().Do(mischief);
  }
  ~Two() { Server().Do(Mischief::kNone); }

  static HostileServer& Server() { return *TheWorld().hostile; }
  static CommandResult Run(const Person& person, const std::vector<std::string>& arguments) {
    const CommandResult result = TheWorld().services.Run(person, arguments);
    EXPECT_LT(result.exit_code, 128) << "the client died: " << result.err;
    return result;
  }
  static CommandResult Send(const Person& from, const Person& to, const std::string& text) {
    return Run(from, {"send", to.account, text, "--wait", "3"});
  }
  static CommandResult Read(const Person& person) { return Run(person, {"read"}); }
  std::vector<std::string> HistoryOf(const Person& person, const std::string& kind = "message") const {
    return Texts(Run(person, {"history", "--limit", "1000"}), kind);
  }
  // Whatever happened, honest again both go on; nothing was shown twice.
  void GoesOn() {
    Server().Do(Mischief::kNone);
    EXPECT_EQ(Send(alice, bob, "after").exit_code, 0);
    EXPECT_THAT(Texts(Read(bob)), Contains("after"));
    EXPECT_EQ(Send(bob, alice, "after too").exit_code, 0);
    EXPECT_THAT(Texts(Read(alice)), Contains("after too"));
    for (const Person* person : {&alice, &bob}) {
      std::map<std::string, int> times;
      for (const std::string& text : HistoryOf(*person)) ++times[text];
      for (const auto& [text, count] : times) EXPECT_EQ(count, 1) << text;
    }
  }

  Person alice, bob;
};

TEST(HostileDelivery, ADroppedMessageIsNamedByTheNext) {
  Two two(Mischief::kNone);
  two.Send(two.alice, two.bob, "dropped");
  two.Server().Do(Mischief::kDropFirst);
  EXPECT_THAT(Texts(two.Read(two.bob)), IsEmpty());
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), ElementsAre("messages_missing"));
}

TEST(HostileDelivery, ADuplicateIsShownOnce) {
  Two two(Mischief::kDuplicate);
  for (const char* text : {"one", "two"}) two.Send(two.alice, two.bob, text);
  EXPECT_THAT(Texts(two.Read(two.bob)), ElementsAre("one", "two"));
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), IsEmpty());
}

TEST(HostileDelivery, ReorderedMessagesAreAllShownAndTheirOrderIsNamed) {
  Two two(Mischief::kNone);
  for (const char* text : {"one", "two"}) two.Send(two.alice, two.bob, text);
  two.Server().Do(Mischief::kReorder);
  EXPECT_THAT(Texts(two.Read(two.bob)), ElementsAre("two", "one"));
  EXPECT_GT(two.Server().deeds(), 0);
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), ElementsAre("messages_missing", "message_late"));
  two.GoesOn();
}

TEST(HostileDelivery, WhatIsReplayedIsNotShownAgain) {
  Two two(Mischief::kNone);
  two.Send(two.alice, two.bob, "one");
  EXPECT_THAT(Texts(two.Read(two.bob)), ElementsAre("one"));
  two.Send(two.alice, two.bob, "two");
  two.Server().Do(Mischief::kReplay);
  EXPECT_THAT(Texts(two.Read(two.bob)), ElementsAre("two"));
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), IsEmpty());
}

TEST(HostileDelivery, WhatIsReplayedUnderAnotherNameIsNamed) {
  Two two(Mischief::kNone);
  two.Send(two.alice, two.bob, "one");
  two.Read(two.bob);
  two.Send(two.alice, two.bob, "two");
  two.Server().Do(Mischief::kReplayRenamed);
  const CommandResult read = two.Read(two.bob);
  EXPECT_THAT(Texts(read), ElementsAre("two"));
  EXPECT_THAT(Texts(read, "notice"), Contains("envelope_malformed"));
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
}

TEST(HostileDelivery, ForgedAlteredAndMisdirectedEnvelopesAreNamedAndChangeNothing) {
  for (const Mischief mischief : {Mischief::kForge, Mischief::kAlter, Mischief::kMixUp}) {
    SCOPED_TRACE(static_cast<int>(mischief));
    Two two(mischief);
    two.Send(two.alice, two.bob, "one");
    const CommandResult read = two.Read(two.bob);
    EXPECT_THAT(Texts(read), ElementsAre("one"));
    EXPECT_THAT(Texts(read, "notice"), Contains("envelope_malformed"));
    EXPECT_GT(two.Server().deeds(), 0);
    two.GoesOn();
    EXPECT_THAT(two.HistoryOf(two.bob, "gap"), IsEmpty());
  }
}

TEST(HostileDelivery, AnEndThatComesTooEarlyLosesNothing) {
  Two two(Mischief::kNone);
  two.Send(two.alice, two.bob, "one");
  two.Server().Do(Mischief::kEndEarly);
  two.Read(two.bob);
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob), Contains("one"));
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), IsEmpty());
}

TEST(HostileDelivery, NonsenseOnAStreamIsNamed) {
  for (const Mischief mischief : {Mischief::kBadChallenge, Mischief::kNonsense}) {
    SCOPED_TRACE(static_cast<int>(mischief));
    Two two(Mischief::kNone);
    two.Send(two.alice, two.bob, "one");
    two.Server().Do(mischief);
    const CommandResult read = two.Read(two.bob);
    EXPECT_NE(read.exit_code, 0);
    EXPECT_EQ(Reason(read), "delivery_server_answer") << read.out << read.err;
    EXPECT_GT(two.Server().deeds(), 0);
    two.GoesOn();
    EXPECT_THAT(two.HistoryOf(two.bob), Contains("one"));
  }
}

TEST(HostileDelivery, WhatItSwallowsIsNamedByTheNext) {
  Two two(Mischief::kSwallow);
  EXPECT_EQ(two.Send(two.alice, two.bob, "swallowed").exit_code, 0);  // nobody can know yet
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob, "gap"), ElementsAre("messages_missing"));
}

TEST(HostileDelivery, AnswersForOtherEnvelopesAreRefusedAndNothingIsSentTwice) {
  for (const Mischief mischief : {Mischief::kAnswerForOthers, Mischief::kAnswerTooFew}) {
    SCOPED_TRACE(static_cast<int>(mischief));
    Two two(mischief);
    const CommandResult sent = two.Send(two.alice, two.bob, "one");
    EXPECT_NE(sent.exit_code, 0);
    EXPECT_EQ(Reason(sent), "delivery_server_answer");
    EXPECT_GT(two.Server().deeds(), 0);
    two.GoesOn();
    EXPECT_THAT(two.HistoryOf(two.bob), Contains("one"));
    EXPECT_THAT(two.HistoryOf(two.bob, "gap"), IsEmpty());
  }
}

TEST(HostileDelivery, ACommitThatIsSaidToHaveLostIsTriedAgain) {
  Two two(Mischief::kNone);
  Person third = TheWorld().services.Enrolled("third" + two.alice.account);
  two.Server().Do(Mischief::kLoseCommits);
  const CommandResult sent = two.Send(two.alice, third, "hello");  // a new conversation begins with a commit
  EXPECT_NE(sent.exit_code, 0);
  EXPECT_NE(Reason(sent), "");
  EXPECT_GT(two.Server().deeds(), 0);
  two.GoesOn();
  EXPECT_EQ(two.Run(two.alice, {"sync"}).exit_code, 0);
  EXPECT_THAT(Texts(two.Read(third)), ElementsAre("hello"));
}

TEST(HostileDelivery, TheTimeToWaitIsKeptAndNotBelievedWithoutBounds) {
  Two two(Mischief::kBusy);
  const CommandResult sent = two.Send(two.alice, two.bob, "one");
  EXPECT_EQ(sent.exit_code, 0) << sent.out;
  EXPECT_EQ(two.Server().deeds(), 2);
  EXPECT_GE(sent.took, absl::Seconds(2));
  two.Server().Do(Mischief::kBusyForever);
  const CommandResult kept = two.Send(two.alice, two.bob, "two");
  EXPECT_EQ(kept.exit_code, 75);
  EXPECT_EQ(Reason(kept), "busy");
  EXPECT_LT(kept.took, absl::Seconds(20));
  two.GoesOn();
  EXPECT_THAT(two.HistoryOf(two.bob), ElementsAre("before", "back", "one", "two", "after", "after too"));
}

}  // namespace
}  // namespace plumbline::testing
