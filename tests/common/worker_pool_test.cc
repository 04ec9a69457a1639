#include "common/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

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

TEST(WorkerPool, RunsWhatIsQueuedAndRefusesTheRestWhenItStops) {
  std::atomic<int> ran = 0;
  WorkerPool pool(1, 100);
  int accepted = 0;
  for (int i = 0; i < 100; ++i) accepted += pool.TrySubmit([&ran] { ++ran; }) ? 1 : 0;
  pool.Stop();
  EXPECT_EQ(ran, accepted);
  EXPECT_FALSE(pool.TrySubmit([] {}));
  pool.Stop();
}

}  // namespace
}  // namespace plumbline
