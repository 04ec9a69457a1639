// Which certificate of a service was renewed for which key: each once. Durable on return. Thread-safe.
#pragma once

#include "common/audit/record.h"
#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::keyserver {

class SuccessionStore {
 public:
  virtual ~SuccessionStore() = default;

  // `successor` in place of `present`: kept, and recorded as `entry`, in one transaction. If that one has a successor already,
  // nothing changes: the certificate it was given then, where it is for the same key (an answer was lost);
  // PERMISSION_DENIED certificate_superseded where it is for another. The same where `present` is of an older line than one that was
  // renewed since: a line begins with each certificate that a ceremony made, so a ceremony ends the former, a thief's too.
  virtual absl::StatusOr<crypto::Certificate> Succeed(const crypto::Certificate& present, const crypto::Certificate& successor,
                                                      const audit::Entry& entry) = 0;
  // Forgets successors that have ended.
  virtual absl::Status ForgetEnded(absl::Time now) = 0;
};

}  // namespace plumbline::keyserver
