#include "common/worker_pool.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace plumbline {

WorkerPool::WorkerPool(size_t threads, size_t queue_capacity) : queue_capacity_(queue_capacity) {
  CHECK(threads > 0 && queue_capacity > 0);
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::TrySubmit(uint64_t source, Task& task) {
  Task refused;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    if (queued_ >= queue_capacity_ && !PushOut(source, refused)) return false;
    Enqueue(source, std::move(task));
  }
  wake_.NotifyOne();
  if (refused.refuse) refused.refuse();
  return true;
}

bool WorkerPool::TrySubmit(std::function<void()>&& task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || queued_ >= queue_capacity_) return false;
    Enqueue(0, Task{std::move(task), nullptr});
  }
  wake_.NotifyOne();
  return true;
}

void WorkerPool::Served::Add(uint64_t source, uint64_t turn) {
  if (recent_.size() >= kMaxEach) former_ = std::exchange(recent_, {});
  former_.erase(source);
  recent_[source] = turn;
}

std::optional<uint64_t> WorkerPool::Served::Remove(uint64_t source) {
  for (auto* known : {&recent_, &former_}) {
    const auto found = known->find(source);
    if (found == known->end()) continue;
    const uint64_t turn = found->second;
    known->erase(found);
    return turn;
  }
  return std::nullopt;
}

void WorkerPool::Enqueue(uint64_t source, Task&& task) {
  Tasks& own = waiting_[source];
  if (own.empty()) {
    const std::optional<uint64_t> served = served_.Remove(source);
    turns_.emplace(served ? *served : next_turn_++, source);
  }
  own.push_back(std::move(task));
  ++queued_;
}

bool WorkerPool::PushOut(uint64_t source, Task& refused) {
  const auto own = waiting_.find(source);
  const size_t held = own == waiting_.end() ? 0 : own->second.size();
  const auto fullest = std::max_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  if (fullest == waiting_.end() || fullest->second.size() < held + 2 || !fullest->second.back().refuse) return false;
  refused = std::move(fullest->second.back());
  fullest->second.pop_back();  // never its last one
  --queued_;
  return true;
}

void WorkerPool::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

WorkerPool::Task WorkerPool::Take() {
  const auto first = turns_.begin();
  const auto own = waiting_.find(first->second);
  turns_.erase(first);
  Task task = std::move(own->second.front());
  own->second.pop_front();
  --queued_;
  const uint64_t turn = next_turn_++;
  if (own->second.empty()) {
    served_.Add(own->first, turn);
    waiting_.erase(own);
  } else {
    turns_.emplace(turn, own->first);
  }
  return task;
}

void WorkerPool::Work() {
  while (true) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (turns_.empty() && !stopping_) wake_.Wait(mutex_);
      if (turns_.empty()) return;
      task = Take();
    }
    task.run();
  }
}

}  // namespace plumbline
