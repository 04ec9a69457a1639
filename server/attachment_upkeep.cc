#include "server/attachment_upkeep.h"

namespace plumbline::server {
namespace {

constexpr Day kFirstDay{1};  // what was removed ended before it, and nothing else did

}  // namespace

AttachmentUpkeep::~AttachmentUpkeep() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void AttachmentUpkeep::Work() {
  for (;;) {
    Purge();
    const absl::Duration next = Uptime() + tick_;
    MutexLock lock(mutex_);
    while (!stopping_ && Uptime() < next) wake_.WaitFor(mutex_, next - Uptime());
    if (stopping_) return;
  }
}

void AttachmentUpkeep::Purge() {
  const absl::Time now = clock_.Now();
  (void)clock_watch_.Look(now, Uptime());  // the upkeep of messages says so
  const Day today = clock_watch_.MayDelete(Uptime()) ? DayOf(now) : kFirstDay;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const absl::Status status = store_.Purge(today);
    if (status.ok()) return;
    if (!absl::IsAborted(status)) {
      logger_.Error("store.purge_failed", {{LogKey::kStatus, status.code()}});
      return;
    }
  }
}

}  // namespace plumbline::server
