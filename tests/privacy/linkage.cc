#include "tests/privacy/linkage.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace plumbline::privacy {
namespace {

using Pair = std::pair<size_t, size_t>;
Pair Ordered(size_t a, size_t b) { return {std::min(a, b), std::max(a, b)}; }

// How much oftener than by chance two mailboxes' rows lie within `reach` places of each other in some order; in standard deviations, so
// that full mailboxes score no higher than others for being full.
Score Nearness(const Snapshot& snapshot, const std::function<int64_t(const SeenRow&)>& place, int64_t reach, bool by_rank) {
  std::vector<std::pair<int64_t, size_t>> order;
  for (const SeenRow& row : snapshot.rows) {
    if (row.mailbox && place(row) > 0) order.push_back({place(row), *row.mailbox});
  }
  std::sort(order.begin(), order.end());
  if (by_rank) {
    for (size_t i = 0; i < order.size(); ++i) order[i].first = static_cast<int64_t>(i);
  }
  auto near = std::make_shared<std::map<Pair, double>>();
  auto count = std::make_shared<std::map<size_t, double>>();
  double all = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    ++(*count)[order[i].second];
    for (size_t j = i + 1; j < order.size() && order[j].first - order[i].first <= reach; ++j) {
      if (order[i].second == order[j].second) continue;
      ++(*near)[Ordered(order[i].second, order[j].second)];
      ++all;
    }
  }
  double pairs = 0;
  for (const auto& [a, na] : *count) {
    for (const auto& [b, nb] : *count) pairs += a < b ? na * nb : 0;
  }
  const double chance = pairs > 0 ? all / pairs : 0;
  return [near, count, chance](const Snapshot&, size_t a, size_t b) {
    const auto na = count->find(a), nb = count->find(b);
    if (na == count->end() || nb == count->end() || chance == 0) return 0.0;
    const auto found = near->find(Ordered(a, b));
    const double expected = na->second * nb->second * chance;
    return ((found == near->end() ? 0 : found->second) - expected) / std::sqrt(expected);
  };
}

// Cosine of how often each key occurs in one and in the other.
template <typename Key>
double Cosine(const std::map<Key, double>& one, const std::map<Key, double>& other) {
  double product = 0, left = 0, right = 0;
  for (const auto& [key, count] : one) {
    left += count * count;
    const auto found = other.find(key);
    if (found != other.end()) product += count * found->second;
  }
  for (const auto& [key, count] : other) right += count * count;
  return left == 0 || right == 0 ? 0 : product / std::sqrt(left * right);
}

template <typename Key>
Score Likeness(const Snapshot& snapshot, const std::function<Key(const SeenRow&)>& key) {
  auto profiles = std::make_shared<std::vector<std::map<Key, double>>>(snapshot.mailboxes.size());
  for (const SeenRow& row : snapshot.rows) {
    if (row.mailbox) ++(*profiles)[*row.mailbox][key(row)];
  }
  return [profiles](const Snapshot&, size_t a, size_t b) { return Cosine((*profiles)[a], (*profiles)[b]); };
}

Score SharedValues(const Snapshot& snapshot) {
  auto sets = std::make_shared<std::vector<std::set<Bytes>>>();
  for (const SeenMailbox& mailbox : snapshot.mailboxes) sets->emplace_back(mailbox.values.begin(), mailbox.values.end());
  return [sets](const Snapshot&, size_t a, size_t b) {
    double shared = 0;
    for (const Bytes& value : (*sets)[a]) shared += (*sets)[b].contains(value);
    return shared;
  };
}

// A handle that moves on the days on which two mailboxes fill.
Score Handles(const Snapshot& snapshot) {
  std::map<Bytes, std::map<int64_t, double>> moves;
  for (const SeenCommit& commit : snapshot.commits) ++moves[commit.handle][commit.day];
  std::vector<std::map<int64_t, double>> days(snapshot.mailboxes.size());
  for (const SeenRow& row : snapshot.rows) {
    if (row.mailbox) ++days[*row.mailbox][row.day];
  }
  auto alike = std::make_shared<std::vector<std::vector<double>>>(snapshot.mailboxes.size());
  for (size_t m = 0; m < days.size(); ++m) {
    for (const auto& [handle, moved] : moves) (*alike)[m].push_back(Cosine(moved, days[m]));
  }
  return [alike](const Snapshot&, size_t a, size_t b) {
    double best = 0;
    for (size_t h = 0; h < (*alike)[a].size(); ++h) best = std::max(best, (*alike)[a][h] * (*alike)[b][h]);
    return best;
  };
}

}  // namespace

