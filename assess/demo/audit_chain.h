// Reads the audit record that an administrator's tool printed, and walks its chain anew (docs/protocols/audit.md): the service's
// word that it is unbroken is not taken.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::assess {

struct AuditEvent {
  uint64_t sequence = 0;
  uint64_t time_unix = 0;
  std::string name, actor, subject, outcome, reason;
  std::map<std::string, std::string> details;
  Bytes previous_hash;  // 32 bytes
  Bytes hash;           // 32 bytes
};

// The `--json` output of `plumbline-admin audit list`. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::vector<AuditEvent>> ParseAudit(const std::string& json);

// DATA_LOSS with the number of the first record that is changed, missing or out of order.
absl::Status VerifyChain(const std::vector<AuditEvent>& events);

// One line for each event, for people.
std::string AuditText(const std::vector<AuditEvent>& events);

}  // namespace plumbline::assess
