// The attachment contract over gRPC. Every rpc runs on a worker pool of its own, so that files never hold up messages.
#pragma once

#include "common/worker_pool.h"
#include "plumbline/delivery/v1/attachments.grpc.pb.h"
#include "server/attachments.h"

namespace plumbline::server {

// Thread-safe. Everything passed in outlives it. Says "busy" when the pool is full.
class AttachmentService final : public delivery::v1::Attachments::CallbackService {
 public:
  AttachmentService(Attachments& attachments, WorkerPool& pool) : attachments_(attachments), pool_(pool) {}

  grpc::ServerUnaryReactor* Begin(grpc::CallbackServerContext* context, const delivery::v1::BeginRequest* request,
                                  delivery::v1::BeginResponse* response) override;
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const delivery::v1::PutRequest* request,
                                delivery::v1::PutResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const delivery::v1::GetRequest* request,
                                delivery::v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context, const delivery::v1::DeleteRequest* request,
                                   delivery::v1::DeleteResponse* response) override;

 private:
  Attachments& attachments_;
  WorkerPool& pool_;
};

}  // namespace plumbline::server
