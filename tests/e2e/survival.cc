#include "tests/e2e/survival.h"

#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "assess/demo/people.h"

namespace plumbline::testing {
namespace {

using assess::Service;
using nlohmann::json;

struct Line {
  std::string from;
  std::string text;
  std::string kind;
  std::string state;
};

// The entries that `history` printed.
std::vector<Line> LinesOf(const assess::CommandResult& result) {
  std::vector<Line> lines;
  const json document = json::parse(result.out, nullptr, false);
  if (!document.is_object()) return lines;
  for (const json& each : document.value("messages", json::array())) {
    lines.push_back({each.value("from", ""), each.value("text", ""), each.value("kind", ""), each.value("state", "")});
  }
  return lines;
}

bool EndsWith(const std::string& user, const std::string& account) { return user.ends_with("/u/" + account); }

}  // namespace

std::string SurvivalCounts::ToString() const {
  return absl::StrCat("killed: delivery server ", kills_delivery, ", key server ", kills_keyserver, ", admin service ", kills_admin,
                      ", clients ", kills_clients, "; lines ", lines, ", reported sent ", sent, ", shown ", shown, "; lost ", lost,
                      ", duplicates ", duplicates, ", reordered ", reordered, ", gaps ", gaps, ", unsent ", unsent);
}

absl::StatusOr<assess::CommandResult> Survival::Run(size_t person, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--json");
  return organisation_.Client(people_[person], arguments, "", absl::Seconds(120));
}

absl::Status Survival::Begin() {
  for (size_t i = 0; i < people_.size(); ++i) {
    ASSIGN_OR_RETURN(const assess::CommandResult result, Run(i, {"send", people_[(i + 1) % people_.size()].account, "begin"}));
    RETURN_IF_ERROR(assess::StatusOf(result));
    ++counts_.lines;
  }
  writers_.resize(people_.size());
  for (size_t i = 0; i < people_.size(); ++i) {
    writers_[i].from = i;
    writers_[i].to = (i + 1) % people_.size();
    RETURN_IF_ERROR(StartWriter(writers_[i]));
  }
  return absl::OkStatus();
}

absl::Status Survival::StartWriter(Writer& writer) {
  const std::string log = absl::StrCat(organisation_.folder(), "/survival.", people_[writer.from].account);
  ASSIGN_OR_RETURN(writer.client, organisation_.StartClient(people_[writer.from], {"--json", "chat", people_[writer.to].account},
                                                            log, /*keep_stdin=*/true));
  return absl::OkStatus();
}

absl::Status Survival::Speak() {
  Writer& writer = writers_[random_() % writers_.size()];
  // A client that could not start, since a service was down, has ended by itself.
  if (!writer.client.Running()) RETURN_IF_ERROR(StartWriter(writer));
  const std::string text = absl::StrCat(people_[writer.from].account, " ", ++counts_.lines);
  if (!writer.client.WriteLine(text).ok()) --counts_.lines;
  return absl::OkStatus();
}

absl::Status Survival::RestartService(Service service, int& count) {
  organisation_.Kill(service);
  ++count;
  return organisation_.Start(service);
}

absl::Status Survival::KillSomething() {
  const size_t choice = random_() % 10;
  if (choice < 4) return RestartService(Service::kDelivery, counts_.kills_delivery);
  if (choice < 6) return RestartService(Service::kKeyserver, counts_.kills_keyserver);
  if (choice < 7) return RestartService(Service::kAdmin, counts_.kills_admin);
  Writer& writer = writers_[random_() % writers_.size()];
  writer.client.Signal(SIGKILL);
  RETURN_IF_ERROR(writer.client.Wait(absl::Seconds(10)).status());
  ++counts_.kills_clients;
  return StartWriter(writer);
}

absl::Status Survival::Torment(absl::Duration duration, absl::Duration pause) {
  const absl::Time end = absl::Now() + duration;
  absl::Time next_kill = absl::Now() + pause;
  while (absl::Now() < end) {
    RETURN_IF_ERROR(Speak());
    if (absl::Now() >= next_kill) {
      RETURN_IF_ERROR(KillSomething());
      next_kill = absl::Now() + pause * (0.5 + static_cast<double>(random_() % 1000) / 1000);
    }
    absl::SleepFor(absl::Milliseconds(20 + random_() % 60));  // the pace of the writing, not a wait for anything
  }
  return absl::OkStatus();
}

absl::Status Survival::Compare(size_t from, size_t to, SurvivalCounts& counts) {
  ASSIGN_OR_RETURN(const assess::CommandResult hers, Run(from, {"history", people_[to].account, "--limit", "100000"}));
  ASSIGN_OR_RETURN(const assess::CommandResult his, Run(to, {"history", people_[from].account, "--limit", "100000"}));
  std::vector<std::string> sent, shown;
  std::map<std::string, int> times;
  for (const Line& line : LinesOf(hers)) {
    if (line.kind != "message" || !EndsWith(line.from, people_[from].account)) continue;
    if (line.state == "sent") sent.push_back(line.text);
    counts.unsent += line.state != "sent";
  }
  for (const Line& line : LinesOf(his)) {
    counts.gaps += line.kind == "gap";
    if (line.kind != "message" || !EndsWith(line.from, people_[from].account)) continue;
    shown.push_back(line.text);
    ++times[line.text];
  }
  for (const std::string& text : sent) counts.lost += times[text] == 0;
  for (const auto& [text, count] : times) counts.duplicates += count > 1 ? count - 1 : 0;
  counts.reordered += sent != shown;
  counts.sent += static_cast<int>(sent.size());
  counts.shown += static_cast<int>(shown.size());
  return absl::OkStatus();
}

absl::StatusOr<SurvivalCounts> Survival::Settle() {
  for (Writer& writer : writers_) {
    writer.client.CloseStdin();
    const absl::StatusOr<int> ended = writer.client.Wait(absl::Seconds(60));
    if (!ended.ok()) writer.client.Stop();
  }
  // Each round sends what waits and fetches what came; a round in which nobody fails is followed by one more, for its effects.
  for (int good = 0, round = 0; good < 2; ++round) {
    if (round == 20) return absl::DeadlineExceededError("the clients do not settle");
    bool all = true;
    for (size_t i = 0; i < people_.size(); ++i) {
      ASSIGN_OR_RETURN(const assess::CommandResult result, Run(i, {"sync"}));
      all = all && result.exit_code == 0;
      if (result.exit_code > 128) return absl::InternalError(absl::StrCat("a client died: ", result.err));
    }
    good = all ? good + 1 : 0;
  }
  SurvivalCounts counts = counts_;
  for (size_t i = 0; i < people_.size(); ++i) RETURN_IF_ERROR(Compare(i, (i + 1) % people_.size(), counts));
  return counts;
}

}  // namespace plumbline::testing
