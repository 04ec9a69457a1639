// A bounded number of things at a time.
#pragma once

#include "common/mutex.h"

namespace plumbline::server {

// Thread-safe. Who waits comes before who only tries.
class Slots final {
 public:
  explicit Slots(int free) : free_(free) {}

  // False if there is none, or somebody waits for one.
  bool TryTake() {
    MutexLock lock(mutex_);
    if (free_ == 0 || waiting_ > 0) return false;
    --free_;
    return true;
  }
  void Take() {
    MutexLock lock(mutex_);
    ++waiting_;
    while (free_ == 0) given_.Wait(mutex_);
    --waiting_;
    --free_;
  }
  void Give() {
    MutexLock lock(mutex_);
    ++free_;
    given_.NotifyOne();
  }

 private:
  Mutex mutex_;
  CondVar given_;
  int free_ ABSL_GUARDED_BY(mutex_);
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::server
