// absl::Status <-> grpc::Status, and what a failed call means to the person who made it.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/credentials.h"
#include "common/status.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace plumbline::rpc {

// One to one: the codes are the same. Details are not carried.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

// What a client shows. A status sent by the service comes back as it is. A failure of the connection is diagnosed (one more
// handshake, see Diagnose in probe.h) and comes back with a reason id, the cause and the remedy.
absl::Status MapClientError(const grpc::Status& status, const Endpoint& endpoint, absl::Time now);

// "code_wrong" of "code_wrong: the code does not match"; empty if the message does not start with a reason id.
std::string ReasonId(const absl::Status& status);

}  // namespace plumbline::rpc
