#include "tests/bench/load/echo_server.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>

#include "common/mutex.h"

namespace plumbline::bench {
namespace {

namespace v1 = delivery::v1;

class EchoStream;

class EchoStreams final {
 public:
  void Put(const std::string& mailbox, std::shared_ptr<EchoStream> stream) {
    MutexLock lock(mutex_);
    streams_[mailbox] = std::move(stream);
  }
  void Remove(const std::string& mailbox) {
    MutexLock lock(mutex_);
    streams_.erase(mailbox);
  }
  std::shared_ptr<EchoStream> Find(const std::string& mailbox) {
    MutexLock lock(mutex_);
    const auto found = streams_.find(mailbox);
    return found == streams_.end() ? nullptr : found->second;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<EchoStream>> streams_ ABSL_GUARDED_BY(mutex_);
};

class EchoStream final : public grpc::ServerBidiReactor<v1::ReceiveRequest, v1::ReceiveResponse>,
                         public std::enable_shared_from_this<EchoStream> {
 public:
  explicit EchoStream(EchoStreams& streams) : streams_(streams) {}
  void Begin() {
    self_ = shared_from_this();
    StartRead(&request_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (request_.has_open()) {
      mailbox_ = request_.open().mailbox_id();
      v1::ReceiveResponse challenge;
      challenge.mutable_challenge()->set_nonce(std::string(32, 'n'));
      Send(std::move(challenge));
    }
    if (request_.has_proof()) {
      streams_.Put(mailbox_, shared_from_this());
      v1::ReceiveResponse caught_up;
      caught_up.mutable_caught_up();
      Send(std::move(caught_up));
    }
    StartRead(&request_);
  }
  void Deliver(const v1::Envelope& envelope) {
    v1::ReceiveResponse message;
    message.mutable_delivery()->set_tag(++tag_);
    message.mutable_delivery()->set_envelope_id(envelope.envelope_id());
    message.mutable_delivery()->set_sealed(envelope.sealed());
    Send(std::move(message));
  }
  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    waiting_.pop_front();
    if (ok && !waiting_.empty()) StartWrite(&waiting_.front());
  }
  void OnDone() override {
    streams_.Remove(mailbox_);
    const auto self = std::move(self_);
  }

 private:
  void Send(v1::ReceiveResponse&& message) {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(message));
    if (waiting_.size() == 1) StartWrite(&waiting_.front());
  }

  EchoStreams& streams_;
  v1::ReceiveRequest request_;
  std::string mailbox_;
  std::atomic<uint64_t> tag_{0};
  Mutex mutex_;
  std::deque<v1::ReceiveResponse> waiting_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<EchoStream> self_;
};

class Echo final : public v1::Delivery::CallbackService {
 public:
  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context, const v1::OpenSessionRequest*,
                                        v1::OpenSessionResponse* response) override {
    response->set_session_id(std::string(16, 's'));
    response->set_sends_left(2000);
    response->set_seconds_left(600);
    return Done(context);
  }
  grpc::ServerUnaryReactor* OpenMailbox(grpc::CallbackServerContext* context, const v1::OpenMailboxRequest*,
                                        v1::OpenMailboxResponse*) override {
    return Done(context);
  }
  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context, const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override {
    for (const v1::Envelope& envelope : request->envelopes()) {
      v1::EnvelopeResult* result = response->add_results();
      result->set_envelope_id(envelope.envelope_id());
      result->set_outcome(v1::EnvelopeResult::STORED);
      if (const auto stream = streams_.Find(envelope.mailbox_id())) stream->Deliver(envelope);
    }
    response->mutable_commit();
    return Done(context);
  }
  grpc::ServerBidiReactor<v1::ReceiveRequest, v1::ReceiveResponse>* Receive(grpc::CallbackServerContext*) override {
    const auto stream = std::make_shared<EchoStream>(streams_);
    stream->Begin();
    return stream.get();
  }

 private:
  static grpc::ServerUnaryReactor* Done(grpc::CallbackServerContext* context) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  EchoStreams streams_;
};

}  // namespace

int ServeEcho(const std::string& folder) {
  Echo service;
  return ServeLocally(folder, service, 18 << 20);
}

Target EchoServer::target() const {
  Target target;
  target.name = "echo";
  target.pid = service_.pid();
  target.connect = [this] { return v1::Delivery::NewStub(service_.Connect()); };
  target.token = [] { return v1::OpenSessionRequest(); };
  target.mailbox = [](DeliveryStub&) { return server::TestMailbox(); };
  return target;
}

}  // namespace plumbline::bench
