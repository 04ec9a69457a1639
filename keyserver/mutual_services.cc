#include <grpcpp/grpcpp.h>

#include "common/rpc/run_unary.h"
#include "keyserver/services.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::keyserver {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

const crypto::Certificate* CertificateOf(const rpc::Caller& caller) {
  return caller.certificate ? &*caller.certificate : nullptr;
}

// A service whose rpcs are signed requests to a desk.
template <typename Service, typename Desk>
class SignedService : public Service {
 protected:
  SignedService(WorkerPool& pool, Desk& desk) : pool_(pool), desk_(desk) {}

  template <typename Response>
  using Act = absl::Status (Desk::*)(const crypto::Certificate*, const keys::v1::SignedRequest&, Response&);

  template <typename Response>
  ServerUnaryReactor* Run(CallbackServerContext* context, Act<Response> act, const keys::v1::SignedRequest* request,
                          Response* response) {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) {
      return (desk_.*act)(CertificateOf(caller), *request, *response);
    });
  }

  WorkerPool& pool_;
  Desk& desk_;
};

class DeviceService final : public SignedService<keys::v1::Device::CallbackService, DeviceDesk> {
 public:
  DeviceService(WorkerPool& pool, DeviceDesk& desk, CredentialDesk& credentials)
      : SignedService(pool, desk), credentials_(credentials) {}

  ServerUnaryReactor* OpenChannel(CallbackServerContext* context, const keys::v1::OpenChannelRequest*,
                                  keys::v1::OpenChannelResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) {
      return desk_.OpenChannel(CertificateOf(caller), *response);
    });
  }
  ServerUnaryReactor* PublishKeyPackages(CallbackServerContext* context,
                                         const keys::v1::SignedRequest* request,
                                         keys::v1::PublishKeyPackagesResponse* response) override {
    return Run(context, &DeviceDesk::PublishKeyPackages, request, response);
  }
  ServerUnaryReactor* GetOwnAccount(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                    keys::v1::GetOwnAccountResponse* response) override {
    return Run(context, &DeviceDesk::GetOwnAccount, request, response);
  }
  ServerUnaryReactor* DrawTokens(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                 keys::v1::DrawTokensResponse* response) override {
    return Run(context, &DeviceDesk::DrawTokens, request, response);
  }
  ServerUnaryReactor* DrawGrants(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                 keys::v1::DrawGrantsResponse* response) override {
    return Run(context, &DeviceDesk::DrawGrants, request, response);
  }
  ServerUnaryReactor* RenewCertificate(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                       keys::v1::RenewCertificateResponse* response) override {
    return Run(context, &DeviceDesk::RenewCertificate, request, response);
  }
  ServerUnaryReactor* RenewCredential(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                      keys::v1::RenewCredentialResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) {
      return credentials_.RenewCredential(CertificateOf(caller), *request, *response);
    });
  }

 private:
  CredentialDesk& credentials_;
};

class OwnDevicesService final : public SignedService<keys::v1::OwnDevices::CallbackService, JoinDesk> {
 public:
  OwnDevicesService(WorkerPool& pool, JoinDesk& desk) : SignedService(pool, desk) {}

  ServerUnaryReactor* InviteDevice(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                   keys::v1::InviteDeviceResponse* response) override {
    return Run(context, &JoinDesk::InviteDevice, request, response);
  }
  ServerUnaryReactor* ListJoinRequests(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                       keys::v1::ListJoinRequestsResponse* response) override {
    return Run(context, &JoinDesk::ListJoinRequests, request, response);
  }
  ServerUnaryReactor* DecideDevice(CallbackServerContext* context, const keys::v1::SignedRequest* request,
                                   keys::v1::DecideDeviceResponse* response) override {
    return Run(context, &JoinDesk::DecideDevice, request, response);
  }
};

class AdminGatewayService final : public keys::v1::AdminGateway::CallbackService {
 public:
  AdminGatewayService(WorkerPool& pool, const Organisation& organisation, AdminDesk& desk, ServiceRenewal& renewal)
      : pool_(pool),
        desk_(desk),
        renewal_(renewal),
        admin_uri_(organisation.AdminUri()) {}

  ServerUnaryReactor* RegisterFirstAdministrator(
      CallbackServerContext* context, const keys::v1::RegisterFirstAdministratorRequest* request,
      keys::v1::RegisterFirstAdministratorResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) -> absl::Status {
      RETURN_IF_ERROR(CheckCaller(caller));
      return desk_.RegisterFirst(*request, *response);
    });
  }
  ServerUnaryReactor* Execute(CallbackServerContext* context, const keys::v1::SignedIntent* request,
                              keys::v1::IntentResult* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) -> absl::Status {
      RETURN_IF_ERROR(CheckCaller(caller));
      return desk_.Execute(*request, *response);
    });
  }
  ServerUnaryReactor* RenewServiceCertificate(CallbackServerContext* context,
                                              const keys::v1::RenewServiceCertificateRequest* request,
                                              keys::v1::RenewServiceCertificateResponse* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) -> absl::Status {
      RETURN_IF_ERROR(CheckCaller(caller));
      ASSIGN_OR_RETURN(const crypto::Certificate next,
                       renewal_.Renew(identity::Service::kAdmin, *caller.certificate, AsBytes(request->request())));
      ASSIGN_OR_RETURN(const crypto::Certificate issuer, renewal_.IssuerOf(next));
      response->set_certificate(ToString(next.der()));
      response->set_issuing_certificate(ToString(issuer.der()));
      return absl::OkStatus();
    });
  }

 private:
  // The admin service's own certificate, and no other: what the listener has seen to already.
  absl::Status CheckCaller(const rpc::Caller& caller) {
    const crypto::Certificate* const certificate = CertificateOf(caller);
    if (certificate != nullptr && rpc::IsServiceCertificate(*certificate, admin_uri_)) return absl::OkStatus();
    return desk_.RefuseRelay(certificate);
  }

  WorkerPool& pool_;
  AdminDesk& desk_;
  ServiceRenewal& renewal_;
  const std::string admin_uri_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> DeviceServices(WorkerPool& pool, DeviceDesk& devices,
                                                           CredentialDesk& credentials, JoinDesk& joins) {
  std::vector<std::unique_ptr<grpc::Service>> out;
  out.push_back(std::make_unique<DeviceService>(pool, devices, credentials));
  out.push_back(std::make_unique<OwnDevicesService>(pool, joins));
  return out;
}

std::vector<std::unique_ptr<grpc::Service>> AdminServices(WorkerPool& pool, const Organisation& organisation,
                                                          AdminDesk& admin, ServiceRenewal& renewal) {
  std::vector<std::unique_ptr<grpc::Service>> out;
  out.push_back(std::make_unique<AdminGatewayService>(pool, organisation, admin, renewal));
  return out;
}

}  // namespace plumbline::keyserver
