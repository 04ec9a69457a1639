#include "client/net/grpc_unlock.h"

#include <grpcpp/grpcpp.h>

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

}  // namespace

absl::StatusOr<std::unique_ptr<LockNetwork>> NewGrpcLockNetwork(rpc::Endpoint device, const Clock& clock) {
  if (!device.identity.has_value()) return absl::InvalidArgumentError("the key server is asked for a device's lock with its certificate");
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(device));
  return std::unique_ptr<LockNetwork>(
      std::make_unique<GrpcLockNetwork>(std::move(device), keys::v1::Unlock::NewStub(channel), clock));
}

}  // namespace plumbline::client
