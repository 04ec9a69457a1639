// A fixed number of threads behind a bounded queue. Knows no gRPC.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/mutex.h"

namespace plumbline {

// Thread-safe. The destructor runs what is queued, then joins; nothing may submit by then.
class WorkerPool final {
 public:
  // At least one thread and one place in the queue.
  WorkerPool(size_t threads, size_t queue_capacity);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Queues `task`; false, and `task` is untouched, if the queue is full or the pool is stopping. Never blocks.
  bool TrySubmit(std::function<void()>&& task);
  // Refuses new tasks, runs the queued ones, joins the threads. Not from a task of its own. Idempotent.
  void Stop();

 private:
  void Work();
  const size_t queue_capacity_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace plumbline
