// Step c: the delivery server is killed in the middle of sending, again and again.
#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/demonstration.h"

namespace plumbline::assess {
namespace {

constexpr int kRounds = 3;
constexpr size_t kMessagesEachRound = 3;

}  // namespace

void Demonstration::SurviveCrash() {
  recorder_.narrator().Step("c", "The delivery server dies in the middle of sending");
  const Check check = {.id = "demo.c.crash",
                       .title = "Killed with SIGKILL while Alice sends, then restarted: every acknowledged message arrives, once",
                       .bears_on = {{"P7.Q2.S1"}}};
  std::vector<std::string> acknowledged, failed;
  absl::Status status;
  for (int round = 0; round < kRounds && status.ok(); ++round) {
    std::vector<std::pair<std::string, bool>> sent;  // text, acknowledged
    std::atomic<size_t> started = 0;
    std::thread sender([&] {
      for (size_t i = 0; i < kMessagesEachRound; ++i) {
        const std::string text = absl::StrCat("round ", round + 1, " message ", i + 1, " ", NewMarker());
        ++started;
        sent.emplace_back(text, people_.Send(alice_, bob_, text).ok());
      }
    });
    // The kill falls into the second or third message, at another moment of it in each round.
    PollUntil([&] { return started >= 2; }, absl::Seconds(20));
    const absl::Time at = absl::Now() + absl::Milliseconds(150 + 250 * round);
    PollUntil([&] { return absl::Now() >= at; }, absl::Seconds(2));
    organisation_.Kill(Service::kDelivery);
    status = organisation_.Start(Service::kDelivery);
    sender.join();
    for (const auto& [text, ok] : sent) (ok ? acknowledged : failed).push_back(text);
  }
  if (!status.ok()) {
    recorder_.JudgeStatus(check, status);
    return;
  }
  // One more, so that whatever was left in the outbox goes too.
  const std::string last = absl::StrCat("after the restarts ", NewMarker());
  (people_.Send(alice_, bob_, last).ok() ? acknowledged : failed).push_back(last);
  const absl::StatusOr<std::vector<Shown>> read = people_.Read(bob_);
  if (!read.ok()) {
    recorder_.JudgeStatus(check, read.status());
    return;
  }
  const auto times = [&](const std::string& text) {
    return std::count_if(read->begin(), read->end(), [&](const Shown& shown) { return shown.text == text; });
  };
  size_t lost = 0, repeated = 0, late = 0;
  for (const std::string& text : acknowledged) {
    lost += times(text) == 0;
    repeated += times(text) > 1;
  }
  for (const std::string& text : failed) {
    late += times(text) == 1;
    repeated += times(text) > 1;
  }
  Check done = check;
  done.evidence = {recorder_.Keep("crash.txt", absl::StrCat("acknowledged:\n  ", absl::StrJoin(acknowledged, "\n  "),
                                                            "\nnot acknowledged when the client ended:\n  ",
                                                            absl::StrJoin(failed, "\n  "), "\n"))};
  recorder_.Judge(done, lost == 0 && repeated == 0 && !acknowledged.empty(),
                  absl::StrCat(kRounds, " times killed. ", acknowledged.size(), " messages acknowledged: ", lost, " lost, ",
                               repeated, " repeated. ", failed.size(), " not acknowledged in time, ", late,
                               " of them delivered from the outbox later."));
}

}  // namespace plumbline::assess
