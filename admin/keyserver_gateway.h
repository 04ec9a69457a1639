// The Gateway over gRPC: mutual TLS with the admin service's own certificate.
#pragma once

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "admin/gateway.h"
#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace plumbline::admin {

// What the admin service itself asks of the key server, beside what it relays. Thread-safe.
class KeyserverConnection : public Gateway {
 public:
  // A certificate for `request` (PKCS#10), DER: leaf and issuing. Codes of AdminGateway.RenewServiceCertificate and of Gateway.
  virtual absl::StatusOr<std::pair<Bytes, Bytes>> RenewCertificate(ByteView request) = 0;
  // Shows another certificate from the next call on.
  virtual absl::Status Use(rpc::TlsIdentity identity) = 0;
};

// `endpoint` is the key server's admin listener and carries the identity of the admin service. Connects
// lazily: the key server may come up later. INVALID_ARGUMENT as rpc::NewChannel.
absl::StatusOr<std::unique_ptr<KeyserverConnection>> NewKeyserverGateway(rpc::Endpoint endpoint, absl::Duration deadline,
                                                                         const Clock& clock);

}  // namespace plumbline::admin
