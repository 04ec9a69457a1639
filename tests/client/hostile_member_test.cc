// One member of a group breaks the rules while the others use their own programs: how many steps and how long until those who keep
// them talk again, and what a former member can still do (docs/protocols/groups.md, "A change that members refuse").
#include <gmock/gmock.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assess/tools/child.h"
#include "tests/client/hostile_member.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline::client {
namespace {

using assess::CommandResult;
using assess::Person;
using plumbline::testing::Last;
using plumbline::testing::Reason;
using plumbline::testing::ServiceFixture;
using plumbline::testing::Texts;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Outcome = HostileMember::Outcome;
using delivery::v1::CommitOutcome;

ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

Person NewEnrolled(const std::string& stem) {
  static int count = 0;
  return Services().Enrolled(absl::StrCat(stem, ++count));
}

CommandResult As(const Person& person, const std::vector<std::string>& arguments) { return Services().Run(person, arguments); }

void Do(const Person& person, const std::vector<std::string>& arguments) {
  const CommandResult result = As(person, arguments);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

std::vector<std::string> History(const Person& person, const std::string& conversation, const std::string& kind) {
  return Texts(As(person, {"history", conversation, "--limit", "1000"}), kind);
}

// What a notice or gap of that reason says to people.
std::string TextOf(const Person& person, const std::string& conversation, const std::string& reason) {
  const auto entries = Last(As(person, {"history", conversation, "--limit", "1000"})).value("messages", nlohmann::json::array());
  for (const auto& entry : entries) {
    if (entry.value("reason", "") == reason) return entry.value("text", "");
  }
  return "";
}

std::string UserOf(const Person& person) { return absl::StrCat("mimi://", assess::kDomain, "/u/", person.account); }

// A group of an owner and others, all of whom have their own address in it, so that nothing is due.
struct Crew {
  Crew(const std::string& group_name, int others) : name(group_name), owner(NewEnrolled("owner")) {
    std::vector<std::string> create = {"group", "create", name};
    for (int i = 0; i < others; ++i) {
      members.push_back(NewEnrolled("member"));
      create.push_back(members.back().account);
    }
    Do(owner, create);
    for (int round = 0; round < 2; ++round) {
      for (const Person& person : members) Do(person, {"sync"});
      Do(owner, {"sync"});
    }
  }
  std::string group() const { return "group:" + name; }
  // Whether what the owner says reaches all of `people`, and what they answer reaches the owner. Whoever just came in commits its
  // address on the way, which is when a blocked gate shows.
  bool Talk(const std::vector<Person>& people) {
    static int count = 0;
    const std::string said = absl::StrCat("can you read this, ", ++count);
    for (const Person& person : people) {
      if (As(person, {"sync"}).exit_code != 0 || As(person, {"send", group(), said}).exit_code != 0) return false;
    }
    if (As(owner, {"sync"}).exit_code != 0 || As(owner, {"send", group(), said}).exit_code != 0) return false;
    const auto all_has = [&](const Person& person, size_t times) {
      As(person, {"sync"});
      const std::vector<std::string> texts = History(person, group(), "message");
      return static_cast<size_t>(std::count(texts.begin(), texts.end(), said)) == times;
    };
    if (!all_has(owner, people.size() + 1)) return false;
    return std::all_of(people.begin(), people.end(), [&](const Person& p) { return all_has(p, people.size() + 1); });
  }
  bool Renew(const std::vector<Person>& without) {
    std::vector<std::string> command = {"group", "renew", name};
    for (const Person& person : without) command.insert(command.end(), {"--without", person.account});
    ++renewals;
    const CommandResult result = As(owner, command);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.exit_code == 0;
  }
  void Add(const std::vector<Person>& people) {
    std::vector<std::string> command = {"group", "add", name};
    for (const Person& person : people) command.push_back(person.account);
    Do(owner, command);
  }

  std::string name;
  Person owner;
  std::vector<Person> members;
  int renewals = 0;
};

// In a thread of its own: whatever group it finds itself in, it takes the gate of its next epoch at once.
class Racer final {
 public:
  Racer(const Person& person, const std::string& name) : member_(person), thread_([this, name] {
    while (!ended_) {
      member_.Synchronise();
      if (member_.SendRandomBytes(name) == CommitOutcome::ACCEPTED) ++taken_;
    }
  }) {}
  ~Racer() {
    ended_ = true;
    thread_.join();
  }
  int taken() const { return taken_; }
  // One more than when this was last asked.
  bool TakesAnother() {
    const bool came = assess::PollUntil([&] { return taken_ > seen_; }, absl::Seconds(60));
    seen_ = taken_;
    return came;
  }

 private:
  int seen_ = 0;
  HostileMember member_;
  std::atomic<bool> ended_{false};
  std::atomic<int> taken_{0};
  std::thread thread_;
};

// The gate is taken with random bytes, in each epoch of each group that the hostile member is in. Nobody can tell who it is, so the
// owner looks for it by halves; those who are clean talk after two renewals at the most, whoever it is.
TEST(HostileMember, WhoTakesEveryEpochWithRandomBytesIsFoundByHalves) {
  Crew crew("By halves", 4);
  const std::vector<Person> one = {crew.members[0], crew.members[1]}, two = {crew.members[2], crew.members[3]};
  const Person& hostile = crew.members[1];  // the worse half to begin with
  Racer racer(hostile, crew.name);
  ASSERT_TRUE(racer.TakesAnother());
  EXPECT_EQ(Reason(As(crew.owner, {"group", "promote", crew.name, two[0].account})), "group_stuck");
  EXPECT_THAT(TextOf(crew.owner, crew.group(), "group_stuck"), HasSubstr("signed by nobody"));

  const absl::Time begun = absl::Now();
  ASSERT_TRUE(crew.Renew(two));
  ASSERT_TRUE(racer.TakesAnother());
  EXPECT_FALSE(crew.Talk({one[0]}));  // who has to bring an address into it; so it is one of these
  ASSERT_TRUE(crew.Renew(one));
  crew.Add(two);
  ASSERT_TRUE(crew.Talk(two)) << "the clean half";
  const absl::Duration half = absl::Now() - begun;
  const int renewals_half = crew.renewals;
  EXPECT_LE(renewals_half, 2);

  crew.Add({hostile});
  ASSERT_TRUE(racer.TakesAnother());
  EXPECT_EQ(Reason(As(crew.owner, {"group", "add", crew.name, one[0].account})), "group_stuck");
  ASSERT_TRUE(crew.Renew({hostile}));
  crew.Add({one[0]});
  EXPECT_TRUE(crew.Talk({two[0], two[1], one[0]})) << "everybody but the hostile one";
  EXPECT_LE(crew.renewals, 3);
  std::printf("random bytes in every epoch, 4 members: %d epochs taken; the clean half talks after %d renewals and %.1f s, everybody but "
              "the hostile member after %d and %.1f s\n",
              racer.taken(), renewals_half, absl::ToDoubleSeconds(half), crew.renewals, absl::ToDoubleSeconds(absl::Now() - begun));
}

// What is signed by its author names them: one renewal.
TEST(HostileMember, WhoSignsAChangeThatIsRefusedIsNamedAndLeftOut) {
  const std::vector<std::pair<const char*, Outcome (HostileMember::*)(const std::string&)>> attacks = {
      {"other key", &HostileMember::SendOtherGateKey}, {"forbidden", &HostileMember::SendForbiddenChange}};
  for (const auto& [what, attack] : attacks) {
    SCOPED_TRACE(what);
    Crew crew(absl::StrCat("Named ", what), 2);
    const Person &honest = crew.members[0], &hostile = crew.members[1];
    {
      HostileMember member(hostile);
      ASSERT_TRUE(member.Synchronise());
      ASSERT_EQ((member.*attack)(crew.name), CommitOutcome::ACCEPTED);
    }
    EXPECT_EQ(Reason(As(crew.owner, {"group", "promote", crew.name, honest.account})), "group_stuck");
    EXPECT_THAT(TextOf(crew.owner, crew.group(), "group_stuck"), HasSubstr(absl::StrCat("--without ", hostile.account)));
    const absl::Time begun = absl::Now();
    ASSERT_TRUE(crew.Renew({hostile}));
    EXPECT_TRUE(crew.Talk({honest}));
    std::printf("%s: 1 renewal, %.1f s\n", what, absl::ToDoubleSeconds(absl::Now() - begun));
  }
}

// Until somebody has to change something, what members say to each other goes on in the epoch that they share.
TEST(HostileMember, ABlockedGateStopsChangesAndNotWhatIsSaid) {
  Crew crew("Talk on", 2);
  {
    HostileMember member(crew.members[1]);
    ASSERT_TRUE(member.Synchronise());
    ASSERT_EQ(member.SendRandomBytes(crew.name), CommitOutcome::ACCEPTED);
    EXPECT_EQ(member.SendRandomBytes(crew.name), CommitOutcome::LOST);
  }
  EXPECT_TRUE(crew.Talk({crew.members[0]}));
}

// A change whose path opens for all but one: that one is taken out and in again, and the group goes on.
TEST(HostileMember, WhoseOwnPathIsSpoiledIsTakenInAgain) {
  Crew crew("Spoiled", 3);  // leaves: owner 0, members 1 to 3; the last one's path has a ciphertext for leaf 2 alone
  const Person &victim = crew.members[1], &hostile = crew.members[2];
  {
    HostileMember member(hostile);
    ASSERT_TRUE(member.Synchronise());
    ASSERT_EQ(member.SendSpoiledPath(crew.name, UserOf(victim)), CommitOutcome::ACCEPTED);
  }
  Do(crew.owner, {"group", "rename", crew.name, "Spoiled 2"});  // the others have followed
  const absl::Time begun = absl::Now();
  Do(victim, {"sync"});
  As(victim, {"send", crew.group(), "is anybody there?"});
  EXPECT_THAT(History(victim, crew.group(), "gap"), Contains("fell_behind"));
  EXPECT_THAT(TextOf(victim, crew.group(), "fell_behind"), HasSubstr(hostile.account));
  EXPECT_THAT(History(victim, crew.group(), "notice"), Not(Contains("group_stuck")));
  crew.name = "Spoiled 2";
  for (const Person& person : {victim, crew.owner, crew.members[0], victim}) As(person, {"sync"});
  EXPECT_TRUE(crew.Talk({crew.members[0], victim}));
  std::printf("spoiled path: taken in again after %.1f s\n", absl::ToDoubleSeconds(absl::Now() - begun));
}

// Changes that everybody accepts, one after another: the others' own changes may never have their turn, and a renewal needs none.
TEST(HostileMember, WhoTakesEveryEpochWithValidChangesIsLeftOutByOneRenewal) {
  Crew crew("Valid race", 2);
  std::atomic<bool> ended{false};
  std::atomic<int> taken{0};
  std::thread racer([&] {
    HostileMember member(crew.members[1]);
    while (!ended) taken += member.TakeEpoch(crew.name);
  });
  EXPECT_TRUE(assess::PollUntil([&] { return taken >= 3; }, absl::Minutes(1)));
  const absl::Time begun = absl::Now();
  const bool renewed = crew.Renew({crew.members[1]});
  EXPECT_TRUE(renewed && crew.Talk({crew.members[0]}));
  std::printf("valid changes in every epoch: 1 renewal, %.1f s, %d epochs taken\n", absl::ToDoubleSeconds(absl::Now() - begun), taken.load());
  ended = true;
  racer.join();
}

// Who has been a member keeps the keys of the epochs it was in: none of them moves the gate, before and after the server was killed.
TEST(HostileMember, AFormerMembersKeysMoveNothing) {
  Crew crew("Former", 2);
  HostileMember member(crew.members[1]);
  ASSERT_TRUE(member.Synchronise());
  const HostileMember::Memory memory = member.Remember(crew.name);
  Do(crew.owner, {"group", "remove", crew.name, crew.members[1].account});
  const auto attempt = [&] {
    EXPECT_EQ(member.SendUnderFormerKey(memory, memory.epoch), CommitOutcome::LOST);
    EXPECT_EQ(member.SendUnderFormerKey(memory, memory.epoch + 1), CommitOutcome::BAD_SIGNATURE);
    EXPECT_EQ(member.SendUnderFormerKey(memory, memory.epoch + 2), CommitOutcome::LOST);
  };
  attempt();
  Services().organisation.Kill(assess::Service::kDelivery);
  ASSERT_TRUE(Services().organisation.Start(assess::Service::kDelivery).ok());
  attempt();
  Do(crew.owner, {"group", "rename", crew.name, "Former 2"});
  crew.name = "Former 2";
  EXPECT_TRUE(crew.Talk({crew.members[0]}));
}

}  // namespace
}  // namespace plumbline::client
