// grpc.health.v1: whether this server can do now what it is there for.
#pragma once

#include <functional>
#include <string>

#include "plumbline/health/v1/health.grpc.pb.h"

namespace plumbline::rpc {

// Thread-safe. Answers for the empty name and for `service`; any other is NOT_FOUND. `serving` must not wait.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  HealthService(std::string service, std::function<bool()> serving) : service_(std::move(service)), serving_(std::move(serving)) {}
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context, const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;

 private:
  const std::string service_;
  const std::function<bool()> serving_;
};

}  // namespace plumbline::rpc
