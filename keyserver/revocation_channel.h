// RevocationSender over gRPC.
#pragma once

#include <functional>
#include <memory>

#include "common/rpc/credentials.h"
#include "keyserver/revocation_pusher.h"

namespace plumbline::keyserver {

// Connects with the first call, and anew after each failure and with each new certificate: `endpoint` carries the key server's own
// of the moment.
std::unique_ptr<RevocationSender> NewRevocationChannel(std::function<rpc::Endpoint()> endpoint);

}  // namespace plumbline::keyserver
