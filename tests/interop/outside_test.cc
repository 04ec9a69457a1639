// A person whose MLS is ts-mls, among people who use plumbline, through the real key server and
// delivery server (ts-mls/outside.mjs over plumbline-interop-port). Needs node and the packages of
// ts-mls/package-lock.json.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/common/process.h"
#include "tests/e2e/service_fixture.h"
#include "tests/interop/node_peer.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {
namespace {

using assess::CommandResult;
using assess::Person;

constexpr char kScript[] = PLUMBLINE_SOURCE_DIR "/tests/interop/ts-mls/outside.mjs";

class Outside final {
 public:
  Outside(testing::ServiceFixture& services, const std::string& account)
      : log_(absl::StrCat(services.organisation.folder(), "/", account, ".log")),
        transcript_(absl::StrCat(services.organisation.folder(), "/", account, ".transcript")) {
    const Person person = testing::ValueOf(services.organisation.NewPerson(account, account));
    EXPECT_OK(services.organisation.CreateAccount(person));
    const std::string invitation = testing::ValueOf(services.organisation.Invite(person));
    Start({PLUMBLINE_BIN "/plumbline-interop-port", person.home, person.passphrase_file, invitation,
           "--transcript", transcript_});
    again_ = {PLUMBLINE_BIN "/plumbline-interop-port", person.home, person.passphrase_file};
  }
  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kScript);
    assess::Command command{.program = "/usr/bin/node",
                            .arguments = std::move(arguments),
                            .environment = {},
                            .stdin_text = ""};
    seen_ = assess::ReadFile(log_).value_or("").size();
    absl::StatusOr<assess::Child> child =
        assess::Child::Start(command, {.log_path = log_, .err_path = "", .keep_stdin = true});
    EXPECT_OK(child);
    child_ = *std::move(child);
    EXPECT_TRUE(absl::StartsWith(Next("you are "), "you are "));
  }
  // Ends it and begins again from what it wrote down.
  void Restart() {
    child_.CloseStdin();
    EXPECT_OK(child_.Wait(absl::Seconds(20)));
    Start(again_);
  }

  // Gives a command; what it says from then on to the first line that begins with `end`, with that
  // line.
  std::string Do(const std::string& command, const std::string& end) {
    EXPECT_OK(child_.WriteLine(command));
    return Next(end);
  }
  // Reads until a line with `text` has come.
  std::string ReadUntil(const std::string& text) {
    std::string all;
    for (int i = 0; i < 5 && !absl::StrContains(all, text); ++i) all += Do("read 5", "read ");
    EXPECT_TRUE(absl::StrContains(all, text)) << all;
    return all;
  }
  std::string transcript() const { return assess::ReadFile(transcript_).value_or(""); }

 private:
  std::string Next(const std::string& end) {
    std::string said;
    EXPECT_TRUE(assess::PollUntil(
        [&] {
          said = assess::ReadFile(log_).value_or("").substr(seen_);
          const size_t line = absl::StartsWith(said, end) ? 0 : said.find("\n" + end);
          const size_t error = absl::StartsWith(said, "error: ") ? 0 : said.find("\nerror: ");
          const size_t at = std::min(line, error);
          return (at != std::string::npos && said.find('\n', at + 1) != std::string::npos) ||
                 !child_.Running();
        },
        absl::Seconds(40)))
        << said;
    seen_ += said.size();
    return said;
  }

  const std::string log_, transcript_;
  std::vector<std::string> again_;
  size_t seen_ = 0;
  assess::Child child_;
};

TEST(OutsideClient, TalksWithPlumblineUsersThroughTheServices) {
  if (const std::string why = WhyNoTsMls(); !why.empty()) GTEST_SKIP() << why;
  testing::ServiceFixture services(PLUMBLINE_BIN);
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  Outside ivy(services, "ivy");
  const auto must = [&](const Person& person, const std::vector<std::string>& arguments) {
    const CommandResult result = services.Run(person, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.out;
  };

  // A plumbline user begins: ivy's key package is claimed, her ts-mls joins and answers.
  must(alice, {"send", "ivy", "hello from plumbline"});
  const std::string first = ivy.ReadUntil("from alice: hello from plumbline");
  EXPECT_TRUE(absl::StrContains(first, "joined: ")) << first;
  EXPECT_TRUE(
      absl::StrContains(ivy.Do("say hello from ts-mls", "sent "), "sent to 1 of 1 devices"));
  EXPECT_TRUE(absl::StrContains(must(alice, {"read"}), "hello from ts-mls"));

  // Commits both ways, through the gate: ivy's own, then alice's with her next message.
  EXPECT_TRUE(absl::StrContains(ivy.Do("update", "updated: "), "2 devices of alice, ivy"));
  ivy.Do("say after my update", "sent ");
  EXPECT_TRUE(absl::StrContains(must(alice, {"read"}), "after my update"));
  must(alice, {"send", "ivy", "I followed"});
  ivy.ReadUntil("from alice: I followed");

  // From what it wrote down, ts-mls goes on.
  ivy.Restart();
  ivy.Do("say I am back", "sent ");
  EXPECT_TRUE(absl::StrContains(must(alice, {"read"}), "I am back"));

  // Ivy begins: ts-mls creates the group and founds its gate.
  EXPECT_TRUE(absl::StrContains(ivy.Do("start bob", "started: "), "2 devices of bob, ivy"));
  ivy.Do("say good day bob", "sent ");
  EXPECT_TRUE(absl::StrContains(must(bob, {"read"}), "good day bob"));
  must(bob, {"send", "ivy", "good day ivy"});
  ivy.ReadUntil("from bob: good day ivy");

  // A group of three.
  must(alice, {"group", "create", "Harbour", "bob", "ivy"});
  must(alice, {"send", "group:Harbour", "to all three"});
  ivy.ReadUntil("from alice: to all three");
  EXPECT_TRUE(absl::StrContains(ivy.Do("say read by both", "sent "), "sent to 2 of 2 devices"));
  for (const Person& person : {alice, bob})
    EXPECT_TRUE(absl::StrContains(must(person, {"read"}), "read by both"));

  // The transcript has both halves of what was said at the port.
  EXPECT_TRUE(absl::StrContains(ivy.transcript(), "\"op\":\"receive\""));
  EXPECT_TRUE(absl::StrContains(ivy.transcript(), "\"kind\":\"welcome\""));
}

// What the port refuses, it names.
TEST(OutsideClient, ThePortNamesWhatItRefuses) {
  const testing::ScratchDir scratch;
  ASSERT_OK(assess::WriteFile(scratch / "passphrase", "correct horse battery staple\n"));
  const testing::Finished ended =
      testing::RunToEnd({PLUMBLINE_BIN "/plumbline-interop-port", "--home", scratch / "home",
                         "--passphrase-file", scratch / "passphrase"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(absl::StrContains(ended.out, "\"reason\":\"not_enrolled\"")) << ended.output;
}

}  // namespace
}  // namespace plumbline::interop
