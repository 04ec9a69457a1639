// Step g: a second device is approved with a code from its own screen; somebody leaves, and it is
// measured how soon nothing of theirs works any more; a lost device is shut out while the delivery
// server is down.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

using Json = nlohmann::json;

constexpr absl::Duration kCap = absl::Seconds(30);

Json LastJson(const std::string& text) {
  Json last;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    Json parsed = Json::parse(std::string(line), nullptr, false);
    if (!parsed.is_discarded()) last = std::move(parsed);
  }
  return last;
}

std::string Field(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_string()
             ? object[name].get<std::string>()
             : "";
}

std::string Delivery(const Json& account) {
  return account.is_object() && account.contains("revocation")
             ? Field(account["revocation"], "delivery")
             : "nothing said";
}

std::string Seconds(absl::Time since) {
  return absl::StrFormat("%.2f s", absl::ToDoubleSeconds(absl::Now() - since));
}

}  // namespace

void Demonstration::Leave() {
  recorder_.narrator().Step("g", "Devices of a person, and somebody who leaves");
  const absl::StatusOr<Person> tablet = organisation_.NewPerson("alices.tablet", "Alice's tablet");
  if (!tablet.ok()) {
    recorder_.JudgeStatus(
        {.id = "demo.g.device", .title = "A second device joins", .bears_on = {{"P3.Q1.S1"}}},
        tablet.status());
    return;
  }
  const std::string device = ApproveDevice(*tablet);
  MeasureLeaver();
  if (!device.empty()) LoseDevice(*tablet, device);
}

std::string Demonstration::ApproveDevice(const Person& tablet) {
  const Check check = {.id = "demo.g.device",
                       .title =
                           "A second device joins only when the first one approves the code on its "
                           "screen; a wrong code is refused",
                       .bears_on = {{"P3.Q1.S1"}, {"P3.Q1.S3", Weight::kPart}}};
  const auto run = [&](const Person& person,
                       std::vector<std::string> arguments) -> absl::StatusOr<CommandResult> {
    arguments.insert(arguments.begin(), "--json");
    return organisation_.Client(person, arguments);
  };
  const auto invited = run(alice_, {"devices", "invite"});
  const std::string invitation = invited.ok() ? Field(LastJson(invited->out), "invitation") : "";
  const std::string path = tablet.passphrase_file + ".invitation", log = folder_ + "/tablet.log";
  absl::Status status = invitation.empty() ? absl::InternalError("no invitation was made")
                                           : WriteFile(path, invitation + "\n");
  absl::StatusOr<Child> enrolling = absl::UnavailableError("the new device was not started");
  if (status.ok()) {
    enrolling = organisation_.StartClient(
        tablet, {"--json", "enrol", "--accept-notice", "--quick-unlock", "--label", "tablet", "--invitation", path},
        log, false);
  }
  std::string code;
  if (enrolling.ok()) {
    PollUntil(
        [&] {
          return !(code = Field(LastJson(ReadFile(log).value_or("")), "approval_code")).empty();
        },
        kCap);
  }
  if (code.empty()) {
    recorder_.JudgeStatus(check, enrolling.ok()
                                     ? absl::InternalError("the new device showed no code: " +
                                                           ReadFile(log).value_or(""))
                                     : enrolling.status());
    return "";
  }
  const auto wrong = run(alice_, {"devices", "approve", "0123-4567-89AB-CDEF", "--yes"});
  const auto before = run(alice_, {"devices"});
  const auto approved = run(alice_, {"devices", "approve", code, "--yes"});
  const bool joined = PollUntil([&] { return !enrolling->Running(); }, kCap);
  const auto after = run(alice_, {"devices"});
  const auto count = [](const absl::StatusOr<CommandResult>& result) -> size_t {
    const Json list = result.ok() ? LastJson(result->out) : Json();
    return list.is_object() && list.contains("devices") ? list["devices"].size() : 0;
  };
  const std::string refusal = wrong.ok() ? ReasonOf(StatusOf(*wrong)) : "";
  const std::string id = approved.ok() ? Field(LastJson(approved->out), "approved") : "";
  recorder_.Judge(
      check,
      refusal == "join_unknown" && count(before) == 1 && joined && count(after) == 2 && !id.empty(),
      absl::StrCat("The tablet shows ", code, ". A wrong code at Alice's laptop: ", refusal,
                   ", and she still has ", count(before),
                   " device. With the right one: ", count(after), " devices."));
  return id;
}

