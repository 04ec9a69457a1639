// Reads the audit record that an administrator's tool printed, and recomputes its tree and checks its signatures anew, by the rules
// as they are written down (docs/protocols/audit.md) and without the code under test: the service's word that it is unbroken is
// not taken.
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
  Bytes signature;  // 64 bytes
};

struct AuditRecord {
  std::vector<AuditEvent> events;  // from the first
  std::string checkpoint;          // signed note
  std::string audit_key;           // verifier key
  bool intact = false;             // what the service says
};

// The `--json` output of `plumbline-admin audit list`. INVALID_ARGUMENT for anything else.
absl::StatusOr<AuditRecord> ParseAudit(const std::string& json);

// DATA_LOSS with the number of the first event that is changed, missing or out of order, or because the checkpoint is not the
// key's over exactly these events.
absl::Status VerifyTree(const AuditRecord& record);

// One line for each event, for people.
std::string AuditText(const std::vector<AuditEvent>& events);

}  // namespace plumbline::assess
