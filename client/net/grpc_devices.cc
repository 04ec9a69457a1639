#include "client/net/grpc_devices.h"

#include <grpcpp/grpcpp.h>

#include "client/net/device_channel.h"
#include "common/rpc/status.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);

class GrpcJoinNetwork final : public JoinNetwork {
 public:
  GrpcJoinNetwork(rpc::Endpoint endpoint, const Clock& clock)
      : endpoint_(std::move(endpoint)), clock_(clock) {}

  absl::StatusOr<keys::v1::AskResponse> Ask(const keys::v1::EnrolRequest& request) override {
    return Call<keys::v1::AskResponse>(&keys::v1::Joining::Stub::Ask, request);
  }
  absl::StatusOr<keys::v1::CollectResponse> Collect(
      const keys::v1::CollectRequest& request) override {
    return Call<keys::v1::CollectResponse>(&keys::v1::Joining::Stub::Collect, request);
  }

 private:
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request) {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint_));
    const auto stub = keys::v1::Joining::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return rpc::MapClientError(status, endpoint_, clock_.Now());
    return response;
  }
  const rpc::Endpoint endpoint_;
  const Clock& clock_;
};

class GrpcDevicesNetwork final : public DevicesNetwork {
 public:
  GrpcDevicesNetwork(std::unique_ptr<DeviceChannel> channel, rpc::Endpoint anonymous, const Clock& clock)
      : channel_(std::move(channel)), anonymous_(std::move(anonymous)), clock_(clock) {}

  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(anonymous_));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    keys::v1::ReadLogResponse response;
    const grpc::Status status = keys::v1::Directory::NewStub(channel)->ReadLog(&context, request, &response);
    if (!status.ok()) return rpc::MapClientError(status, anonymous_, clock_.Now());
    return response;
  }

  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override {
    return Call<keys::v1::GetOwnAccountResponse>("GetOwnAccount", keys::v1::GetOwnAccountRequest());
  }
  absl::StatusOr<keys::v1::InviteDeviceResponse> InviteDevice(
      const keys::v1::InviteDeviceRequest& request) override {
    return Call<keys::v1::InviteDeviceResponse>("InviteDevice", request);
  }
  absl::StatusOr<keys::v1::ListJoinRequestsResponse> ListJoinRequests() override {
    return Call<keys::v1::ListJoinRequestsResponse>("ListJoinRequests",
                                                    keys::v1::ListJoinRequestsRequest());
  }
  absl::StatusOr<keys::v1::DecideDeviceResponse> DecideDevice(
      const keys::v1::DecideDeviceRequest& request) override {
    return Call<keys::v1::DecideDeviceResponse>("DecideDevice", request);
  }

 private:
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(absl::string_view rpc, const Request& request) {
    Response response;
    RETURN_IF_ERROR(channel_->Call(rpc, request.SerializeAsString(), response));
    return response;
  }
  const std::unique_ptr<DeviceChannel> channel_;
  const rpc::Endpoint anonymous_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<JoinNetwork> NewGrpcJoinNetwork(const std::string& root_pem,
                                                const std::string& keyserver_address,
                                                const Clock& clock) {
  rpc::Endpoint endpoint;
  endpoint.address = keyserver_address;
  endpoint.root_pem = root_pem;
  return std::make_unique<GrpcJoinNetwork>(std::move(endpoint), clock);
}

absl::StatusOr<std::unique_ptr<DevicesNetwork>> NewGrpcDevicesNetwork(const NetworkOptions& options,
                                                                      const Clock& clock) {
  rpc::Endpoint endpoint;
  endpoint.address = options.device_address;
  endpoint.root_pem = options.root_pem;
  endpoint.issuers = options.issuers;
  if (options.identity.has_value()) endpoint.identity = options.identity->Copy();
  ASSIGN_OR_RETURN(std::unique_ptr<DeviceChannel> channel,
                   DeviceChannel::Create(std::move(endpoint), *options.working_key, clock));
  rpc::Endpoint anonymous;
  anonymous.address = options.keyserver_address;
  anonymous.root_pem = options.root_pem;
  anonymous.issuers = options.issuers;
  return std::unique_ptr<DevicesNetwork>(
      std::make_unique<GrpcDevicesNetwork>(std::move(channel), std::move(anonymous), clock));
}

}  // namespace plumbline::client
