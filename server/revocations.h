// What the key server has the delivery server forget (docs/protocols/delivery.md, "Revocation").
// Knows no gRPC.
#pragma once

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "plumbline/delivery/v1/revocation.pb.h"
#include "server/role_trust.h"
#include "server/sessions.h"
#include "server/store/revocation_store.h"
#include "server/streams.h"

namespace plumbline::server {

inline constexpr size_t kMaxRevocationBytes = size_t{2} << 20;

// Thread-safe; may wait for the disk. Everything passed in outlives it.
class Revocations final {
 public:
  Revocations(RevocationStore& store, Sessions& sessions, Streams& streams, RoleTrust& roles, crypto::Certificate root,
              absl::string_view domain, const Clock& clock)
      : store_(store), sessions_(sessions), streams_(streams), roles_(roles), root_(std::move(root)), domain_(domain), clock_(clock) {}

  // Whoever carried the message: only the grants role's signature counts. INVALID_ARGUMENT
  // revocation_malformed; UNAUTHENTICATED revocation_signature_invalid; UNAVAILABLE
  // storage_unavailable: try again.
  absl::Status Revoke(const delivery::v1::RevokeRequest& request,
                      delivery::v1::RevokeResponse& response);

  // Whoever carried it: only the root's word counts, and it does at once. UNAUTHENTICATED organisation_keys_invalid;
  // FAILED_PRECONDITION organisation_keys_replaced, organisation_keys_contradict; UNAVAILABLE storage_unavailable: try again.
  absl::Status TakeOrganisationKeys(const delivery::v1::TakeOrganisationKeysRequest& request,
                                    delivery::v1::TakeOrganisationKeysResponse& response) ABSL_LOCKS_EXCLUDED(taking_);

 private:
  RevocationStore& store_;
  Sessions& sessions_;
  Streams& streams_;
  RoleTrust& roles_;
  const crypto::Certificate root_;
  const std::string domain_;
  const Clock& clock_;
  Mutex taking_;  // one statement at a time
};

}  // namespace plumbline::server
