// The lock of a device as its owner meets it at the command line, with real services: unlocked and locked, wrong passphrases, a new
// passphrase, copies, a wipe, a start from nothing, and kills at any moment.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

namespace fs = std::filesystem;
using assess::Child;
using assess::CommandResult;
using assess::Person;
using assess::Service;
using plumbline::testing::Administer;
using plumbline::testing::ExpectOk;
using plumbline::testing::Last;
using plumbline::testing::Reason;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using plumbline::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

CommandResult As(const Person& person, const std::vector<std::string>& arguments) { return Services().Run(person, arguments); }

std::string DeviceOf(const Person& person) { return Last(As(person, {"status"})).value("device", ""); }

// A file with a passphrase, in the place of the person's own.
Person With(Person person, const std::string& passphrase) {
  person.passphrase_file = absl::StrCat(Services().organisation.folder(), "/", person.account, "-", std::hash<std::string>()(passphrase));
  CHECK(assess::WriteFile(person.passphrase_file, passphrase + "\n").ok());
  return person;
}

Person CopyOf(const Person& person) {
  Person copy = person;
  copy.home += "-copy";
  fs::copy(person.home, copy.home, fs::copy_options::recursive);
  return copy;
}

bool Opens(const Person& person) { return As(person, {"status"}).exit_code == 0; }

TEST(Lock, ALockedDeviceNeedsTheKeyServerAndAnUnlockedOneDoesNot) {
  const Person alice = Services().Enrolled("alice"), bob = Services().Enrolled("bob");
  ExpectOk(As(alice, {"send", "bob", "one"}));
  EXPECT_THAT(Texts(As(bob, {"read"})), ElementsAre("one"));
  EXPECT_EQ(Last(As(alice, {"status"}))["unlocked"], true);
  ExpectOk(As(bob, {"lock"}));
  EXPECT_EQ(Last(As(bob, {"lock"}))["was_unlocked"], false);
  EXPECT_EQ(Last(As(bob, {"status"}))["unlocked"], false);
  Services().organisation.Kill(Service::kKeyserver);
  ExpectOk(As(alice, {"history", "bob"}));
  EXPECT_THAT(As(alice, {"send", "bob", "two", "--wait", "0"}).out, HasSubstr("\"state\":\"waiting\""));  // kept: it is the newest state
  const CommandResult locked = As(bob, {"history", "alice"});
  EXPECT_EQ(locked.exit_code, 75) << locked.out;
  ASSERT_OK(Services().organisation.Start(Service::kKeyserver));
  ExpectOk(As(alice, {"sync"}));
  EXPECT_THAT(Texts(As(bob, {"read"})), ElementsAre("two"));
  ExpectOk(As(bob, {"unlock"}));
  EXPECT_EQ(Last(As(With(bob, "not the passphrase"), {"status"}))["unlocked"], true);  // nobody is asked
}

TEST(Lock, WrongPassphrasesAreCountedDelayedAndShown) {
  const Person carol = Services().Enrolled("carol"), dan = Services().Enrolled("dan");
  ExpectOk(As(dan, {"lock"}));
  ExpectOk(As(carol, {"lock"}));
  const Person thief = With(carol, "a guess that is wrong");
  for (const char* left : {"9 attempts are left", "8 attempts are left"}) {
    const CommandResult wrong = As(thief, {"status"});
    EXPECT_EQ(Reason(wrong), "passphrase_wrong");
    EXPECT_THAT(wrong.out, HasSubstr(left));
  }
  const CommandResult opened = As(carol, {"status"});
  ExpectOk(opened);
  EXPECT_THAT(opened.out, HasSubstr("\"unproved_attempts\":2"));
  EXPECT_EQ(As(carol, {"status"}).out.find("unproved_attempts"), std::string::npos);  // they came back
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Reason(As(thief, {"status"})), "passphrase_wrong");
  const CommandResult delayed = As(carol, {"status"});
  EXPECT_EQ(Reason(delayed), "unlock_delayed");
  EXPECT_EQ(delayed.exit_code, 75);
  EXPECT_TRUE(Opens(dan));  // each device's attempts are its own
  const std::string events = ValueOf(Services().organisation.Administer({"--json", "audit", "list"})).out;
  EXPECT_THAT(events, HasSubstr("unlock.attempted"));
}

