// Whether the server can do now what it is there for.
#pragma once

#include <atomic>

namespace plumbline::server {

// Thread-safe. Serving is: the store has just written and synced something, and nobody has asked the server to stop.
class Health final {
 public:
  void SetStorage(bool writes) { storage_ = writes; }
  void Stop() { stopping_ = true; }
  bool storage() const { return storage_; }
  bool serving() const { return storage_ && !stopping_; }

 private:
  std::atomic<bool> storage_{true};  // it has, to get here
  std::atomic<bool> stopping_{false};
};

}  // namespace plumbline::server
