// Step i: a group of three; who comes later reads nothing from before, who is out reads nothing after.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

bool Shows(const std::vector<Shown>& shown, const std::string& text) {
  return std::any_of(shown.begin(), shown.end(), [&](const Shown& s) { return s.text == text; });
}

// What a person has on the screen after reading, one line each.
std::string Screen(const std::string& account, const std::vector<Shown>& shown) {
  std::vector<std::string> lines;
  for (const Shown& each : shown) lines.push_back(each.notice ? absl::StrCat("  · ", each.text) : absl::StrCat("  ", each.from, ": ", each.text));
  return absl::StrCat(account, "\n", absl::StrJoin(lines, "\n"), "\n");
}

}  // namespace

absl::Status Demonstration::InGroup(const Person& person, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const absl::StatusOr<CommandResult> result = organisation_.Client(person, all);
  return result.ok() ? StatusOf(*result) : result.status();
}

void Demonstration::Groups() {
  recorder_.narrator().Step("i", "A group: its name, its people and what they say stay among them");
  const std::string name = Canary("Lock keepers");
  const std::string group = "group:" + name;
  const std::string first = Canary("The lower gate sticks."), second = Canary("Welcome, Dora."),
                    third = Canary("We meet without Dora on Friday.");
  const absl::StatusOr<Person> dora = organisation_.NewPerson("dora.dean", "Dora Dean");
  if (dora.ok()) dora_ = *dora;
  absl::Status status = dora.ok() ? organisation_.CreateAccount(dora_) : dora.status();
  absl::StatusOr<std::string> invitation = status.ok() ? organisation_.Invite(dora_) : absl::StatusOr<std::string>(status);
  status = invitation.ok() ? people_.Enrol(dora_, *invitation) : invitation.status();

  Check made = {.id = "demo.i.group",
                .title = "Alice makes a group with Bob; both read what is said in it",
                .bears_on = {{"P1.Q1.S1", Weight::kPart}}};
  absl::StatusOr<std::vector<Shown>> bob = std::vector<Shown>();
  if (status.ok()) status = InGroup(alice_, {"group", "create", name, bob_.account});
  if (status.ok()) status = InGroup(alice_, {"send", group, first});
  if (status.ok()) bob = people_.Read(bob_);
  if (status.ok()) status = bob.status();
  if (!status.ok()) {
    recorder_.JudgeStatus(made, status);
    return;
  }
  recorder_.Judge(made, Shows(*bob, first), "Bob's client shows the group and the message.");

  Check later = {.id = "demo.i.later",
                 .title = "Dora is added: she reads what follows and nothing of what was said before",
                 .bears_on = {{"P1.Q1.S3", Weight::kPart}}};
  absl::StatusOr<std::vector<Shown>> seen = std::vector<Shown>();
  status = InGroup(alice_, {"group", "add", name, dora_.account});
  if (status.ok()) status = InGroup(alice_, {"send", group, second});
  if (status.ok()) seen = people_.Read(dora_);
  if (status.ok()) status = seen.status();
  if (!status.ok()) {
    recorder_.JudgeStatus(later, status);
    return;
  }
  later.evidence.push_back(recorder_.Keep("group-after-joining.txt", Screen(dora_.account, *seen)));
  recorder_.Judge(later, Shows(*seen, second) && !Shows(*seen, first), "Dora's screen begins where she came in, and says so.");

  Check removed = {.id = "demo.i.removed",
                   .title = "Dora is removed: she reads nothing of what is said afterwards, and Bob does",
                   .bears_on = {{"P1.Q1.S3", Weight::kPart}, {"P1.Q2.S4", Weight::kPart}}};
  status = InGroup(alice_, {"group", "remove", name, dora_.account});
  if (status.ok()) status = InGroup(alice_, {"send", group, third});
  if (status.ok()) seen = people_.Read(dora_);
  if (status.ok()) bob = people_.Read(bob_);
  if (status.ok()) status = seen.ok() ? bob.status() : seen.status();
  if (!status.ok()) {
    recorder_.JudgeStatus(removed, status);
    return;
  }
  removed.evidence.push_back(recorder_.Keep("group-after-removal.txt", Screen(dora_.account, *seen) + Screen(bob_.account, *bob)));
  const bool told = std::any_of(seen->begin(), seen->end(), [](const Shown& s) { return s.notice; });
  recorder_.Judge(removed, !Shows(*seen, third) && told && Shows(*bob, third),
                  "Dora's client says that she is out; the message is on Bob's screen alone.");
  group_ = name;
}

}  // namespace plumbline::assess
