// Step c: the delivery server is killed in the middle of sending, again and again.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

constexpr size_t kMessages = 40;
constexpr size_t kKillAfter[] = {3, 15, 27};  // acknowledged messages; what follows is under way at that moment

}  // namespace

void Demonstration::SurviveCrash() {
  recorder_.narrator().Step("c", "The delivery server dies in the middle of sending");
  Check check = {.id = "demo.c.crash",
                 .title = "Killed with SIGKILL while Alice sends, then restarted: every acknowledged message arrives, once",
                 .bears_on = {{"P7.Q2.S1"}}};
  const std::string mark = NewMarker();  // tells these messages from others; step d looks for it too
  canaries_[mark] = "the messages of step c";
  absl::StatusOr<Conversation> talk = people_.Write(alice_, bob_, folder_ + "/crash");
  absl::Status status = talk.status();
  for (size_t i = 0; i < kMessages && status.ok(); ++i) status = talk->Say(alice_, absl::StrCat(mark, " number ", i + 1));
  for (const size_t after : kKillAfter) {
    if (!status.ok()) break;
    if (!PollUntil([&] { return talk->AcknowledgedAt(alice_) >= after; }, absl::Seconds(30))) {
      status = absl::DeadlineExceededError(absl::StrCat("after 30 s only ", talk->AcknowledgedAt(alice_), " messages were acknowledged"));
      break;
    }
    organisation_.Kill(Service::kDelivery);
    status = organisation_.Start(Service::kDelivery);
  }
  if (talk.ok()) talk->End();
  if (status.ok()) status = people_.Flush(alice_);
  if (!status.ok()) {
    recorder_.JudgeStatus(check, status);
    return;
  }
  JudgeArrival(std::move(check), mark, std::size(kKillAfter));
}

void Demonstration::JudgeArrival(Check check, const std::string& mark, size_t kills) {
  const absl::StatusOr<std::vector<Shown>> hers = people_.History(alice_, bob_);
  const absl::StatusOr<std::vector<Shown>> his = people_.Read(bob_);
  if (!hers.ok() || !his.ok()) {
    recorder_.JudgeStatus(check, hers.ok() ? his.status() : hers.status());
    return;
  }
  std::map<std::string, size_t> arrived;
  std::vector<std::string> in_order;
  for (const Shown& each : *his) {
    if (each.text.rfind(mark, 0) != 0) continue;
    ++arrived[each.text];
    in_order.push_back(each.text);
  }
  size_t acknowledged = 0, lost = 0, repeated = 0, gaps = 0;
  std::vector<std::string> sent;
  for (const Shown& each : *hers) {
    if (each.text.rfind(mark, 0) != 0 || !each.sent) continue;
    ++acknowledged;
    lost += !arrived.contains(each.text);
    sent.push_back(each.text);
  }
  for (const auto& [text, times] : arrived) repeated += times > 1;
  for (const Shown& each : *his) gaps += each.notice;
  check.evidence = {recorder_.Keep("crash.txt", absl::StrCat("acknowledged to Alice:\n  ", absl::StrJoin(sent, "\n  "),
                                                             "\nshown to Bob:\n  ", absl::StrJoin(in_order, "\n  "), "\n"))};
  recorder_.Judge(std::move(check), lost == 0 && repeated == 0 && acknowledged == kMessages && in_order == sent,
                  absl::StrCat("Killed ", kills, " times within ", kMessages, " messages. Acknowledged: ", acknowledged, "; lost: ",
                               lost, "; repeated: ", repeated, in_order == sent ? "; in order." : "; NOT in order.",
                               gaps == 0 ? "" : absl::StrCat(" Bob's client showed ", gaps, " notices.")));
}

}  // namespace plumbline::assess
