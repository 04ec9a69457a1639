// What a program believes of replaced issuing authorities, for checks of connections, which outlive a statement of the root.
#pragma once

#include <utility>

#include "common/crypto/x509.h"
#include "common/mutex.h"

namespace plumbline::crypto {

// Thread-safe.
class LiveIssuers final {
 public:
  explicit LiveIssuers(ReplacedIssuers replaced = {}) : replaced_(std::move(replaced)) {}
  ReplacedIssuers replaced() const ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    return replaced_;
  }
  void Replace(ReplacedIssuers replaced) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    replaced_ = std::move(replaced);
  }

 private:
  mutable Mutex mutex_;
  ReplacedIssuers replaced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::crypto
