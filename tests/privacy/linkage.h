// Attacks that look for who belongs together in a snapshot: each gives every pair of mailboxes a score, and is as good as its AUC,
// the chance that a pair that belongs together scores higher than one that does not (0.5: a coin).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/privacy/month.h"

namespace plumbline::privacy {

using Score = std::function<double(const Snapshot&, size_t, size_t)>;

struct Attack {
  std::string name;
  // Works something out once, and then scores pairs of the snapshot's mailboxes.
  std::function<Score(const Snapshot&)> prepare;
};
std::vector<Attack> Attacks();

// What two mailboxes have in common.
enum class Relation { kConversation, kOwner };

// Over the pairs of one snapshot, and where the mailboxes of rows were found, over the pairs of those; none if all of them are related, or
// none is.
std::optional<double> Auc(const Snapshot& snapshot, const Score& score, Relation relation);

// Mean of independent values with an interval that contains the true one in 99.9 of 100 cases.
struct Interval {
  double mean = 0, low = 0, high = 0;
  size_t count = 0;
  bool Contains(double value) const { return low - 1e-9 <= value && value <= high + 1e-9; }
};
Interval IntervalOf(const std::vector<double>& values);

}  // namespace plumbline::privacy
