// What the key server has the delivery server forget (docs/protocols/delivery.md, "Revocation").
// Knows no gRPC.
#pragma once

#include "common/crypto/ed25519.h"
#include "common/status.h"
#include "plumbline/delivery/v1/revocation.pb.h"
#include "server/sessions.h"
#include "server/store/revocation_store.h"
#include "server/streams.h"

namespace plumbline::server {

inline constexpr size_t kMaxRevocationBytes = size_t{2} << 20;

// Thread-safe; may wait for the disk. Everything passed in outlives it.
class Revocations final {
 public:
  Revocations(RevocationStore& store, Sessions& sessions, Streams& streams,
              const crypto::Ed25519PublicKey& grants_key)
      : store_(store), sessions_(sessions), streams_(streams), grants_key_(grants_key) {}

  // Whoever carried the message: only the grants role's signature counts. INVALID_ARGUMENT
  // revocation_malformed; UNAUTHENTICATED revocation_signature_invalid; UNAVAILABLE
  // storage_unavailable: try again.
  absl::Status Revoke(const delivery::v1::RevokeRequest& request,
                      delivery::v1::RevokeResponse& response);

 private:
  RevocationStore& store_;
  Sessions& sessions_;
  Streams& streams_;
  const crypto::Ed25519PublicKey grants_key_;
};

}  // namespace plumbline::server
