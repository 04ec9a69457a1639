// What happens by the clock: deleted envelopes leave the disk, expired things are swept, waiting streams are ticked, totals
// are logged and recorded once a minute at most.
#pragma once

#include <functional>
#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "server/clock_watch.h"
#include "server/counters.h"
#include "server/health.h"
#include "server/store/upkeep_store.h"
#include "server/streams.h"

namespace plumbline::server {

// One thread from construction to destruction.
class Upkeep final {
 public:
  Upkeep(UpkeepStore& store, Streams& streams, Counters& counters, Health& health, Logger& logger, const Clock& clock);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  struct Totals {
    int64_t stored = 0, acknowledged = 0, tokens_refused = 0, grants_refused = 0, revocations_refused = 0, storage_faults = 0;
  };
  void Work();
  void Probe();
  void Erase();
  void Sweep();
  void Report();
  void Record(audit::Event event, int64_t count, absl::string_view reason);

  UpkeepStore& store_;
  Streams& streams_;
  Counters& counters_;
  Health& health_;
  Logger& logger_;
  const Clock& clock_;
  ClockWatch clock_watch_;  // the working thread's own
  Totals reported_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plumbline::server
