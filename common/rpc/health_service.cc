#include "common/rpc/health_service.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

namespace plumbline::rpc {

namespace v1 = grpc::health::v1;

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context, const v1::HealthCheckRequest* request,
                                               v1::HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  if (!request->service().empty() && request->service() != service_) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "service_unknown: this listener does not have that service"));
    return reactor;
  }
  response->set_status(serving_() ? v1::HealthCheckResponse::SERVING : v1::HealthCheckResponse::NOT_SERVING);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace plumbline::rpc
