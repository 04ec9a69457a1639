// LockNetwork and UnlockKeyNetwork over gRPC. Both need rpc::PinTls13() first.
#pragma once

#include <memory>

#include "client/net/grpc_network.h"
#include "client/unlock_network.h"

namespace plumbline::client {

// `device`: the key server's listener for devices, with the device's TLS identity. Connects with the first call. INVALID_ARGUMENT
// without an identity.
absl::StatusOr<std::unique_ptr<LockNetwork>> NewGrpcLockNetwork(rpc::Endpoint device, const Clock& clock);
// INVALID_ARGUMENT if the identity does not parse.
absl::StatusOr<std::unique_ptr<UnlockKeyNetwork>> NewGrpcUnlockKeyNetwork(const NetworkOptions& options, const Clock& clock);

}  // namespace plumbline::client
