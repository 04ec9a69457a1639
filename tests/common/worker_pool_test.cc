#include "common/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace plumbline {
namespace {

TEST(WorkerPool, RunsEveryAcceptedTaskExactlyOnce) {
  std::atomic<int> accepted = 0, ran = 0;
  {
    WorkerPool pool(4, 64);
    std::vector<std::thread> senders;
    for (int i = 0; i < 4; ++i) {
      senders.emplace_back([&] {
        for (int n = 0; n < 5000; ++n) {
          if (pool.TrySubmit([&ran] { ++ran; })) ++accepted;
        }
      });
    }
    for (std::thread& sender : senders) sender.join();
  }
  EXPECT_GT(accepted, 0);
  EXPECT_EQ(ran, accepted);
}

TEST(WorkerPool, RefusesWithoutBlockingWhenTheQueueIsFull) {
  std::promise<void> started, release;
  WorkerPool pool(1, 2);
  std::shared_future<void> gate = release.get_future().share();
  ASSERT_TRUE(pool.TrySubmit([&started, gate] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();  // the only thread is busy; both places in the queue are free
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_TRUE(pool.TrySubmit([] {}));
  std::function<void()> task = [] {};
  EXPECT_FALSE(pool.TrySubmit(std::move(task)));
  EXPECT_TRUE(task);  // a refused task still belongs to the caller
  release.set_value();
}

// A pool with one thread that is held until `release`; what it ran, in order.
struct Held {
  explicit Held(size_t capacity) : pool(1, capacity) {
    CHECK(pool.TrySubmit([this] {
      started.set_value();
      gate.get_future().wait();
    }));
    started.get_future().wait();
  }
  bool Submit(uint64_t source, const std::string& name) {
    WorkerPool::Task task{[this, name] { ran.push_back(name); }, [this, name] { refused.push_back(name); }};
    return pool.TrySubmit(source, task);
  }
  void Release() {
    gate.set_value();
    pool.Stop();
  }
  std::promise<void> started, gate;
  std::vector<std::string> ran, refused;
  WorkerPool pool;
};

TEST(WorkerPool, SourcesTakeTurns) {
  Held held(100);
  for (const char* name : {"a1", "a2", "a3", "a4"}) EXPECT_TRUE(held.Submit(1, name));
  for (const char* name : {"b1", "b2"}) EXPECT_TRUE(held.Submit(2, name));
  EXPECT_TRUE(held.Submit(3, "c1"));
  held.Release();
  EXPECT_EQ(held.ran, (std::vector<std::string>{"a1", "b1", "c1", "a2", "b2", "a3", "a4"}));
  EXPECT_TRUE(held.refused.empty());
}

// Five sources that always have a task waiting; one that had one in the beginning, and another when the third round has begun.
TEST(WorkerPool, WhoAsksNowAndThenGoesAheadOfThoseWhoAskAllTheTime) {
  Held held(100);
  std::promise<void> done;
  std::function<void(int, int)> again = [&](int source, int round) {
    WorkerPool::Task task{[&, source, round] {
                            held.ran.push_back(absl::StrCat(source, ".", round));
                            if (source == 1 && round == 3) held.Submit(9, "seldom");
                            if (source == 1 && round == 3) held.Submit(10, "new");
                            if (source == 5 && round == 4) done.set_value();
                            if (round < 4) again(source, round + 1);
                          },
                          nullptr};
    EXPECT_TRUE(held.pool.TrySubmit(source, task));
  };
  EXPECT_TRUE(held.Submit(9, "first"));
  for (int source = 1; source <= 5; ++source) again(source, 1);
  held.gate.set_value();
  done.get_future().wait();
  const std::vector<std::string> third(held.ran.begin() + 11, held.ran.begin() + 19);
  EXPECT_EQ(third, (std::vector<std::string>{"1.3", "seldom", "2.3", "3.3", "4.3", "5.3", "1.4", "new"}));
}

TEST(WorkerPool, AFullQueueGivesEachSourceItsShare) {
  Held held(4);
  for (const char* name : {"a1", "a2", "a3", "a4"}) EXPECT_TRUE(held.Submit(1, name));
  EXPECT_FALSE(held.Submit(1, "a5"));  // its own share is the largest
  EXPECT_TRUE(held.Submit(2, "b1"));
  EXPECT_EQ(held.refused, std::vector<std::string>{"a4"});
  EXPECT_TRUE(held.Submit(2, "b2"));
  EXPECT_EQ(held.refused, (std::vector<std::string>{"a4", "a3"}));
  EXPECT_FALSE(held.Submit(2, "b3"));  // two and two: nobody gives
  held.Release();
  EXPECT_EQ(held.ran, (std::vector<std::string>{"a1", "b1", "a2", "b2"}));
}

// What a stream waits for has nobody to tell that it was pushed out, so it never is.
TEST(WorkerPool, ATaskThatCannotBeRefusedKeepsItsPlace) {
  Held held(2);
  int ran = 0;
  EXPECT_TRUE(held.pool.TrySubmit([&] { ++ran; }));
  EXPECT_TRUE(held.pool.TrySubmit([&] { ++ran; }));
  EXPECT_FALSE(held.Submit(1, "a1"));
  held.Release();
  EXPECT_EQ(ran, 2);
}

TEST(WorkerPool, RunsWhatIsQueuedAndRefusesTheRestWhenItStops) {
  std::atomic<int> ran = 0;
  WorkerPool pool(1, 100);
  int accepted = 0;
  for (int i = 0; i < 100; ++i) accepted += pool.TrySubmit([&ran] { ++ran; }) ? 1 : 0;
  pool.Stop();
  EXPECT_EQ(ran, accepted);
  EXPECT_FALSE(pool.TrySubmit([] {}));
  WorkerPool::Task late{[] {}, [] {}};
  EXPECT_FALSE(pool.TrySubmit(1, late));
  pool.Stop();
}

}  // namespace
}  // namespace plumbline
