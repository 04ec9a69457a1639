#include "common/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

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
