// The admin service's own audit record, read on the machine it is on by whoever may open it: not over the
// network.
#pragma once

#include <optional>
#include <string>

#include "common/secret.h"
#include "common/status.h"
#include "plumbline/config/v1/admin.pb.h"

namespace plumbline::admin {

struct RecordQuery {
  std::optional<uint64_t> after;  // absent: the last `limit` records
  uint32_t limit = 100;           // at most audit::kMaxPage
  bool json = false;
};

// Recomputes the whole record, then prints the records asked for. Works beside a running service. DATA_LOSS names
// the first broken record.
absl::Status PrintServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                const RecordQuery& query);

// Recomputes the whole record and checks its signatures; prints what it found. DATA_LOSS as above.
absl::Status VerifyServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase, bool json);

// Writes the record and its signed checkpoint to a file (common/audit/export.h).
absl::Status ExportServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                 const std::string& to, bool json);

// The verifier key, for auditors.
absl::Status ShowServiceRecordKey(const config::v1::AdminConfig& config, const Secret& passphrase, bool json);

// For a service made before records were signed: makes the key and signs the record that is there. Not while the
// service runs.
absl::Status MakeServiceRecordKey(const config::v1::AdminConfig& config, const Secret& passphrase, bool json);

}  // namespace plumbline::admin
