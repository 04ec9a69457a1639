// How the key server reaches the delivery server to renew its certificate.
#pragma once

#include "common/rpc/credentials.h"
#include "keyserver/service_renewal.h"

namespace plumbline::keyserver {

// Asks the delivery server at `endpoint` (with the key server's own certificate) for a request, and answers it. Whether there was
// one. A connection of its own each time, so that what it shows is what is renewed. Codes of ServiceRenewal and of gRPC.
absl::StatusOr<bool> RenewDeliveryServer(const rpc::Endpoint& endpoint, ServiceRenewal& renewal);

}  // namespace plumbline::keyserver
