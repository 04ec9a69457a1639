#include "mls/tree/persistent_vector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace plumbline::mls {
namespace {

std::vector<int> Contents(const PersistentVector<int>& vector) {
  std::vector<int> out;
  vector.ForEach([&](size_t i, int value) {
    EXPECT_EQ(i, out.size());
    EXPECT_EQ(value, vector[i]);
    out.push_back(value);
  });
  EXPECT_EQ(out.size(), vector.size());
  return out;
}

TEST(PersistentVector, CopiesDoNotSeeEachOthersChanges) {
  PersistentVector<int> first;
  first.Resize(200);
  PersistentVector<int> second = first;
  second.Mutable(70) = 7;
  first.Mutable(71) = 8;
  EXPECT_EQ(first[70], 0);
  EXPECT_EQ(first[71], 8);
  EXPECT_EQ(second[70], 7);
  EXPECT_EQ(second[71], 0);
}

TEST(PersistentVector, WhatIsDroppedComesBackEmpty) {
  PersistentVector<int> vector;
  vector.Resize(100);
  for (size_t i = 0; i < 100; ++i) vector.Mutable(i) = 1;
  const PersistentVector<int> copy = vector;
  vector.Resize(70);
  vector.Resize(100);
  EXPECT_EQ(vector[69], 1);
  EXPECT_EQ(vector[70], 0);
  EXPECT_EQ(copy[70], 1);
}

// Against std::vector, with copies taken and continued from at random.
TEST(PersistentVector, BehavesLikeAVectorThatIsCopied) {
  std::mt19937 random(20261125);
  std::vector<PersistentVector<int>> ours(4);
  std::vector<std::vector<int>> theirs(4);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int step = 0; step < 20'000; ++step) {
    const size_t which = below(4);
    switch (below(4)) {
      case 0:
        ours[which].PushBack(step);
        theirs[which].push_back(step);
        break;
      case 1: {
        const size_t size = below(300);
        ours[which].Resize(size);
        theirs[which].resize(size);
        break;
      }
      case 2: {
        if (theirs[which].empty()) break;
        const size_t index = below(theirs[which].size());
        ours[which].Mutable(index) = step;
        theirs[which][index] = step;
        break;
      }
      default: {
        const size_t from = below(4);
        ours[which] = ours[from];
        theirs[which] = theirs[from];
      }
    }
    if (step % 50 == 0) {
      for (size_t i = 0; i < 4; ++i) ASSERT_EQ(Contents(ours[i]), theirs[i]) << "step " << step;
    }
  }
}

TEST(PersistentVector, CopiesLiveInThreadsOfTheirOwn) {
  PersistentVector<int> shared;
  shared.Resize(1000);
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([copy = shared, t]() mutable {
      for (size_t i = 0; i < copy.size(); ++i) copy.Mutable(i) = t;
      for (size_t i = 0; i < copy.size(); ++i) EXPECT_EQ(copy[i], t);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Contents(shared), testing::Each(0));
}

}  // namespace
}  // namespace plumbline::mls
