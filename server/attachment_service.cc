#include "server/attachment_service.h"

#include "common/rpc/run_unary.h"

namespace plumbline::server {

namespace v1 = delivery::v1;

grpc::ServerUnaryReactor* AttachmentService::Begin(grpc::CallbackServerContext* context, const v1::BeginRequest* request,
                                                   v1::BeginResponse* response) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) { return attachments_.Begin(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Put(grpc::CallbackServerContext* context, const v1::PutRequest* request,
                                                 v1::PutResponse* response) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) { return attachments_.Put(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                                 v1::GetResponse* response) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) { return attachments_.Get(*request, *response); });
}

grpc::ServerUnaryReactor* AttachmentService::Delete(grpc::CallbackServerContext* context, const v1::DeleteRequest* request,
                                                    v1::DeleteResponse*) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller&) { return attachments_.Delete(*request); });
}

}  // namespace plumbline::server
