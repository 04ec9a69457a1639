#include "client/events.h"

#include "common/clock.h"

namespace plumbline::client {

bool EventQueue::Push(Event event, const std::atomic<bool>& stop) {
  constexpr absl::Duration kLook = absl::Milliseconds(50);  // how often a waiting producer looks at `stop`
  MutexLock lock(mutex_);
  while (!closed_ && !stop && events_.size() >= kCapacity) changed_.WaitFor(mutex_, kLook);
  if (closed_ || stop) return false;
  events_.push_back(std::move(event));
  changed_.NotifyAll();
  return true;
}

std::optional<Event> EventQueue::Pop(absl::Duration timeout) {
  const absl::Duration deadline = Uptime() + timeout;
  MutexLock lock(mutex_);
  while (events_.empty() && !closed_) {
    const absl::Duration left = deadline - Uptime();
    if (left <= absl::ZeroDuration()) return std::nullopt;
    changed_.WaitFor(mutex_, left);
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  changed_.NotifyAll();
  return event;
}

bool EventQueue::empty() {
  MutexLock lock(mutex_);
  return events_.empty();
}

void EventQueue::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

}  // namespace plumbline::client