TEST(Lock, ThePassphraseIsChangedAndTheFormerOneOpensNoCopy) {
  const Person erin = Services().Enrolled("erin");
  ExpectOk(As(erin, {"lock"}));
  const Person before = CopyOf(erin);
  const Person changed = With(erin, "another passphrase altogether");
  const std::vector<std::string> change = {"passphrase", "--new-passphrase-file", changed.passphrase_file};
  EXPECT_EQ(Reason(As(With(erin, "a guess that is wrong"), change)), "passphrase_wrong");
  ExpectOk(As(erin, change));
  EXPECT_EQ(Reason(As(erin, {"status"})), "passphrase_wrong");
  EXPECT_EQ(Reason(As(before, {"status"})), "unlock_key_unknown");
  EXPECT_TRUE(Opens(changed));
  // An unlocked device is not given another one by whoever finds it.
  ExpectOk(As(changed, {"unlock"}));
  EXPECT_EQ(Reason(As(erin, change)), "passphrase_wrong");
}

TEST(Lock, ACopyAndAnOlderStateAreFoundOutAndExplained) {
  const Person frank = Services().Enrolled("frank");
  ExpectOk(As(frank, {"lock"}));
  ExpectOk(As(frank, {"sync"}));
  const Person copy = CopyOf(frank);
  ExpectOk(As(frank, {"sync"}));
  EXPECT_EQ(Reason(As(copy, {"sync"})), "store_copied");
  EXPECT_EQ(Reason(As(copy, {"send", "alice", "from the copy"})), "store_copied");
  ExpectOk(As(frank, {"sync"}));
  EXPECT_EQ(Reason(As(copy, {"sync"})), "store_rolled_back");
  EXPECT_EQ(Reason(As(copy, {"unlock"})), "store_rolled_back");
  ExpectOk(As(frank, {"sync"}));
  EXPECT_THAT(ValueOf(Services().organisation.Administer({"--json", "audit", "list"})).out, HasSubstr("device.store_refused"));
}

// Also where an agent still has it open: the next word with the key server takes the key away.
TEST(Lock, AWipedDeviceNeverOpensAgain) {
  const Person grace = Services().Enrolled("grace");
  const std::string device = DeviceOf(grace);
  ExpectOk(As(grace, {"lock"}));
  const Person copy = CopyOf(grace);
  ExpectOk(As(grace, {"unlock"}));
  Administer(Services().organisation, {"device", "wipe", "grace", device.substr(0, 12), "--reason", "stolen"});
  EXPECT_EQ(Reason(As(grace, {"read"})), "unlock_destroyed");
  EXPECT_EQ(Reason(As(grace, {"history"})), "unlock_destroyed");  // locked now
  EXPECT_EQ(Reason(As(copy, {"history"})), "unlock_destroyed");
  const std::string events = ValueOf(Services().organisation.Administer({"--json", "audit", "list"})).out;
  EXPECT_THAT(events, HasSubstr("unlock.destroyed"));
  EXPECT_THAT(events, HasSubstr("device.store_refused"));  // the receipt: it was told
}

TEST(Lock, WhoForgotThePassphraseIsVisiblySomebodyNew) {
  const Person heidi = Services().Enrolled("heidi"), ivan = Services().Enrolled("ivan");
  ExpectOk(As(ivan, {"send", "heidi", "before"}));
  EXPECT_THAT(Texts(As(heidi, {"read"})), ElementsAre("before"));
  ExpectOk(As(ivan, {"verify", "heidi", "--confirm", "--no-qr"}));
  const std::string device = DeviceOf(heidi);
  Administer(Services().organisation, {"device", "revoke", "heidi", device.substr(0, 12), "--reason", "passphrase forgotten"});
  Person anew = heidi;
  anew.home += "-new";
  ExpectOk(Services().Enrol(anew, ValueOf(Services().organisation.Invite(anew))));
  EXPECT_EQ(Reason(As(ivan, {"send", "heidi", "is it you?"})), "devices_changed");
  ExpectOk(As(ivan, {"send", "heidi", "welcome back", "--accept-changes"}));
  EXPECT_THAT(Texts(As(anew, {"read"})), ElementsAre("welcome back"));
  EXPECT_THAT(Texts(As(anew, {"history"})), ElementsAre("welcome back"));  // nothing of before
  EXPECT_NE(DeviceOf(anew), device);
}

