#include "client/net/grpc_network.h"

#include <grpcpp/grpcpp.h>

#include "client/net/device_channel.h"
#include "client/net/file_channel.h"
#include "client/net/mailbox_stream.h"
#include "client/net/patience.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);

using DeliveryStub = delivery::v1::Delivery::Stub;

// One call on `stub`, its failure put in words; tried again as long as the service asks for it.
template <typename Response, typename Stub, typename Request>
absl::StatusOr<Response> Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, const rpc::Endpoint& endpoint, const Clock& clock) {
  for (Patience patience;;) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (status.ok()) return response;
    const absl::Status refused = rpc::MapClientError(status, endpoint, clock.Now());
    const std::optional<absl::Duration> wait = patience.Next(refused);
    if (!wait.has_value()) return refused;
    absl::SleepFor(*wait);
  }
}

class GrpcSendConnection final : public SendConnection {
 public:
  GrpcSendConnection(rpc::Endpoint endpoint, std::unique_ptr<DeliveryStub> stub, const Clock& clock)
      : endpoint_(std::move(endpoint)), stub_(std::move(stub)), clock_(clock) {}

  absl::StatusOr<delivery::v1::OpenSessionResponse> OpenSession(const delivery::v1::OpenSessionRequest& request) override {
    return Call<delivery::v1::OpenSessionResponse>(*stub_, &DeliveryStub::OpenSession, request, endpoint_, clock_);
  }
  absl::StatusOr<delivery::v1::SubmitResponse> Submit(const delivery::v1::SubmitRequest& request) override {
    return Call<delivery::v1::SubmitResponse>(*stub_, &DeliveryStub::Submit, request, endpoint_, clock_);
  }
  absl::StatusOr<delivery::v1::ReadCommitResponse> ReadCommit(const delivery::v1::ReadCommitRequest& request) override {
    return Call<delivery::v1::ReadCommitResponse>(*stub_, &DeliveryStub::ReadCommit, request, endpoint_, clock_);
  }

 private:
  const rpc::Endpoint endpoint_;
  const std::unique_ptr<DeliveryStub> stub_;
  const Clock& clock_;
};

