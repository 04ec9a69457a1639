// What happens to attachments by the clock: what has ended leaves the disk within a minute; while a jump of the clock stands,
// only what was removed by its owner. A thread of its own, since taking gigabytes away takes time and the upkeep of messages must
// not wait for it.
#pragma once

#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "server/clock_watch.h"
#include "server/store/attachment_store.h"

namespace plumbline::server {

// One thread from construction to destruction.
class AttachmentUpkeep final {
 public:
  AttachmentUpkeep(AttachmentStore& store, Logger& logger, const Clock& clock, absl::Duration tick = absl::Seconds(20))
      : store_(store), logger_(logger), clock_(clock), tick_(tick), thread_([this] { Work(); }) {}
  ~AttachmentUpkeep();
  AttachmentUpkeep(const AttachmentUpkeep&) = delete;
  AttachmentUpkeep& operator=(const AttachmentUpkeep&) = delete;

 private:
  void Work();
  void Purge();

  AttachmentStore& store_;
  Logger& logger_;
  const Clock& clock_;
  const absl::Duration tick_;
  ClockWatch clock_watch_;  // of the thread
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plumbline::server
