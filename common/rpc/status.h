// absl::Status <-> grpc::Status, and what a failed call means to the person who made it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/credentials.h"
#include "common/status.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace plumbline::rpc {

// One to one: the codes are the same. Of the details only the wait of common/retry.h is carried, as google.rpc.RetryInfo.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

inline constexpr size_t kMaxDetailsBytes = 8192;
// The wait in the bytes of "grpc-status-details-bin", which may hold anything; nothing if there is none that is well-formed.
std::optional<absl::Duration> ParseRetryDetails(const std::string& bytes);

// What a client shows. A status sent by the service comes back as it is. A failure of the connection is diagnosed (one more
// handshake, see Diagnose in probe.h) and comes back with a reason id, the cause and the remedy.
absl::Status MapClientError(const grpc::Status& status, const Endpoint& endpoint, absl::Time now);

// "code_wrong" of "code_wrong: the code does not match"; empty if the message does not start with a reason id.
std::string ReasonId(const absl::Status& status);

}  // namespace plumbline::rpc
