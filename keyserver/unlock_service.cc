#include "keyserver/unlock_service.h"

#include <grpcpp/grpcpp.h>

#include "common/rpc/run_unary.h"
#include "plumbline/keys/v1/unlock.grpc.pb.h"

namespace plumbline::keyserver {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using keys::v1::SignedRequest;

class UnlockService final : public keys::v1::Unlock::CallbackService {
 public:
  UnlockService(WorkerPool& pool, UnlockDesk& desk) : pool_(pool), desk_(desk) {}

  ServerUnaryReactor* GetLockState(CallbackServerContext* context, const keys::v1::GetLockStateRequest*,
                                   keys::v1::GetLockStateResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) { return desk_.GetLockState(CertificateOf(caller), *response); });
  }
  ServerUnaryReactor* Evaluate(CallbackServerContext* context, const keys::v1::EvaluateRequest* request,
                               keys::v1::EvaluateResponse* response) override {
    return Run(context, &UnlockDesk::Evaluate, request, response);
  }
  ServerUnaryReactor* ProveUnlocked(CallbackServerContext* context, const keys::v1::ProveUnlockedRequest* request,
                                    keys::v1::ProveUnlockedResponse* response) override {
    return Run(context, &UnlockDesk::ProveUnlocked, request, response);
  }
  ServerUnaryReactor* BeginUnlockKey(CallbackServerContext* context, const SignedRequest* request,
                                     keys::v1::BeginUnlockKeyResponse* response) override {
    return Run(context, &UnlockDesk::BeginUnlockKey, request, response);
  }
  ServerUnaryReactor* ConfirmUnlockKey(CallbackServerContext* context, const SignedRequest* request,
                                       keys::v1::ConfirmUnlockKeyResponse* response) override {
    return Run(context, &UnlockDesk::ConfirmUnlockKey, request, response);
  }
  ServerUnaryReactor* CheckIn(CallbackServerContext* context, const SignedRequest* request, keys::v1::CheckInResponse* response) override {
    return Run(context, &UnlockDesk::CheckIn, request, response);
  }

  ServerUnaryReactor* RenewUnlockCertificate(CallbackServerContext* context, const SignedRequest* request,
                                             keys::v1::RenewUnlockCertificateResponse* response) override {
    return Run(context, &UnlockDesk::RenewUnlockCertificate, request, response);
  }

 private:
  static const crypto::Certificate* CertificateOf(const rpc::Caller& caller) {
    return caller.certificate ? &*caller.certificate : nullptr;
  }
  template <typename Request, typename Response>
  ServerUnaryReactor* Run(CallbackServerContext* context,
                          absl::Status (UnlockDesk::*act)(const crypto::Certificate*, const Request&, Response&), const Request* request,
                          Response* response) {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) {
      return (desk_.*act)(CertificateOf(caller), *request, *response);
    });
  }

  WorkerPool& pool_;
  UnlockDesk& desk_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewUnlockService(WorkerPool& pool, UnlockDesk& desk) { return std::make_unique<UnlockService>(pool, desk); }

}  // namespace plumbline::keyserver
