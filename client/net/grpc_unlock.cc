#include "client/net/grpc_unlock.h"

#include <grpcpp/grpcpp.h>

#include "client/net/device_channel.h"
#include "common/rpc/status.h"
#include "plumbline/keys/v1/unlock.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);
using Stub = keys::v1::Unlock::Stub;

class GrpcLockNetwork final : public LockNetwork {
 public:
  GrpcLockNetwork(rpc::Endpoint endpoint, std::unique_ptr<Stub> stub, const Clock& clock)
      : endpoint_(std::move(endpoint)), stub_(std::move(stub)), clock_(clock) {}

  absl::StatusOr<keys::v1::GetLockStateResponse> GetLockState() override {
    return Call<keys::v1::GetLockStateResponse>(&Stub::GetLockState, keys::v1::GetLockStateRequest());
  }
  absl::StatusOr<keys::v1::EvaluateResponse> Evaluate(const keys::v1::EvaluateRequest& request) override {
    return Call<keys::v1::EvaluateResponse>(&Stub::Evaluate, request);
  }
  absl::StatusOr<keys::v1::ProveUnlockedResponse> ProveUnlocked(const keys::v1::ProveUnlockedRequest& request) override {
    return Call<keys::v1::ProveUnlockedResponse>(&Stub::ProveUnlocked, request);
  }

 private:
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    Response response;
    const grpc::Status status = ((*stub_).*method)(&context, request, &response);
    if (!status.ok()) return rpc::MapClientError(status, endpoint_, clock_.Now());
    return response;
  }
  const rpc::Endpoint endpoint_;
  const std::unique_ptr<Stub> stub_;
  const Clock& clock_;
};

class GrpcUnlockKeyNetwork final : public UnlockKeyNetwork {
 public:
  explicit GrpcUnlockKeyNetwork(std::unique_ptr<DeviceChannel> channel) : channel_(std::move(channel)) {}

  absl::StatusOr<keys::v1::BeginUnlockKeyResponse> BeginUnlockKey() override {
    return Call<keys::v1::BeginUnlockKeyResponse>("BeginUnlockKey", keys::v1::BeginUnlockKeyRequest());
  }
  absl::StatusOr<keys::v1::ConfirmUnlockKeyResponse> ConfirmUnlockKey(const keys::v1::ConfirmUnlockKeyRequest& request) override {
    return Call<keys::v1::ConfirmUnlockKeyResponse>("ConfirmUnlockKey", request);
  }
  absl::StatusOr<keys::v1::CheckInResponse> CheckIn(const keys::v1::CheckInRequest& request) override {
    return Call<keys::v1::CheckInResponse>("CheckIn", request);
  }
  absl::StatusOr<keys::v1::RenewUnlockCertificateResponse> RenewUnlockCertificate() override {
    return Call<keys::v1::RenewUnlockCertificateResponse>("RenewUnlockCertificate", keys::v1::RenewUnlockCertificateRequest());
  }

 private:
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(absl::string_view rpc, const Request& request) {
    Response response;
    RETURN_IF_ERROR(channel_->Call(rpc, request.SerializeAsString(), response));
    return response;
  }
  const std::unique_ptr<DeviceChannel> channel_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LockNetwork>> NewGrpcLockNetwork(rpc::Endpoint device, const Clock& clock) {
  if (!device.identity.has_value()) return absl::InvalidArgumentError("the key server is asked for a device's lock with its certificate");
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(device));
  return std::unique_ptr<LockNetwork>(
      std::make_unique<GrpcLockNetwork>(std::move(device), keys::v1::Unlock::NewStub(channel), clock));
}

absl::StatusOr<std::unique_ptr<UnlockKeyNetwork>> NewGrpcUnlockKeyNetwork(const NetworkOptions& options, const Clock& clock) {
  rpc::Endpoint endpoint;
  endpoint.address = options.device_address;
  endpoint.root_pem = options.root_pem;
  if (options.identity.has_value()) endpoint.identity = options.identity->Copy();
  ASSIGN_OR_RETURN(std::unique_ptr<DeviceChannel> channel, DeviceChannel::Create(std::move(endpoint), *options.working_key, clock));
  return std::unique_ptr<UnlockKeyNetwork>(std::make_unique<GrpcUnlockKeyNetwork>(std::move(channel)));
}

}  // namespace plumbline::client
