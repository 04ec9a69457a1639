#include "client/net/mailbox_stream.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/crypto/ed25519.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/mutex.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"

namespace plumbline::client {
namespace {

using delivery::v1::ReceiveRequest;
using delivery::v1::ReceiveResponse;

absl::Status CloseReason(const ReceiveResponse::Closed& closed) {
  switch (closed.reason()) {
    case ReceiveResponse::Closed::REPLACED:
      return identity::Refuse(absl::StatusCode::kAborted, "stream_replaced",
                              "another connection now fetches this mailbox; is this device's folder in use twice?");
    case ReceiveResponse::Closed::MAILBOX_CLOSED:
      return identity::Refuse(absl::StatusCode::kNotFound, "mailbox_closed",
                              "the mailbox has expired or was closed; a new one is opened when this device goes online next, or by itself while it is");
    default:
      return identity::Refuse(absl::StatusCode::kUnavailable, "server_stopping",
                              "the delivery server is stopping; try again in a moment");
  }
}

absl::Status Nonsense(absl::string_view what) {
  return identity::Refuse(absl::StatusCode::kInternal, "delivery_server_answer",
                          absl::StrCat("the delivery server ", what, "; it is faulty or not honest: tell its operator. Nothing "
                                       "that it keeps for you is lost by that"));
}

class GrpcMailboxStream final : public MailboxStream {
 public:
  GrpcMailboxStream(rpc::Endpoint endpoint, std::shared_ptr<grpc::Channel> channel, const Mailbox& mailbox,
                    crypto::Ed25519KeyPair owner, uint64_t number, EventQueue& events, const Clock& clock)
      : endpoint_(std::move(endpoint)), stub_(delivery::v1::Delivery::NewStub(channel)), mailbox_(mailbox.id),
        owner_(std::move(owner)), begin_(mailbox.begin), place_(mailbox.place), place_store_(mailbox.place_store), number_(number), events_(events), clock_(clock), stream_(stub_->Receive(&context_)),
        reader_([this] { Run(); }) {}

  ~GrpcMailboxStream() override {
    stopping_ = true;
    context_.TryCancel();
    reader_.join();
  }

  void Acknowledge(const std::vector<uint64_t>& tags) override {
    ReceiveRequest request;
    for (const uint64_t tag : tags) request.mutable_ack()->add_tags(tag);
    Write(request);
  }

 private:
  bool Write(const ReceiveRequest& request) {
    MutexLock lock(writing_);
    return stream_->Write(request);
  }

  template <typename What>
  bool Push(What what) {
    return events_.Push(Event{mailbox_, number_, std::move(what)}, stopping_);
  }

  void Run() {
    absl::Status why = Read();
    if (!why.ok()) context_.TryCancel();  // a server that says nonsense may not hold this thread by saying no more
    const grpc::Status finished = stream_->Finish();
    if (stopping_) return;
    if (why.ok()) {
      why = finished.ok() ? identity::Refuse(absl::StatusCode::kUnavailable, "stream_ended", "the server ended the stream")
                          : rpc::MapClientError(finished, endpoint_, clock_.Now());
    }
    Push(StreamEnded{why});
  }

  // Until the stream ends. A status if the server said why, or said nonsense.
  absl::Status Read() {
    ReceiveRequest open;
    open.mutable_open()->set_mailbox_id(ToString(mailbox_));
    if (!Write(open)) return absl::OkStatus();
    ReceiveResponse response;
    while (stream_->Read(&response)) {
      switch (response.message_case()) {
        case ReceiveResponse::kChallenge:
          RETURN_IF_ERROR(Answer(response.challenge()));
          break;
        case ReceiveResponse::kDelivery:
          RETURN_IF_ERROR(PushDelivery(*response.mutable_delivery()));
          break;
        case ReceiveResponse::kCaughtUp:
          Push(CaughtUp{});
          break;
        case ReceiveResponse::kClosed:
          return CloseReason(response.closed());
        default:
          return Nonsense("sent a message that this version does not know");
      }
    }
    return absl::OkStatus();
  }

  absl::Status Answer(const ReceiveResponse::Challenge& challenge) {
    const absl::StatusOr<identity::Nonce> nonce = identity::ToFixed<32>(AsBytes(challenge.nonce()));
    if (!nonce.ok()) return Nonsense("asked for a proof over a nonce of the wrong size");
    const absl::StatusOr<identity::Fixed<16>> store = identity::ToFixed<16>(AsBytes(challenge.store_id()));
    if (!store.ok()) return Nonsense("has a store id of the wrong size");
    store_ = *store;
    ReceiveRequest proof;
    proof.mutable_proof()->set_signature(
        ToString(owner_.Sign(identity::kReceiveLabel, identity::ReceiveMessage(*nonce, mailbox_))));
    // A store that was restored from a backup may not have come as far as this device: then from the beginning.
    proof.mutable_proof()->set_place(ToString((Equal(store_, place_store_) ? place_ : begin_).view()));
    Write(proof);
    return absl::OkStatus();
  }

  absl::Status PushDelivery(const ReceiveResponse::Delivery& delivery) {
    EnvelopeArrived arrived;
    arrived.tag = delivery.tag();
    const absl::StatusOr<identity::EnvelopeId> id = identity::ToFixed<16>(AsBytes(delivery.envelope_id()));
    if (!id.ok()) return Nonsense("delivered something under an id of the wrong size");
    arrived.envelope_id = *id;
    arrived.sealed = ToBytes(AsBytes(delivery.sealed()));
    const absl::StatusOr<identity::MailboxPlace> after = identity::MailboxPlace::Parse(AsBytes(delivery.place()));
    if (!after.ok()) return Nonsense("delivered something with a place of the wrong size");
    arrived.after = *after;
    arrived.store = store_;
    Push(std::move(arrived));
    return absl::OkStatus();
  }

  const rpc::Endpoint endpoint_;
  const std::unique_ptr<delivery::v1::Delivery::Stub> stub_;
  const identity::MailboxId mailbox_;
  const crypto::Ed25519KeyPair owner_;
  const identity::MailboxPlace begin_, place_;
  const Bytes place_store_;
  const uint64_t number_;
  EventQueue& events_;
  const Clock& clock_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<ReceiveRequest, ReceiveResponse>> stream_;
  identity::Fixed<16> store_{};  // of the server, since its challenge; the reading thread's
  Mutex writing_;
  std::atomic<bool> stopping_ = false;
  std::thread reader_;  // last: it uses all of the above
};

}  // namespace

absl::StatusOr<std::unique_ptr<MailboxStream>> NewMailboxStream(rpc::Endpoint endpoint, const Mailbox& mailbox,
                                                                uint64_t number, EventQueue& events,
                                                                const Clock& clock) {
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair owner,
                   crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(mailbox.owner_seed.view())));
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  return std::unique_ptr<MailboxStream>(std::make_unique<GrpcMailboxStream>(
      std::move(endpoint), std::move(channel), mailbox, std::move(owner), number, events, clock));
}

}  // namespace plumbline::client
