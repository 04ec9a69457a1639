// Step h: a crowd asks the delivery server for ten times what it has room for; two people go on.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

constexpr int kPlaces = 128;  // to wait for two workers (server/serve.cc)
constexpr int kConnections = 13, kAtOnce = 100;  // of the crowd: calls under way on each connection
static_assert(kConnections * kAtOnce >= 10 * kPlaces);
constexpr int64_t kEnough = 200;  // refusals, before anything is sent

struct Crowd {
  int64_t ended = 0, refused = 0, told_when = 0, other = 0;
};

// The last whole line of what the crowd printed.
Crowd Said(const std::string& path) {
  Crowd crowd;
  for (const absl::string_view line : absl::StrSplit(ReadFile(path).value_or(""), '\n', absl::SkipEmpty())) {
    const nlohmann::json counts = nlohmann::json::parse(std::string(line), nullptr, false);
    if (!counts.is_object()) continue;
    crowd = {counts.value("ended", int64_t{0}), counts.value("refused", int64_t{0}), counts.value("told_when", int64_t{0}),
             counts.value("other", int64_t{0})};
  }
  return crowd;
}

}  // namespace

// Two workers, so that a crowd which this machine can make is ten times as large as its room.
absl::Status Demonstration::MakeRoomSmall() {
  ASSIGN_OR_RETURN(const std::string config, ReadFile(organisation_.ConfigOf(Service::kDelivery)));
  RETURN_IF_ERROR(WriteFile(organisation_.ConfigOf(Service::kDelivery), config + "limits:\n  workers: 2\n"));
  organisation_.Stop(Service::kDelivery);
  return organisation_.Start(Service::kDelivery);
}

void Demonstration::Overload() {
  recorder_.narrator().Step("h", "Ten times the load that fits");
  Check check = {.id = "demo.h.overload",
                 .title = "Ten times the load that fits is refused with a time to wait, and another person's message arrives meanwhile",
                 .bears_on = {{"P7.Q2.S5", Weight::kPart}}};
  const std::string log = folder_ + "/crowd.log", text = "Is anybody else getting through?";
  absl::Status status = MakeRoomSmall();
  absl::StatusOr<Child> crowd = absl::UnavailableError("the crowd was not started");
  if (status.ok()) {
    crowd = Child::Start({.program = organisation_.Program("plumbline-assess"),
                          .arguments = {"flood", "--address", absl::StrCat("127.0.0.1:", organisation_.ports().delivery),
                                        "--fingerprint", organisation_.fingerprint(), "--connections", absl::StrCat(kConnections),
                                        "--at-once", absl::StrCat(kAtOnce)}},
                         {.log_path = log, .err_path = log + ".err", .keep_stdin = true});
    status = crowd.status();
  }
  if (!status.ok()) {
    recorder_.JudgeStatus(std::move(check), status);
    return;
  }
  PollUntil([&] { return Said(log).refused >= kEnough || !crowd->Running(); }, absl::Seconds(20));
  const Crowd before = Said(log);
  const absl::Time began = absl::Now();
  status = people_.Send(alice_, bob_, text);
  const absl::StatusOr<std::vector<Shown>> seen = status.ok() ? people_.Read(bob_) : absl::StatusOr<std::vector<Shown>>(status);
  const absl::Duration took = absl::Now() - began;
  bool arrived = false;
  if (seen.ok()) {
    for (const Shown& each : *seen) arrived = arrived || each.text == text;
  }
  const bool running = crowd->Running();
  crowd->CloseStdin();
  if (!crowd->Wait(absl::Seconds(10)).ok()) crowd->Stop(absl::Seconds(2));
  const Crowd after = Said(log);
  const std::string value = absl::StrFormat(
      "%d calls at a time against %d places: of %d, %d refused with RESOURCE_EXHAUSTED, %d of them with a time to wait. Meanwhile "
      "Alice's message was sent, fetched and shown in %.1f s.",
      kConnections * kAtOnce, kPlaces, after.ended, after.refused, after.told_when, absl::ToDoubleSeconds(took));
  const bool refused = before.refused >= kEnough && after.refused > before.refused && after.told_when == after.refused && after.other == 0;
  recorder_.Judge(std::move(check), running && refused && arrived,
                  seen.ok() ? value : absl::StrCat(value, " ", seen.status().message()));
}

}  // namespace plumbline::assess