// Draws the moments of kills; the seed is printed with a failure.
class Moments final {
 public:
  absl::Duration Next(absl::Duration longest) {
    return absl::Milliseconds(std::uniform_int_distribution<int64_t>(0, absl::ToInt64Milliseconds(longest))(random_));
  }
  unsigned seed() const { return seed_; }

 private:
  static unsigned Seed() {
    const char* given = std::getenv("PLUMBLINE_SEED");
    return given == nullptr ? std::random_device()() : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  }
  const unsigned seed_ = Seed();
  std::mt19937 random_{seed_};
};

// Starts a command and kills it after so long. True if it had come to its end.
bool Killed(const Person& person, const std::vector<std::string>& arguments, absl::Duration after) {
  const absl::Time end = absl::Now() + after;
  Child child = ValueOf(Services().organisation.StartClient(person, arguments, Services().organisation.folder() + "/killed.log", false));
  while (child.Running() && absl::Now() < end) absl::SleepFor(absl::Milliseconds(1));
  const bool ended = !child.Running();
  child.Signal(SIGKILL);
  CHECK(child.Wait(absl::Seconds(10)).ok());
  return ended;
}

TEST(LockKilled, WhateverMomentAChangeIsKilledAtOneOfTheTwoPassphrasesOpens) {
  Moments moments;
  SCOPED_TRACE(moments.seed());
  Person now = Services().Enrolled("judy");
  ExpectOk(As(now, {"lock"}));
  int former = 0, later = 0;
  for (int round = 0; round < 15; ++round) {
    SCOPED_TRACE(round);
    const Person next = With(now, absl::StrCat("passphrase number ", round));
    Killed(now, {"passphrase", "--new-passphrase-file", next.passphrase_file}, moments.Next(absl::Milliseconds(500)));
    if (Opens(next)) {
      ++later;
      now = next;
    } else {
      ASSERT_TRUE(Opens(now)) << As(now, {"status"}).out;
      ++former;
    }
    // What was broken off is in order again: this one, and no other.
    ExpectOk(As(now, {"sync"}));
  }
  std::printf("changes killed, seed %u: %d times the former opens, %d times the new one\n", moments.seed(), former, later);
}

TEST(LockKilled, WhateverMomentAnEnrolmentIsKilledAtItIsCompletedAndLocked) {
  Moments moments;
  SCOPED_TRACE(moments.seed());
  int sealed = 0;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    const Person person = Services().NewPerson(absl::StrCat("kim", round));
    const std::string invitation = ValueOf(Services().organisation.Invite(person));
    const std::vector<std::string> enrol = {"--json", "enrol", "--accept-notice", "--quick-unlock", "--label", "laptop", "--invitation", invitation};
    Killed(person, enrol, moments.Next(absl::Milliseconds(700)));
    sealed += fs::exists(person.home + "/store.key");
    const CommandResult again = As(person, {"enrol", "--accept-notice", "--quick-unlock", "--label", "laptop", "--invitation", invitation});
    if (again.exit_code != 0) {
      EXPECT_EQ(Reason(again), "already_enrolled") << again.out;
    }
    ExpectOk(As(person, {"sync"}));
    for (const char* name : {"store.key", "store.key.old", "store.next"}) {
      EXPECT_FALSE(fs::exists(absl::StrCat(person.home, "/", name))) << name;
    }
    EXPECT_EQ(Reason(As(With(person, "a guess that is wrong"), {"status"})), "passphrase_wrong");
    EXPECT_TRUE(Opens(person));
  }
  std::printf("enrolments killed, seed %u: %d with a store that was not locked yet\n", moments.seed(), sealed);
}

}  // namespace
}  // namespace plumbline::client
