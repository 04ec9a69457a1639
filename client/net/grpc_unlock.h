// LockNetwork over gRPC. Needs rpc::PinTls13() first.
#pragma once

#include <memory>

#include "client/unlock_network.h"
#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace plumbline::client {

// `device`: the key server's listener for devices, with the device's TLS identity. Connects with the first call. INVALID_ARGUMENT
// without an identity.
absl::StatusOr<std::unique_ptr<LockNetwork>> NewGrpcLockNetwork(rpc::Endpoint device, const Clock& clock);

}  // namespace plumbline::client
