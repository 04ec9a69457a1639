#include "server/delivery_service.h"

#include <memory>

#include "common/rpc/run_unary.h"
#include "common/rpc/status.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

// Lives until OnDone and until the last task for it has run: whoever calls into it holds a share.
class ReceiveReactor final : public grpc::ServerBidiReactor<v1::ReceiveRequest, v1::ReceiveResponse>,
                             public StreamPort,
                             public std::enable_shared_from_this<ReceiveReactor> {
 public:
  ReceiveReactor(Delivery& delivery, Streams& streams, WorkerPool& pool, absl::Time now)
      : delivery_(delivery), streams_(streams), pool_(pool), stream_(*this, delivery.store_id(), now) {}

  void Begin() {
    self_ = shared_from_this();
    streams_.Start(Stream());
  }

  // From gRPC.
  void OnReadDone(bool ok) override {
    const auto self = shared_from_this();
    stream_.OnRead(ok, request_);
  }
  void OnWriteDone(bool ok) override {
    const auto self = shared_from_this();
    stream_.OnWritten(ok);
  }
  void OnCancel() override {
    const auto self = shared_from_this();
    stream_.OnCancelled();
  }
  void OnDone() override {
    streams_.Forget(&stream_);
    const auto self = std::move(self_);
  }

  // From the stream.
  void StartRead() override { ServerBidiReactor::StartRead(&request_); }
  void StartWrite(v1::ReceiveResponse&& message) override {
    response_ = std::move(message);
    ServerBidiReactor::StartWrite(&response_);
  }
  void Finish(const absl::Status& status) override { ServerBidiReactor::Finish(rpc::ToGrpc(status)); }
  void TakeOver(const identity::MailboxId& mailbox) override { streams_.TakeOver(mailbox, Stream()); }

  void Prove(const identity::MailboxId& mailbox, const identity::Nonce& nonce, ReceiveProof&& proof) override {
    const bool accepted = pool_.TrySubmit([self = shared_from_this(), mailbox, nonce, proof = std::move(proof)] {
      self->stream_.OnProved(self->delivery_.Prove(mailbox, nonce, proof));
    });
    if (!accepted) stream_.OnProved(rpc::Busy());
  }
  void Fetch(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit) override {
    const bool accepted = pool_.TrySubmit([self = shared_from_this(), mailbox, place, limit] {
      self->stream_.OnFetched(self->delivery_.Fetch(mailbox, place, limit));
    });
    if (!accepted) stream_.OnFetched(rpc::Busy());
  }
  void Acknowledge(const identity::MailboxId& mailbox, std::vector<Row>&& rows) override {
    delivery_.StartAcknowledge(mailbox, std::move(rows),
                               [self = shared_from_this()](const absl::Status& status) { self->stream_.OnAcknowledged(status); });
  }

 private:
  std::shared_ptr<ReceiveStream> Stream() { return std::shared_ptr<ReceiveStream>(shared_from_this(), &stream_); }

  Delivery& delivery_;
  Streams& streams_;
  WorkerPool& pool_;
  v1::ReceiveRequest request_;
  v1::ReceiveResponse response_;
  ReceiveStream stream_;
  std::shared_ptr<ReceiveReactor> self_;
};

}  // namespace

grpc::ServerUnaryReactor* DeliveryService::OpenSession(grpc::CallbackServerContext* context,
                                                       const v1::OpenSessionRequest* request,
                                                       v1::OpenSessionResponse* response) {
  return rpc::RunUnary(context, requests_,
                       [=, this](const rpc::Caller&) { return delivery_.OpenSession(*request, *response); });
}

grpc::ServerUnaryReactor* DeliveryService::Submit(grpc::CallbackServerContext* context, const v1::SubmitRequest* request,
                                                  v1::SubmitResponse* response) {
  using Finish = std::function<void(const absl::Status&)>;
  const auto submit = [=, this](Finish finish) {
    delivery_.StartSubmit(*request, *response, [this, finish = std::move(finish)](const absl::Status& status) {
      slots_.Give();
      finish(status);
    });
  };
  const bool reads = Delivery::Reads(*request);
  if (!reads && slots_.TryTake()) return rpc::StartUnary(context, nullptr, submit);
  return rpc::StartUnary(context, reads ? &requests_ : &waiting_, [this, submit](Finish finish) {
    slots_.Take();
    submit(std::move(finish));
  });
}

grpc::ServerUnaryReactor* DeliveryService::ReadCommit(grpc::CallbackServerContext* context,
                                                      const v1::ReadCommitRequest* request, v1::ReadCommitResponse* response) {
  return rpc::RunUnary(context, requests_,
                       [=, this](const rpc::Caller&) { return delivery_.ReadCommit(*request, *response); });
}

grpc::ServerUnaryReactor* DeliveryService::OpenMailbox(grpc::CallbackServerContext* context,
                                                       const v1::OpenMailboxRequest* request, v1::OpenMailboxResponse*) {
  return rpc::RunUnary(context, requests_, [=, this](const rpc::Caller&) { return delivery_.OpenMailbox(*request); });
}

grpc::ServerUnaryReactor* DeliveryService::SetDepositCapabilities(grpc::CallbackServerContext* context,
                                                                  const v1::SetDepositCapabilitiesRequest* request,
                                                                  v1::SetDepositCapabilitiesResponse*) {
  return rpc::RunUnary(context, requests_,
                       [=, this](const rpc::Caller&) { return delivery_.SetDepositCapabilities(*request); });
}

grpc::ServerBidiReactor<v1::ReceiveRequest, v1::ReceiveResponse>* DeliveryService::Receive(grpc::CallbackServerContext*) {
  const auto reactor = std::make_shared<ReceiveReactor>(delivery_, streams_, streams_pool_, clock_.Now());
  reactor->Begin();
  return reactor.get();
}

}  // namespace plumbline::server
