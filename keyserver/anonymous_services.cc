#include <grpcpp/grpcpp.h>

#include "common/rpc/run_unary.h"
#include "keyserver/services.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::keyserver {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class EnrolmentService final : public keys::v1::Enrolment::CallbackService {
 public:
  EnrolmentService(WorkerPool& pool, const Organisation& organisation, EnrolmentDesk& desk)
      : pool_(pool), organisation_(organisation), desk_(desk) {}

  ServerUnaryReactor* GetOrganisation(CallbackServerContext* context, const keys::v1::GetOrganisationRequest*,
                                      keys::v1::GetOrganisationResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) {
      organisation_.Fill(*response);
      return absl::OkStatus();
    });
  }
  ServerUnaryReactor* Enrol(CallbackServerContext* context, const keys::v1::EnrolRequest* request,
                            keys::v1::EnrolResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return desk_.Enrol(*request, *response); });
  }

 private:
  WorkerPool& pool_;
  const Organisation& organisation_;
  EnrolmentDesk& desk_;
};

class JoiningService final : public keys::v1::Joining::CallbackService {
 public:
  JoiningService(WorkerPool& pool, JoinDesk& desk) : pool_(pool), desk_(desk) {}

  ServerUnaryReactor* Ask(CallbackServerContext* context, const keys::v1::EnrolRequest* request,
                          keys::v1::AskResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return desk_.Ask(*request, *response); });
  }
  ServerUnaryReactor* Collect(CallbackServerContext* context, const keys::v1::CollectRequest* request,
                              keys::v1::CollectResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return desk_.Collect(*request, *response); });
  }

 private:
  WorkerPool& pool_;
  JoinDesk& desk_;
};

class DirectoryService final : public keys::v1::Directory::CallbackService {
 public:
  DirectoryService(WorkerPool& pool, DirectoryDesk& desk) : pool_(pool), desk_(desk) {}

  ServerUnaryReactor* LookUp(CallbackServerContext* context, const keys::v1::LookUpRequest* request,
                             keys::v1::LookUpResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return desk_.LookUp(*request, *response); });
  }
  ServerUnaryReactor* ReadLog(CallbackServerContext* context, const keys::v1::ReadLogRequest* request,
                              keys::v1::ReadLogResponse* response) override {
    return rpc::RunUnary(context, pool_,
                         [=, this](const rpc::Caller&) { return desk_.ReadLog(*request, *response); });
  }
  ServerUnaryReactor* GetTokenKeys(CallbackServerContext* context, const keys::v1::GetTokenKeysRequest*,
                                   keys::v1::GetTokenKeysResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) {
      desk_.GetTokenKeys(*response);
      return absl::OkStatus();
    });
  }
  ServerUnaryReactor* ClaimKeyPackages(CallbackServerContext* context,
                                       const keys::v1::ClaimKeyPackagesRequest* request,
                                       keys::v1::ClaimKeyPackagesResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) {
      return desk_.ClaimKeyPackages(*request, *response);
    });
  }

 private:
  WorkerPool& pool_;
  DirectoryDesk& desk_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> AnonymousServices(WorkerPool& pool,
                                                              const Organisation& organisation,
                                                              EnrolmentDesk& enrolment, JoinDesk& joins,
                                                              DirectoryDesk& directory) {
  std::vector<std::unique_ptr<grpc::Service>> out;
  out.push_back(std::make_unique<EnrolmentService>(pool, organisation, enrolment));
  out.push_back(std::make_unique<JoiningService>(pool, joins));
  out.push_back(std::make_unique<DirectoryService>(pool, directory));
  return out;
}

}  // namespace plumbline::keyserver
