// What happens to attachments by the clock: what has ended leaves the disk within a minute. A thread of its own, since taking
// gigabytes away takes time and the upkeep of messages must not wait for it.
#pragma once

#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "server/store/attachment_store.h"

namespace plumbline::server {

// One thread from construction to destruction.
class AttachmentUpkeep final {
 public:
  AttachmentUpkeep(AttachmentStore& store, Logger& logger, const Clock& clock)
      : store_(store), logger_(logger), clock_(clock), thread_([this] { Work(); }) {}
  ~AttachmentUpkeep();
  AttachmentUpkeep(const AttachmentUpkeep&) = delete;
  AttachmentUpkeep& operator=(const AttachmentUpkeep&) = delete;

 private:
  void Work();
  void Purge();

  AttachmentStore& store_;
  Logger& logger_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plumbline::server