std::vector<Attack> Attacks() {
  const auto near = [](std::function<int64_t(const SeenRow&)> place, int64_t reach, bool by_rank) {
    return [=](const Snapshot& snapshot) { return Nearness(snapshot, place, reach, by_rank); };
  };
  return {
      {"values in common", SharedValues},
      {"order of the envelopes' rows", near([](const SeenRow& r) { return r.row; }, 2, true)},
      {"order of the answers' rows", near([](const SeenRow& r) { return r.answer; }, 4, false)},
      {"pages where contents begin", near([](const SeenRow& r) { return int64_t{r.page}; }, 0, false)},
      {"pages where contents end", near([](const SeenRow& r) { return int64_t{r.last_page}; }, 1, false)},
      {"transactions in the journal", near([](const SeenRow& r) { return int64_t{r.journal_commit} + 1; }, 0, false)},
      {"places written in one transaction",
       [](const Snapshot&) {
         return [](const Snapshot& s, size_t a, size_t b) {
           return s.mailboxes[a].journal_commit >= 0 && s.mailboxes[a].journal_commit == s.mailboxes[b].journal_commit ? 1.0 : 0.0;
         };
       }},
      {"order of the mailboxes' rows",
       [](const Snapshot&) {
         return [](const Snapshot& s, size_t a, size_t b) {
           return -std::abs(static_cast<double>(s.mailboxes[a].row - s.mailboxes[b].row));
         };
       }},
      {"days on which mailboxes end",
       [](const Snapshot&) {
         return [](const Snapshot& s, size_t a, size_t b) {
           return -std::abs(static_cast<double>(s.mailboxes[a].expires_day - s.mailboxes[b].expires_day));
         };
       }},
      {"sizes", [](const Snapshot& s) { return Likeness<size_t>(s, [](const SeenRow& r) { return r.content.size(); }); }},
      {"days", [](const Snapshot& s) { return Likeness<int64_t>(s, [](const SeenRow& r) { return r.day; }); }},
      {"days and sizes",
       [](const Snapshot& s) {
         return Likeness<std::pair<int64_t, size_t>>(s, [](const SeenRow& r) { return std::make_pair(r.day, r.content.size()); });
       }},
      {"days of the handles' moves", Handles},
  };
}

std::optional<double> Auc(const Snapshot& snapshot, const Score& score, Relation relation) {
  std::vector<double> related, others;
  std::set<size_t> filled;
  for (const SeenRow& row : snapshot.rows) {
    if (row.mailbox) filled.insert(*row.mailbox);
  }
  const auto skip = [&](size_t mailbox) { return !filled.empty() && !filled.contains(mailbox); };
  for (size_t a = 0; a < snapshot.mailboxes.size(); ++a) {
    for (size_t b = a + 1; b < snapshot.mailboxes.size(); ++b) {
      if (skip(a) || skip(b)) continue;
      const Truth &one = snapshot.mailboxes[a].truth, &other = snapshot.mailboxes[b].truth;
      const bool same = relation == Relation::kOwner ? one.owner == other.owner : one.conversation == other.conversation && one.conversation >= 0;
      (same ? related : others).push_back(score(snapshot, a, b));
    }
  }
  if (related.empty() || others.empty()) return std::nullopt;
  std::sort(others.begin(), others.end());
  double wins = 0;
  for (const double value : related) {
    const auto [first, last] = std::equal_range(others.begin(), others.end(), value);
    wins += static_cast<double>(first - others.begin()) + 0.5 * static_cast<double>(last - first);
  }
  return wins / (static_cast<double>(related.size()) * static_cast<double>(others.size()));
}

Interval IntervalOf(const std::vector<double>& values) {
  constexpr double kQuantile = 3.29;  // of the normal distribution, two sides
  Interval out;
  out.count = values.size();
  if (values.empty()) return out;
  const double n = static_cast<double>(values.size());
  for (const double value : values) out.mean += value / n;
  double square = 0;
  for (const double value : values) square += (value - out.mean) * (value - out.mean);
  const double half = n > 1 ? kQuantile * std::sqrt(square / (n - 1) / n) : 1;
  out.low = out.mean - half;
  out.high = out.mean + half;
  return out;
}

}  // namespace plumbline::privacy
