// Rebuilding the social graph from a stolen database, its key and its journal (docs/privacy-tests.md): the attacks by name, how good each
// is over many made-up months, and which of them have to be no better than a coin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "tests/fuzz/fixed_randomness.h"
#include "tests/privacy/linkage.h"

namespace plumbline::privacy {
namespace {

constexpr int kMoments = 2;  // in each month

// 200 months take many minutes; `./dev test` runs fewer.
uint64_t Worlds() {
  const char* const long_form = std::getenv("PLUMBLINE_SURVIVAL");
  return long_form != nullptr && std::string(long_form) == "long" ? 200 : 20;
}

// Attack, relation: one AUC a world, the mean of its snapshots.
using Results = std::map<std::pair<std::string, Relation>, std::vector<double>>;

struct Measured {
  Results results;
  std::vector<std::string> left_over;
  size_t left_in_gaps = 0, acknowledged = 0;
  double rows = 0, mailboxes = 0;  // of a snapshot
  size_t found = 0;                // rows whose mailbox was found
};

Measured Measure(uint64_t worlds, Planted planted) {
  if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);  // nobody pulls the plug here
  fuzz::FixRandomness(7);
  Measured out;
  double snapshots = 0;
  for (uint64_t seed = 1; seed <= worlds; ++seed) {
    std::map<std::pair<std::string, Relation>, std::vector<double>> of_world;
    for (const Snapshot& snapshot : Month(seed, planted).Run(kMoments)) {
      out.found += snapshot.found;
      out.left_in_gaps += snapshot.left_in_gaps;
      out.acknowledged += snapshot.acknowledged;
      out.left_over.insert(out.left_over.end(), snapshot.left_over.begin(), snapshot.left_over.end());
      out.rows += static_cast<double>(snapshot.rows.size());
      out.mailboxes += static_cast<double>(snapshot.mailboxes.size());
      ++snapshots;
      for (const Attack& attack : Attacks()) {
        const Score score = attack.prepare(snapshot);
        for (const Relation relation : {Relation::kConversation, Relation::kOwner}) {
          if (const std::optional<double> auc = Auc(snapshot, score, relation)) of_world[{attack.name, relation}].push_back(*auc);
        }
      }
    }
    for (const auto& [key, values] : of_world) out.results[key].push_back(IntervalOf(values).mean);
  }
  out.rows /= snapshots;
  out.mailboxes /= snapshots;
  return out;
}

const char* NameOf(Relation relation) { return relation == Relation::kConversation ? "same conversation" : "same owner"; }

TEST(GraphRebuilding, FromTheDatabaseAtRest) {
  const absl::Time begun = absl::Now();
  const Measured measured = Measure(Worlds(), Planted::kNone);
  std::printf("%llu months, %d moments each; at a moment %.0f envelopes wait, and there are %.0f mailboxes\n",
              static_cast<unsigned long long>(Worlds()), kMoments, measured.rows, measured.mailboxes);
  for (const auto& [key, values] : measured.results) {
    const Interval interval = IntervalOf(values);
    // The week in which a mailbox was opened: a declared residue.
    const bool judged = key.first != "days on which mailboxes end";
    std::printf("  %-34s %-18s AUC %.3f [%.3f, %.3f]%s\n", key.first.c_str(), NameOf(key.second), interval.mean, interval.low, interval.high,
                judged ? "  judged" : "");
    EXPECT_TRUE(!judged || interval.Contains(0.5)) << key.first << ", " << NameOf(key.second);
  }
  std::printf("rows whose mailbox was found: %zu\n", measured.found);
  EXPECT_EQ(measured.found, 0u);
  // Where SQLite has moved a row to another page, its copy in the unused middle of the former page is not overwritten with it
  // (docs/privacy-tests.md, "Deletion"). Nobody can open it. Nothing may be left anywhere else.
  std::printf("of %zu acknowledged messages, %zu left in the unused middle of a page\n", measured.acknowledged, measured.left_in_gaps);
  EXPECT_EQ(measured.left_over.size(), measured.left_in_gaps) << ::testing::PrintToString(measured.left_over);
  EXPECT_GT(measured.rows, 20);
  std::printf("took %.0f s\n", absl::ToDoubleSeconds(absl::Now() - begun));
}

// The measure sees what is put there.
TEST(GraphRebuilding, APlantedLeakIsFound) {
  const auto measure = [](const Measured& measured, const char* attack) {
    const Interval interval = IntervalOf(measured.results.at({attack, Relation::kConversation}));
    std::printf("  %-34s AUC %.3f [%.3f, %.3f]\n", attack, interval.mean, interval.low, interval.high);
    return interval;
  };
  const Interval capability = measure(Measure(5, Planted::kSharedCapability), "values in common");
  EXPECT_FALSE(capability.Contains(0.5));
  EXPECT_GT(capability.mean, 0.9);
  // With places kept, every row that waits is found, and then sizes and days tell a good deal.
  const Measured kept = Measure(8, Planted::kKeptPlaces);
  EXPECT_GT(kept.found, 0.9 * kept.rows);
  for (const char* attack : {"days and sizes", "days"}) {
    const Interval interval = measure(kept, attack);
    EXPECT_FALSE(interval.Contains(0.5)) << attack;
    EXPECT_GT(interval.mean, 0.5) << attack;
  }
}

// What senders put into their envelopes is not seen at rest, though they be careless.
TEST(GraphRebuilding, WhatEnvelopesHaveInCommonIsNotSeen) {
  const Measured measured = Measure(5, Planted::kSharedBytes);
  EXPECT_TRUE(IntervalOf(measured.results.at({"values in common", Relation::kConversation})).Contains(0.5));
}

}  // namespace
}  // namespace plumbline::privacy