class NetworkOverGrpc final : public GrpcNetwork {
 public:
  NetworkOverGrpc(NetworkOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

  absl::Status UseIdentity(const rpc::TlsIdentity& identity) override {
    if (options_.working_key == nullptr) return absl::FailedPreconditionError("a device's identity before enrolment");
    rpc::Endpoint endpoint;
    endpoint.address = options_.device_address;
    endpoint.root_pem = options_.root_pem;
    endpoint.issuers = options_.issuers;
    endpoint.identity = identity.Copy();
    ASSIGN_OR_RETURN(device_, DeviceChannel::Create(std::move(endpoint), *options_.working_key, clock_));
    return absl::OkStatus();
  }

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest& request) override {
    const rpc::Endpoint endpoint = Anonymous(options_.keyserver_address);
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
    const auto stub = keys::v1::Enrolment::NewStub(channel);
    return Call<keys::v1::EnrolResponse>(*stub, &keys::v1::Enrolment::Stub::Enrol, request, endpoint, clock_);
  }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest& request) override {
    return CallDirectory<keys::v1::LookUpResponse>(&keys::v1::Directory::Stub::LookUp, request);
  }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override {
    return CallDirectory<keys::v1::GetTokenKeysResponse>(&keys::v1::Directory::Stub::GetTokenKeys, keys::v1::GetTokenKeysRequest());
  }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) override {
    return CallDirectory<keys::v1::ReadLogResponse>(&keys::v1::Directory::Stub::ReadLog, request);
  }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(
      const keys::v1::ClaimKeyPackagesRequest& request) override {
    return CallDirectory<keys::v1::ClaimKeyPackagesResponse>(&keys::v1::Directory::Stub::ClaimKeyPackages, request);
  }

  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest& request) override {
    return CallDevice<keys::v1::PublishKeyPackagesResponse>("PublishKeyPackages", request);
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override {
    return CallDevice<keys::v1::GetOwnAccountResponse>("GetOwnAccount", keys::v1::GetOwnAccountRequest());
  }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(const keys::v1::DrawTokensRequest& request) override {
    return CallDevice<keys::v1::DrawTokensResponse>("DrawTokens", request);
  }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(const keys::v1::DrawGrantsRequest& request) override {
    return CallDevice<keys::v1::DrawGrantsResponse>("DrawGrants", request);
  }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(
      const keys::v1::RenewCertificateRequest& request) override {
    return CallDevice<keys::v1::RenewCertificateResponse>("RenewCertificate", request);
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest& request) override {
    return CallDevice<keys::v1::RenewCredentialResponse>("RenewCredential", request);
  }
  absl::StatusOr<keys::v1::BeginUnlockKeyResponse> BeginUnlockKey() override {
    return CallDevice<keys::v1::BeginUnlockKeyResponse>("BeginUnlockKey", keys::v1::BeginUnlockKeyRequest());
  }
  absl::StatusOr<keys::v1::ConfirmUnlockKeyResponse> ConfirmUnlockKey(const keys::v1::ConfirmUnlockKeyRequest& request) override {
    return CallDevice<keys::v1::ConfirmUnlockKeyResponse>("ConfirmUnlockKey", request);
  }
  absl::StatusOr<keys::v1::CheckInResponse> CheckIn(const keys::v1::CheckInRequest& request) override {
    return CallDevice<keys::v1::CheckInResponse>("CheckIn", request);
  }
  absl::StatusOr<keys::v1::RenewUnlockCertificateResponse> RenewUnlockCertificate() override {
    return CallDevice<keys::v1::RenewUnlockCertificateResponse>("RenewUnlockCertificate", keys::v1::RenewUnlockCertificateRequest());
  }

  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest& request) override {
    const rpc::Endpoint endpoint = Anonymous(options_.delivery_address);
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
    const auto stub = delivery::v1::Delivery::NewStub(channel);
    return Call<delivery::v1::OpenMailboxResponse>(*stub, &DeliveryStub::OpenMailbox, request, endpoint, clock_).status();
  }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override {
    rpc::Endpoint endpoint = Anonymous(options_.delivery_address);
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
    return std::unique_ptr<SendConnection>(std::make_unique<GrpcSendConnection>(
        std::move(endpoint), delivery::v1::Delivery::NewStub(channel), clock_));
  }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override {
    return NewFileConnection(Anonymous(options_.delivery_address), clock_);
  }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox& mailbox, uint64_t number,
                                                         EventQueue& events) override {
    return NewMailboxStream(Anonymous(options_.delivery_address), mailbox, number, events, clock_);
  }

 private:
  rpc::Endpoint Anonymous(const std::string& address) const {
    rpc::Endpoint endpoint;
    endpoint.address = address;
    endpoint.root_pem = options_.root_pem;
    endpoint.issuers = options_.issuers;
    return endpoint;
  }

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> CallDirectory(Method method, const Request& request) {
    const rpc::Endpoint endpoint = Anonymous(options_.keyserver_address);
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
    const auto stub = keys::v1::Directory::NewStub(channel);
    return Call<Response>(*stub, method, request, endpoint, clock_);
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> CallDevice(absl::string_view rpc, const Request& request) {
    if (device_ == nullptr) return absl::InternalError("a device call before enrolment");
    Response response;
    RETURN_IF_ERROR(device_->Call(rpc, request.SerializeAsString(), response));
    return response;
  }

  const NetworkOptions options_;
  std::unique_ptr<DeviceChannel> device_;  // null before enrolment
  const Clock& clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcNetwork>> NewGrpcNetwork(NetworkOptions options, const Clock& clock) {
  std::optional<rpc::TlsIdentity> identity;
  if (options.working_key != nullptr) identity = std::move(options.identity);
  auto network = std::make_unique<NetworkOverGrpc>(std::move(options), clock);
  if (identity.has_value()) RETURN_IF_ERROR(network->UseIdentity(*identity));
  return std::unique_ptr<GrpcNetwork>(std::move(network));
}

}  // namespace plumbline::client
