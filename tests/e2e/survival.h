// Several people who write to each other while services and clients are killed at random, and what must hold afterwards: every
// message that somebody's client calls sent is shown to the other person once, and in the sender's order.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "assess/demo/organisation.h"
#include "common/status.h"

namespace plumbline::testing {

struct SurvivalCounts {
  int kills_delivery = 0, kills_keyserver = 0, kills_admin = 0, kills_clients = 0;
  int lines = 0;      // given to a client; one that dies before it has written a line down never reported it sent
  int sent = 0;       // reported sent, in the senders' histories
  int unsent = 0;     // still not sent after everything has settled
  int shown = 0;      // in the recipients' histories
  int lost = 0;       // sent and not shown
  int duplicates = 0;
  int reordered = 0;  // pairs of people where the order differs
  int gaps = 0;       // gap markers: a recipient believes that something is missing
  std::string ToString() const;
  bool clean() const { return unsent + lost + duplicates + reordered + gaps == 0; }
};

// Not thread-safe.
class Survival final {
 public:
  // `people` are enrolled; services run. Everything random comes from `seed`.
  Survival(assess::Organisation& organisation, std::vector<assess::Person> people, unsigned seed)
      : organisation_(organisation), people_(std::move(people)), random_(seed) {}

  // Everybody says something to everybody, so that each conversation is there.
  absl::Status Begin();
  // Kills one thing about every `pause`, for `duration`; starts again what was killed. Messages flow all the time.
  absl::Status Torment(absl::Duration duration, absl::Duration pause);
  // Lets everything run until nobody has anything left to send or fetch, then compares the histories.
  absl::StatusOr<SurvivalCounts> Settle();

 private:
  struct Writer {
    size_t from = 0, to = 0;
    assess::Child client;
  };
  absl::Status StartWriter(Writer& writer);
  absl::Status Speak();
  absl::Status KillSomething();
  absl::Status RestartService(assess::Service service, int& count);
  absl::StatusOr<assess::CommandResult> Run(size_t person, std::vector<std::string> arguments);
  absl::Status Compare(size_t from, size_t to, SurvivalCounts& counts);

  assess::Organisation& organisation_;
  const std::vector<assess::Person> people_;
  std::mt19937 random_;
  std::vector<Writer> writers_;  // one for each person, to the next one
  SurvivalCounts counts_;
};

}  // namespace plumbline::testing
