// The gRPC face of the relay (proto/plumbline/admin/v1/admin.proto).
#pragma once

#include <memory>

#include "admin/relay.h"
#include "common/worker_pool.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace plumbline::admin {

// `relay` and `pool` outlive the service.
std::unique_ptr<grpc::Service> NewAdminService(Relay& relay, WorkerPool& pool);

}  // namespace plumbline::admin
