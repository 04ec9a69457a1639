// The delivery server's own audit record, read and verified on its machine by whoever may open its keys. Not over the network.
#pragma once

#include <string>

#include "common/status.h"

namespace plumbline::server {

struct RecordOptions {
  std::string config_file;
  std::string passphrase_file;  // empty: the configuration's
  std::string out;              // of ExportRecord
  bool json = false;
};

// Each prints its result. All but MakeRecordKey work beside a running server.

// Recomputes the whole record and checks its signatures. DATA_LOSS audit_broken names the first record that is changed, missing
// or out of order.
absl::Status VerifyRecord(const RecordOptions& options);
// Writes the record and its signed checkpoint to options.out (common/audit/export.h).
absl::Status ExportRecord(const RecordOptions& options);
// The verifier key, for auditors.
absl::Status ShowRecordKey(const RecordOptions& options);
// For a server made before records were signed: makes the key and signs the record that is there. Nothing to do otherwise.
absl::Status MakeRecordKey(const RecordOptions& options);

}  // namespace plumbline::server
