// JoinNetwork and DevicesNetwork over gRPC. Both need rpc::PinTls13() first.
#pragma once

#include <memory>

#include "client/devices_network.h"
#include "client/net/grpc_network.h"

namespace plumbline::client {

std::unique_ptr<JoinNetwork> NewGrpcJoinNetwork(const std::string& root_pem,
                                                const std::string& keyserver_address,
                                                const Clock& clock);
// INVALID_ARGUMENT if the identity does not parse.
absl::StatusOr<std::unique_ptr<DevicesNetwork>> NewGrpcDevicesNetwork(const NetworkOptions& options,
                                                                      const Clock& clock);

}  // namespace plumbline::client
