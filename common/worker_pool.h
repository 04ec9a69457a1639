// A fixed number of threads behind a bounded queue in which sources take turns. Knows no gRPC.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/mutex.h"

namespace plumbline {

// Thread-safe. The destructor runs what is queued, then joins; nothing may submit by then.
//
// Tasks of one source run in their order, one a turn. Of the sources that have any, the one that was served longest ago comes first; one
// that was not seen lately comes behind all that wait when it arrives. So a source that asks for much waits for itself, and one that
// asks more seldom than the others have their turns goes ahead of them. Nobody waits for ever: who comes later and goes ahead was served
// earlier, and each of those goes ahead once.
class WorkerPool final {
 public:
  struct Task {
    std::function<void()> run;
    std::function<void()> refuse;  // instead of run(), on a thread that submits; may be empty: then it is never pushed out
  };

  // At least one thread and one place in the queue.
  WorkerPool(size_t threads, size_t queue_capacity);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Queues `task` for `source`; false, and `task` is untouched, if the pool is stopping, or the queue is full and no other
  // source holds at least two places more than this one. The newest task of the source that holds most is refused for it
  // otherwise. Never blocks.
  bool TrySubmit(uint64_t source, Task& task);
  // The same without a source: all such tasks are of one.
  bool TrySubmit(std::function<void()>&& task);
  size_t queue_capacity() const { return queue_capacity_; }
  // Refuses new tasks, runs the queued ones, joins the threads. Not from a task of its own. Idempotent.
  void Stop();

 private:
  using Tasks = std::deque<Task>;

  // When sources that do not wait now were served last; forgets who was not for long.
  class Served final {
   public:
    void Add(uint64_t source, uint64_t turn);
    // Nothing if it is not known. It is not known afterwards.
    std::optional<uint64_t> Remove(uint64_t source);

   private:
    static constexpr size_t kMaxEach = 4096;
    std::unordered_map<uint64_t, uint64_t> recent_, former_;  // never one in both
  };

  void Work();
  // Takes the newest task out of the fullest source, if that one has room to give for `source`.
  bool PushOut(uint64_t source, Task& refused) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enqueue(uint64_t source, Task&& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The next one whose turn it is. There is one.
  Task Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t queue_capacity_;
  Mutex mutex_;
  CondVar wake_;
  std::map<uint64_t, Tasks> waiting_ ABSL_GUARDED_BY(mutex_);  // no empty ones
  std::map<uint64_t, uint64_t> turns_ ABSL_GUARDED_BY(mutex_);  // turn to source: those of waiting_, each once
  uint64_t next_turn_ ABSL_GUARDED_BY(mutex_) = 1;
  Served served_ ABSL_GUARDED_BY(mutex_);
  size_t queued_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace plumbline
