// The gRPC service Unlock, for the listener that demands a certificate. Pool and desk outlive it.
#pragma once

#include <memory>

#include "common/worker_pool.h"
#include "keyserver/unlock_desk.h"

namespace grpc {
class Service;
}

namespace plumbline::keyserver {

std::unique_ptr<grpc::Service> NewUnlockService(WorkerPool& pool, UnlockDesk& desk);

}  // namespace plumbline::keyserver