void Demonstration::MeasureLeaver() {
  Check check = {.id = "demo.g.leaver",
                 .title = "One signed decision removes somebody: everywhere, within seconds",
                 .bears_on = {{"P5.Q1.S3", Weight::kPart}, {"P3.Q1.S6", Weight::kPart}}};
  absl::StatusOr<Person> dora = organisation_.NewPerson("dora.dune", "Dora Dune");
  absl::Status status = dora.status();
  if (status.ok()) status = organisation_.CreateAccount(*dora);
  if (status.ok()) {
    const absl::StatusOr<std::string> invitation = organisation_.Invite(*dora);
    status = invitation.ok() ? people_.Enrol(*dora, *invitation) : invitation.status();
  }
  const absl::StatusOr<std::string> unused = status.ok() ? organisation_.Invite(*dora) : status;
  if (status.ok()) status = unused.status();
  if (status.ok()) status = people_.Send(bob_, *dora, "Welcome, Dora");
  if (!status.ok()) {
    recorder_.JudgeStatus(check, status);
    return;
  }
  std::vector<std::string> seen;
  const absl::Time called = absl::Now();
  const auto removed = organisation_.Administer(
      {"account", "remove", dora->account, "--reason", "leaves the organisation"});
  const std::string delivery =
      removed.ok() ? Delivery(Json::parse(removed->out, nullptr, false)) : "";
  seen.push_back(
      absl::StrCat("decision carried out, delivery server ", delivery, ": ", Seconds(called)));
  const auto refused = [&](const char* what, absl::string_view reason,
                           const std::function<absl::Status()>& attempt) {
    absl::Status last;
    const bool done = PollUntil([&] { return ReasonOf(last = attempt()) == reason; }, kCap);
    seen.push_back(absl::StrCat(what, ": ",
                                done ? absl::StrCat(reason, " after ", Seconds(called))
                                     : absl::StrCat("NOT refused: ", last.message())));
    return done;
  };
  bool all = delivery == "confirmed";
  all &= refused("Dora fetches", "device_revoked", [&] { return people_.Read(*dora).status(); });
  all &= refused("Bob writes to Dora", "account_removed",
                 [&] { return people_.Send(bob_, *dora, "are you there?"); });
  const absl::StatusOr<Person> again = organisation_.NewPerson("dora.again", "Dora Dune");
  all &= again.ok() && refused("an unused invitation", "code_withdrawn",
                               [&] { return people_.Enrol(*again, *unused); });
  std::string text;
  for (const std::string& line : seen) absl::StrAppend(&text, line, "\n");
  check.evidence = {recorder_.Keep("leaver.txt", text)};
  recorder_.Judge(std::move(check), all, absl::StrJoin(seen, "; "));
}

void Demonstration::LoseDevice(const Person& tablet, const std::string& device) {
  const Check check = {
      .id = "demo.g.lost-device",
      .title = "A lost device is shut out although the delivery server was down at that moment",
      .bears_on = {{"P3.Q1.S6", Weight::kPart}, {"P5.Q1.S3", Weight::kPart}}};
  organisation_.Kill(Service::kDelivery);
  const auto revoked = organisation_.Administer(
      {"device", "revoke", alice_.account, device, "--reason", "left on a train"});
  const std::string then = revoked.ok() ? Delivery(Json::parse(revoked->out, nullptr, false)) : "";
  // Of the key server alone: with the delivery server down, fetching would fail for that reason
  // first.
  const auto listed = organisation_.Client(tablet, {"--json", "devices"});
  const absl::Status at_once = listed.ok() ? StatusOf(*listed) : listed.status();
  const absl::Status started = organisation_.Start(Service::kDelivery);
  const absl::Time up = absl::Now();
  std::string now;
  const bool caught_up =
      started.ok() &&
      PollUntil(
          [&] {
            const auto shown = organisation_.Administer({"account", "show", alice_.account});
            now = shown.ok() ? Delivery(Json::parse(shown->out, nullptr, false)) : "";
            return now == "confirmed";
          },
          kCap);
  recorder_.Judge(check, then == "pending" && ReasonOf(at_once) == "device_revoked" && caught_up,
                  absl::StrCat("Delivery server down: ", then,
                               "; the key server refuses the tablet at once (", ReasonOf(at_once),
                               "). Delivery server up again: ", now, " after ", Seconds(up), "."));
}

}  // namespace plumbline::assess
