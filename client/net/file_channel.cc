#include "client/net/file_channel.h"

#include <grpcpp/grpcpp.h>

#include "common/rpc/status.h"
#include "plumbline/delivery/v1/attachments.grpc.pb.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);  // for one piece

namespace v1 = delivery::v1;
using Stub = v1::Attachments::Stub;

class GrpcFileConnection final : public FileConnection {
 public:
  GrpcFileConnection(rpc::Endpoint endpoint, const std::shared_ptr<grpc::Channel>& channel, const Clock& clock)
      : endpoint_(std::move(endpoint)), sessions_(v1::Delivery::NewStub(channel)), files_(v1::Attachments::NewStub(channel)),
        clock_(clock) {}

  absl::StatusOr<v1::OpenSessionResponse> OpenSession(const v1::OpenSessionRequest& request) override {
    return Call<v1::OpenSessionResponse>(*sessions_, &v1::Delivery::Stub::OpenSession, request);
  }
  absl::StatusOr<v1::BeginResponse> Begin(const v1::BeginRequest& request) override {
    return Call<v1::BeginResponse>(*files_, &Stub::Begin, request);
  }
  absl::StatusOr<v1::PutResponse> Put(const v1::PutRequest& request) override {
    return Call<v1::PutResponse>(*files_, &Stub::Put, request);
  }
  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request) override {
    return Call<v1::GetResponse>(*files_, &Stub::Get, request);
  }
  absl::Status Delete(const v1::DeleteRequest& request) override {
    return Call<v1::DeleteResponse>(*files_, &Stub::Delete, request).status();
  }

 private:
  // One call, its failure put in words.
  template <typename Response, typename AnyStub, typename Request>
  absl::StatusOr<Response> Call(AnyStub& stub, grpc::Status (AnyStub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return rpc::MapClientError(status, endpoint_, clock_.Now());
    return response;
  }

  const rpc::Endpoint endpoint_;
  const std::unique_ptr<v1::Delivery::Stub> sessions_;
  const std::unique_ptr<Stub> files_;
  const Clock& clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileConnection>> NewFileConnection(rpc::Endpoint endpoint, const Clock& clock) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  return std::unique_ptr<FileConnection>(std::make_unique<GrpcFileConnection>(std::move(endpoint), channel, clock));
}

}  // namespace plumbline::client
