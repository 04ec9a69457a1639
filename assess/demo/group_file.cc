// Step j: a file in a group: its members read it, who comes later does not, and a member who leaves the organisation is taken out
// of the group with its next message and fetches nothing more.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {

void Demonstration::GroupFile() {
  recorder_.narrator().Step("j", "A file in a group, somebody who comes later, and a member who leaves");
  if (group_.empty()) return;  // step i says why
  const std::string group = "group:" + group_, source = folder_ + "/plan.txt";
  const std::string content = Canary("The sluice plan is for those who are here today.");
  Check read = {.id = "demo.j.file",
                .title = "Alice sends a file to the group; each of its members saves it, and it is the same",
                .bears_on = {{"P1.Q1.S1", Weight::kPart}}};
  absl::StatusOr<Person> erin = organisation_.NewPerson("erin.eddy", "Erin Eddy");
  absl::Status status = erin.ok() ? organisation_.CreateAccount(*erin) : erin.status();
  absl::StatusOr<std::string> invitation = status.ok() ? organisation_.Invite(*erin) : absl::StatusOr<std::string>(status);
  status = invitation.ok() ? people_.Enrol(*erin, *invitation) : invitation.status();
  if (status.ok()) status = InGroup(alice_, {"group", "add", group_, erin->account});
  if (status.ok()) status = WriteFile(source, content);
  if (status.ok()) status = InGroup(alice_, {"send-file", group, source});
  std::string erins_number;
  for (const Person* member : {&bob_, status.ok() ? &*erin : &bob_}) {
    if (!status.ok()) break;
    const std::string saved = absl::StrCat(folder_, "/plan-", member->account, ".txt");
    const absl::StatusOr<std::string> number = people_.NewestFile(*member);
    status = number.ok() ? people_.SaveFile(*member, *number, saved) : number.status();
    if (status.ok() && ReadFile(saved).value_or("") != content) status = absl::DataLossError(member->name + " has another file");
    if (status.ok()) erins_number = *number;
  }
  if (!recorder_.JudgeStatus(std::move(read), status, "Bob and Erin have what Alice sent.")) return;
  LaterPersonLacksFile(group);
  LeaverLosesFile(*erin, erins_number, group);
}

void Demonstration::LaterPersonLacksFile(const std::string& group) {
  Check check = {.id = "demo.j.later",
                 .title = "Dora is added afterwards: her client shows what follows, and neither the file nor its name",
                 .bears_on = {{"P1.Q1.S3", Weight::kPart}}};
  const std::string text = "Dora, you are in again.";
  absl::Status status = InGroup(alice_, {"group", "add", group_, dora_.account});
  if (status.ok()) status = InGroup(alice_, {"send", group, text});
  const absl::StatusOr<std::vector<Shown>> seen = status.ok() ? people_.Read(dora_) : absl::StatusOr<std::vector<Shown>>(status);
  const absl::StatusOr<CommandResult> files = organisation_.Client(dora_, {"--json", "files"});
  if (!seen.ok() || !files.ok()) {
    recorder_.JudgeStatus(std::move(check), seen.ok() ? files.status() : seen.status());
    return;
  }
  const bool shows = std::any_of(seen->begin(), seen->end(), [&](const Shown& s) { return s.text == text; });
  const bool lacks = files->exit_code == 0 && !absl::StrContains(files->out, "plan.txt");
  recorder_.Judge(std::move(check), shows && lacks, "`plumbline files` at Dora's: " + files->out);
}

void Demonstration::LeaverLosesFile(const Person& erin, const std::string& number, const std::string& group) {
  Check check = {.id = "demo.j.leaver",
                 .title = "Erin leaves the organisation: the group's next message takes her devices out, and she can no longer fetch "
                          "the file",
                 .bears_on = {{"P5.Q1.S3", Weight::kPart}, {"P3.Q1.S6", Weight::kPart}, {"P1.Q1.S3", Weight::kPart}}};
  const auto removed = organisation_.Administer({"account", "remove", erin.account, "--reason", "leaves the organisation"});
  absl::Status status = removed.ok() ? StatusOf(*removed) : removed.status();
  // How many devices of hers somebody's client has in the group; -1 if that cannot be seen.
  std::string seen;
  const auto devices = [&](const Person& person) -> int {
    const absl::StatusOr<CommandResult> result = organisation_.Client(person, {"--json", "group", "show", group_});
    const nlohmann::json shown = result.ok() ? nlohmann::json::parse(result->out, nullptr, false) : nlohmann::json();
    if (!shown.is_object()) return -1;
    absl::StrAppend(&seen, person.name, ": ", result->out);
    for (const nlohmann::json& each : shown.value("people", nlohmann::json::array())) {
      if (absl::EndsWith(each.value("user", ""), "/" + erin.account)) return static_cast<int>(each["devices"].size());
    }
    return 0;
  };
  const int before = devices(bob_);
  if (status.ok()) status = InGroup(bob_, {"send", group, "Without Erin from now on."});
  if (status.ok()) status = people_.Read(alice_).status();
  if (!status.ok()) {
    recorder_.JudgeStatus(std::move(check), status);
    return;
  }
  const int at_bob = devices(bob_), at_alice = devices(alice_);
  check.evidence = {recorder_.Keep("group-after-leaver.txt", seen)};
  const bool out = before == 1 && at_bob == 0 && at_alice == 0;
  const std::string again = folder_ + "/plan-again.txt";
  absl::Status fetched;
  std::error_code error;
  const bool refused = PollUntil(
      [&] {
        fetched = people_.SaveFile(erin, number, again);
        if (fetched.ok()) std::filesystem::remove(again, error);
        return ReasonOf(fetched) == "device_revoked";
      },
      absl::Seconds(20));
  recorder_.Judge(std::move(check), out && refused && !std::filesystem::exists(again, error),
                  absl::StrCat("Her devices in the group: ", before, "; after it at Bob's ", at_bob, ", at Alice's ", at_alice,
                               ". Erin's client: ",
                               fetched.ok() ? "saved the file again" : std::string(fetched.message())));
}

}  // namespace plumbline::assess
