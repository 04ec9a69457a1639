#include "server/attachment_upkeep.h"

namespace plumbline::server {
namespace {

constexpr absl::Duration kTick = absl::Seconds(20);

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
    const absl::Time next = absl::Now() + kTick;
    MutexLock lock(mutex_);
    while (!stopping_ && absl::Now() < next) wake_.WaitFor(mutex_, next - absl::Now());
    if (stopping_) return;
  }
}

void AttachmentUpkeep::Purge() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const absl::Status status = store_.Purge(DayOf(clock_.Now()));
    if (status.ok()) return;
    if (!absl::IsAborted(status)) {
      logger_.Error("store.purge_failed", {{LogKey::kStatus, status.code()}});
      return;
    }
  }
}

}  // namespace plumbline::server
