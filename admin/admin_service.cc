#include "admin/admin_service.h"

#include <grpcpp/grpcpp.h>

#include "common/rpc/run_unary.h"
#include "plumbline/admin/v1/admin.grpc.pb.h"

namespace plumbline::admin {
namespace {

class AdminService final : public v1::Admin::CallbackService {
 public:
  AdminService(Relay& relay, WorkerPool& pool) : relay_(relay), pool_(pool) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const keys::v1::SignedIntent* request,
                                   keys::v1::IntentResult* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return relay_.Submit(*request, *response); });
  }

  grpc::ServerUnaryReactor* RegisterFirstAdministrator(
      grpc::CallbackServerContext* context, const keys::v1::RegisterFirstAdministratorRequest* request,
      keys::v1::RegisterFirstAdministratorResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return relay_.Register(*request, *response); });
  }

 private:
  Relay& relay_;
  WorkerPool& pool_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewAdminService(Relay& relay, WorkerPool& pool) {
  return std::make_unique<AdminService>(relay, pool);
}

}  // namespace plumbline::admin
