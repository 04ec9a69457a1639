// For who has a thread to spare: waits for what a callback tells once, from whatever thread.
#pragma once

#include <optional>
#include <utility>

#include "common/mutex.h"

namespace plumbline {

template <typename T>
class Awaited final {
 public:
  void Tell(T value) {
    MutexLock lock(mutex_);
    value_ = std::move(value);
    told_.NotifyOne();  // under the lock: who waits takes all of this away
  }
  // Once.
  T Wait() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) told_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar told_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline
