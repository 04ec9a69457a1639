// The Gateway over gRPC: mutual TLS with the admin service's own certificate.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "admin/gateway.h"
#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace plumbline::admin {

// `endpoint` is the key server's admin listener and carries the identity of the admin service. Connects
// lazily: the key server may come up later. INVALID_ARGUMENT as rpc::NewChannel.
absl::StatusOr<std::unique_ptr<Gateway>> NewKeyserverGateway(rpc::Endpoint endpoint, absl::Duration deadline,
                                                             const Clock& clock);

}  // namespace plumbline::admin
