#include "server/attachment_service.h"

#include <functional>

#include "common/identity/attachment.h"
#include "common/identity/reason.h"
#include "common/rpc/run_unary.h"
#include "common/rpc/status.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

constexpr size_t kMaxRequest = identity::kPieceSize + 1024;  // bytes

// What waits for the pool is bounded in size, not only in number.
template <typename Request>
grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, WorkerPool& pool, const Request& request,
                                std::function<absl::Status()> body) {
  if (request.ByteSizeLong() <= kMaxRequest) {
    return rpc::RunUnary(context, pool, [body = std::move(body)](const rpc::Caller&) { return body(); });
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(rpc::ToGrpc(identity::Refuse(absl::StatusCode::kInvalidArgument, "wrong_size",
                                               "the request is larger than one with a whole piece")));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* AttachmentService::Begin(grpc::CallbackServerContext* context, const v1::BeginRequest* request,
                                                   v1::BeginResponse* response) {
  return Serve(context, pool_, *request, [=, this] { return attachments_.Begin(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Put(grpc::CallbackServerContext* context, const v1::PutRequest* request,
                                                 v1::PutResponse* response) {
  return Serve(context, pool_, *request, [=, this] { return attachments_.Put(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                                 v1::GetResponse* response) {
  return Serve(context, pool_, *request, [=, this] { return attachments_.Get(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Delete(grpc::CallbackServerContext* context, const v1::DeleteRequest* request,
                                                    v1::DeleteResponse*) {
  return Serve(context, pool_, *request, [=, this] { return attachments_.Delete(*request); });
}

}  // namespace plumbline::server
