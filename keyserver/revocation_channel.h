// RevocationSender over gRPC.
#pragma once

#include <memory>

#include "common/rpc/credentials.h"
#include "keyserver/revocation_pusher.h"

namespace plumbline::keyserver {

// Connects with the first call, and anew after each failure. `endpoint` carries the key server's
// own certificate.
std::unique_ptr<RevocationSender> NewRevocationChannel(rpc::Endpoint endpoint);

}  // namespace plumbline::keyserver
