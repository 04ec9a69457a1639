// How every unary rpc is served: the reaction returns at once, the body runs on the worker pool.
#pragma once

#include <functional>

#include "common/rpc/caller.h"
#include "common/status.h"
#include "common/worker_pool.h"

namespace grpc {
class CallbackServerContext;
class ServerUnaryReactor;
}  // namespace grpc

namespace plumbline::rpc {

using UnaryBody = std::function<absl::Status(const Caller&)>;

// RESOURCE_EXHAUSTED "busy", to be repeated after a second.
absl::Status Busy();

// Reads who calls, runs `body` on `pool`, finishes the call with its status. Connections take turns; Busy() if the pool's
// queue is full and this connection has no smaller share of it than the others. A call that was cancelled while it waited is not run. Request and response live until the call is finished.
// INTERNAL, UNKNOWN and DATA_LOSS lose their text on the way out: it is for the log, not for strangers.
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, WorkerPool& pool, UnaryBody body);

// For a call that is finished later, on another thread. `start` calls its argument once, when the status is known.
using UnaryStart = std::function<void(std::function<void(const absl::Status&)>)>;
// As RunUnary; with `pool` null, `start` runs here and must not wait for anything.
grpc::ServerUnaryReactor* StartUnary(grpc::CallbackServerContext* context, WorkerPool* pool, UnaryStart start);

}  // namespace plumbline::rpc
