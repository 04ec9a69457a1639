// What has been spent and drawn. Each method is one transaction, durable on return. Thread-safe.
#pragma once

#include "absl/time/time.h"
#include "common/status.h"
#include "common/tokens/redeemer.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

class Ledger {
 public:
  virtual ~Ledger() = default;

  // UNAUTHENTICATED token_spent if the token's nullifier is there already, token_void if its key was made void. It is remembered
  // until its key ends.
  virtual absl::Status SpendToken(const tokens::Redeemed& token) = 0;
  // Counts tokens for a purpose against the device's day. Whoever has left meanwhile draws nothing: PERMISSION_DENIED
  // device_revoked, account_suspended. RESOURCE_EXHAUSTED quota_spent above `limit`.
  virtual absl::Status DrawTokens(const identity::DeviceId& device, absl::string_view purpose, uint32_t count, uint32_t day,
                                  uint32_t limit, const audit::Entry& entry) = 0;
  // The same for grants, whose sealed serials are kept until `expires_day` is over.
  virtual absl::Status DrawGrants(const identity::DeviceId& device, const std::vector<Bytes>& sealed_serials,
                                  uint32_t expires_day, uint32_t day, uint32_t limit,
                                  const audit::Entry& entry) = 0;
  // Forgets what has expired: spent tokens, draws, grants, codes, key packages, intents that only read.
  virtual absl::Status Sweep(absl::Time now) = 0;
};

// The service's own audit record.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  virtual absl::Status Append(const audit::Entry& entry) = 0;
  // A part of it and the state of the whole, of one moment.
  virtual absl::StatusOr<audit::Page> ReadPage(uint64_t after, size_t limit) = 0;
};

}  // namespace plumbline::keyserver
