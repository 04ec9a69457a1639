// The delivery contract over gRPC: what waits for the disk runs on the worker pools, a submission on no thread while the store has it; a
// Receive stream is one reactor around ReceiveStream.
#pragma once

#include "common/clock.h"
#include "common/worker_pool.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "server/delivery.h"
#include "server/slots.h"
#include "server/streams.h"

namespace plumbline::server {

// Submissions that the store has at a time; the others wait where connections take turns. All of them fit into one transaction, and who
// comes next waits for that one: more of them at a time make that longer.
inline constexpr int kSubmissionsInStore = 16;

// Thread-safe. Everything passed in outlives it.
class DeliveryService final : public delivery::v1::Delivery::CallbackService {
 public:
  // `requests` serves the unary rpcs and says "busy" when full; `streams_pool` does the streams' work.
  DeliveryService(Delivery& delivery, Streams& streams, WorkerPool& requests, WorkerPool& streams_pool, const Clock& clock)
      : delivery_(delivery), streams_(streams), requests_(requests), streams_pool_(streams_pool), clock_(clock),
        waiting_(1, requests.queue_capacity()) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const delivery::v1::OpenSessionRequest* request,
                                        delivery::v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context, const delivery::v1::SubmitRequest* request,
                                   delivery::v1::SubmitResponse* response) override;
  grpc::ServerUnaryReactor* ReadCommit(grpc::CallbackServerContext* context, const delivery::v1::ReadCommitRequest* request,
                                       delivery::v1::ReadCommitResponse* response) override;
  grpc::ServerUnaryReactor* OpenMailbox(grpc::CallbackServerContext* context,
                                        const delivery::v1::OpenMailboxRequest* request,
                                        delivery::v1::OpenMailboxResponse* response) override;
  grpc::ServerUnaryReactor* SetDepositCapabilities(grpc::CallbackServerContext* context,
                                                   const delivery::v1::SetDepositCapabilitiesRequest* request,
                                                   delivery::v1::SetDepositCapabilitiesResponse* response) override;
  grpc::ServerBidiReactor<delivery::v1::ReceiveRequest, delivery::v1::ReceiveResponse>* Receive(
      grpc::CallbackServerContext* context) override;

 private:
  Delivery& delivery_;
  Streams& streams_;
  WorkerPool& requests_;
  WorkerPool& streams_pool_;
  const Clock& clock_;
  Slots slots_{kSubmissionsInStore};
  WorkerPool waiting_;  // submissions; its one thread takes the next one when there is a slot for it, and not before
};

}  // namespace plumbline::server
