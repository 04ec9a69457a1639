// What a store needs done from time to time.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "common/audit/audit_log.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::server {

// Thread-safe.
class UpkeepStore {
 public:
  virtual ~UpkeepStore() = default;

  // Deletes what is past its time at `now`; returns the mailboxes that ended. In small transactions: a failure leaves the
  // rest for the next call.
  virtual absl::StatusOr<std::vector<identity::MailboxId>> Sweep(absl::Time now) = 0;

  // If anything was deleted since the last time, makes it disappear from the write-ahead log as well. ABORTED if a reader is
  // in the way: call again.
  virtual absl::Status Erase() = 0;

  // Writes and syncs something that means nothing. OK: the store can take what comes.
  virtual absl::Status Probe() = 0;

  // Appends to the service's audit record.
  virtual absl::Status Record(const audit::Entry& entry) = 0;
};

}  // namespace plumbline::server
