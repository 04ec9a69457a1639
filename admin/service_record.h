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

// Walks the whole chain, then prints the records asked for. Works beside a running service. DATA_LOSS names
// the first broken record.
absl::Status PrintServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                const RecordQuery& query);

// A consistent copy of the store under the same key, made beside a running service. ALREADY_EXISTS if `to` is
// there.
absl::Status BackUpService(const config::v1::AdminConfig& config, const Secret& passphrase,
                           const std::string& to);

}  // namespace plumbline::admin
