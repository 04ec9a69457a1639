#include "keyserver/revocation_channel.h"

#include <grpcpp/grpcpp.h>

#include "absl/time/clock.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/revocation.grpc.pb.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(5);

class RevocationChannel final : public RevocationSender {
 public:
  explicit RevocationChannel(std::function<rpc::Endpoint()> endpoint) : endpoint_(std::move(endpoint)) {}

  absl::StatusOr<uint64_t> Send(ByteView revocation, ByteView signature) override {
    delivery::v1::RevokeRequest request;
    request.set_revocation(ToString(revocation));
    request.set_signature(ToString(signature));
    delivery::v1::RevokeResponse response;
    RETURN_IF_ERROR(Call(&delivery::v1::Revocations::Stub::Revoke, request, response));
    return response.last_sequence();
  }

  absl::Status SendKeys(ByteView organisation_keys) override {
    delivery::v1::TakeOrganisationKeysRequest request;
    request.set_organisation_keys(ToString(organisation_keys));
    delivery::v1::TakeOrganisationKeysResponse response;
    return Call(&delivery::v1::Revocations::Stub::TakeOrganisationKeys, request, response);
  }

 private:
  template <typename Method, typename Request, typename Response>
  absl::Status Call(Method method, const Request& request, Response& response) {
    const rpc::Endpoint now = endpoint_();
    if (stub_ == nullptr || now.identity->chain_pem != shown_) {
      ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(now));
      shown_ = now.identity->chain_pem;
      stub_ = delivery::v1::Revocations::NewStub(channel);
    }
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (status.ok()) return absl::OkStatus();
    stub_.reset();  // gRPC's own pauses between attempts to connect are longer than ours
    return rpc::FromGrpc(status);
  }

  const std::function<rpc::Endpoint()> endpoint_;
  std::string shown_;
  std::unique_ptr<delivery::v1::Revocations::Stub> stub_;
};

}  // namespace

std::unique_ptr<RevocationSender> NewRevocationChannel(std::function<rpc::Endpoint()> endpoint) {
  return std::make_unique<RevocationChannel>(std::move(endpoint));
}

}  // namespace plumbline::keyserver
