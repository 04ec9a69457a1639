// What the admin service does with a request: check its form, record it durably, pass it on, record the
// answer. It holds no administrator's key and cannot read a sealed result, so it can drop a request but
// neither make nor change one.
#pragma once

#include <memory>

#include "admin/gateway.h"
#include "admin/rate_limit.h"
#include "common/audit/audit_log.h"
#include "common/clock.h"
#include "common/db/database.h"
#include "common/log.h"
#include "common/mutex.h"

namespace plumbline::admin {

inline constexpr size_t kMaxSignatures = 8;          // on one intent
inline constexpr size_t kMaxAdministratorName = 64;  // bytes

// Thread-safe. Order for each request: limit, form, record ("console.intent_received" is on disk), relay,
// record of the answer.
//   RESOURCE_EXHAUSTED too_many_requests      INVALID_ARGUMENT intent_malformed, request_malformed: nothing
//   is relayed UNAVAILABLE audit_unavailable: the record could not be written, so nothing is relayed
//   otherwise the key server's answer, or Gateway's
class Relay final {
 public:
  // `database` is the audit store's own connection, used by nobody else from here on; `log_key` signs the record
  // and outlives the relay. Codes as AuditLog::Open.
  static absl::StatusOr<std::unique_ptr<Relay>> Create(db::Database& database, const audit::LogKey& log_key,
                                                       Gateway& gateway,
                                                       const Clock& clock, Logger& logger,
                                                       uint32_t requests_per_minute);

  absl::Status Submit(const keys::v1::SignedIntent& request, keys::v1::IntentResult& result);
  absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                        keys::v1::RegisterFirstAdministratorResponse& response);

  // For the service's own start and end. UNAVAILABLE audit_unavailable.
  absl::Status Record(const audit::Entry& entry);

 private:
  Relay(audit::AuditLog log, Gateway& gateway, const Clock& clock, Logger& logger,
        uint32_t requests_per_minute)
      : audit_(std::move(log)), gateway_(gateway), logger_(logger), limit_(clock, requests_per_minute) {}

  absl::Status CheckLimit();
  absl::Status RefuseMalformed(const absl::Status& cause);
  void RecordAnswer(audit::Entry received, const absl::Status& answer);

  Mutex mutex_;  // one request at a time writes its record; none holds it while the key server is asked
  audit::AuditLog audit_ ABSL_GUARDED_BY(mutex_);
  Gateway& gateway_;
  Logger& logger_;
  RateLimit limit_;
};

}  // namespace plumbline::admin
