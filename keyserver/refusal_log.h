// Puts refusals into the audit record, but not more than so many a minute: strangers must not be able to fill
// the disk.
#pragma once

#include <string>

#include "common/clock.h"
#include "common/mutex.h"
#include "keyserver/store/ledger.h"

namespace plumbline::keyserver {

// Thread-safe. References outlive it.
class RefusalLog final {
 public:
  RefusalLog(AuditTrail& trail, const Clock& clock, uint32_t per_minute)
      : trail_(trail), clock_(clock), per_minute_(per_minute) {}

  // Records that `status` refused `actor` (a URI or key id; empty where nobody is known), and returns it.
  // Above the limit it is only counted. If the record cannot be written, that failure is returned instead:
  // nothing is refused silently.
  absl::Status Refused(audit::Event event, absl::string_view actor, absl::string_view subject,
                       const absl::Status& status);
  // Records something that happened, whatever the limit.
  absl::Status Record(const audit::Entry& entry) { return trail_.Append(entry); }
  // Records how many were only counted, if a minute has passed since.
  absl::Status Flush();

 private:
  absl::Status FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  AuditTrail& trail_;
  const Clock& clock_;
  const uint32_t per_minute_;
  Mutex mutex_;
  int64_t minute_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t recorded_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t only_counted_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::keyserver
