// How a person is shown: whose organisation, what is known, and what misleads.
#include "client/cli/output.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace plumbline::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

PersonView Person(const std::string& user, const std::string& display_name) {
  PersonView person;
  person.contact.user = person.contact.parsed.user = user;
  person.contact.parsed.display_name = display_name;
  person.first_time = true;
  return person;
}

std::string Shown(Output& output, const PersonView& person) {
  ::testing::internal::CaptureStderr();
  output.Person(person);
  return ::testing::internal::GetCapturedStderr();
}

struct Screen {
  Output text{false}, json{true};
  Screen() {
    for (Output* output : {&text, &json}) output->SetSelf("mimi://example.org/u/alice", "example.org", "Example Organisation");
  }
};

TEST(Output, SaysWhoSomebodyNewIsAndOfWhichOrganisation) {
  Screen screen;
  PersonView bob = Person("mimi://example.org/u/bob", "Bob Baker");
  EXPECT_THAT(Shown(screen.text, bob),
              AllOf(HasSubstr("New: bob, Bob Baker of Example Organisation (example.org), has:"), Not(HasSubstr("OUTSIDE")), Not(HasSubstr("LOOK-ALIKE")),
                    HasSubstr("Not verified")));
  const nlohmann::json value = screen.json.PersonJson(bob);
  EXPECT_EQ(value["organisation"], nlohmann::json({{"domain", "example.org"}, {"own", true}, {"display_name", "Example Organisation"}}));
  EXPECT_EQ(value["display_name_misleads"], false);
  EXPECT_EQ(value["identity_checked"], "");
  bob.contact.parsed.proofing_level = "seen in person";
  EXPECT_THAT(Shown(screen.text, bob), HasSubstr("(example.org), identity checked: seen in person, has:"));
  EXPECT_EQ(screen.json.PersonJson(bob)["identity_checked"], "seen in person");
  EXPECT_EQ(value["looks_like"], nlohmann::json::array());
  bob.first_time = false;
  EXPECT_EQ(Shown(screen.text, bob), "");
}

// In words, not by a colour: and the short name is for people of one's own organisation alone.
TEST(Output, MarksSomebodyOfAnotherOrganisation) {
  Screen screen;
  const PersonView bob = Person("mimi://elsewhere.net/u/bob", "Bob Baker");
  EXPECT_THAT(Shown(screen.text, bob), HasSubstr("New: mimi://elsewhere.net/u/bob, Bob Baker, OUTSIDE your organisation: of elsewhere.net, has:"));
  EXPECT_EQ(screen.json.PersonJson(bob)["organisation"], nlohmann::json({{"domain", "elsewhere.net"}, {"own", false}}));
}

TEST(Output, SaysWhomSomebodyCouldBeTakenForBeforeAnythingElse) {
  Screen screen;
  PersonView twin = Person("mimi://example.org/u/b0b", "Robert");
  twin.looks_like = {{"mimi://example.org/u/bob", identity::Likeness::kReadsAlike}};
  const std::string shown = Shown(screen.text, twin);
  EXPECT_EQ(shown.find("LOOK-ALIKE: b0b is easily read as bob"), 0u) << shown;
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  const nlohmann::json list = nlohmann::json::array({{{"user", "mimi://example.org/u/bob"}, {"why", "reads_alike"}}});
  EXPECT_EQ(screen.json.PersonJson(twin)["looks_like"], list);
  ::testing::internal::CaptureStdout();
  screen.json.Person(twin);
  const nlohmann::json expected = {{"kind", "warning"}, {"reason", "looks_like"}, {"user", "mimi://example.org/u/b0b"}, {"looks_like", list}};
  EXPECT_EQ(nlohmann::json::parse(::testing::internal::GetCapturedStdout()), expected);
  twin.first_time = false;
  EXPECT_EQ(Shown(screen.text, twin), "") << "once";
}

TEST(Output, DoesNotShowADisplayNameThatMisleads) {
  Screen screen;
  const PersonView mixed = Person("mimi://example.org/u/mallory", "B\u043Eb Baker");
  EXPECT_THAT(Shown(screen.text, mixed), AllOf(HasSubstr("mallory"), Not(HasSubstr("Baker")), HasSubstr("is not shown")));
  EXPECT_EQ(screen.json.PersonJson(mixed)["display_name_misleads"], true);
}

}  // namespace
}  // namespace plumbline::client
