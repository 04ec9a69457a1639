#include "tests/bench/load/load.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include "common/check.h"
#include "common/rpc/status.h"

namespace plumbline::bench {
namespace {

namespace v1 = delivery::v1;

constexpr size_t kSealed = 1024;  // bytes, the smallest size of an envelope

int64_t Nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// What the completion queue gives back.
class Event {
 public:
  virtual ~Event() = default;
  virtual void Done(bool ok) = 0;
};

// Calls a member function of its owner.
template <typename Owner>
class EventOf final : public Event {
 public:
  EventOf(Owner& owner, void (Owner::*done)(bool)) : owner_(owner), done_(done) {}
  void Done(bool ok) override { (owner_.*done_)(ok); }

 private:
  Owner& owner_;
  void (Owner::*const done_)(bool);
};

// What all parts of a load know of each other.
struct Shared {
  const Target& target;
  grpc::CompletionQueue queue;
  bool measuring = false;
  bool ending = false;   // no more submissions
  bool leaving = false;  // streams end
  int64_t sent = 0, acknowledged = 0, arrived = 0;  // envelopes
  int caught_up = 0, open = 0;                                 // streams
  Cost cost;
};

// A mailbox's owner. One stream at a time.
class Receiving final {
 public:
  explicit Receiving(Shared& shared) : shared_(shared), stub_(shared.target.connect()), mailbox_(shared.target.mailbox(*stub_)) {}
  const server::TestMailbox& mailbox() const { return mailbox_; }

  void Open() {
    context_.emplace();
    context_->set_wait_for_ready(true);
    ++shared_.open;
    stream_ = stub_->AsyncReceive(&*context_, &shared_.queue, &started_);
  }
  void Leave() {
    context_->TryCancel();
    stream_->Finish(&status_, &finished_);
  }

 private:
  void OnStarted(bool ok) {
    CHECK(ok);
    request_.mutable_open()->set_mailbox_id(ToString(mailbox_.id));
    Write();
    stream_->Read(&response_, &read_);
  }
  void OnRead(bool ok) {
    if (!ok) {
      CHECK(shared_.leaving);
      return;
    }
    if (response_.has_challenge()) {
      *request_.mutable_proof() = mailbox_.Proof(AsBytes(response_.challenge().nonce()));
      Write();
    }
    if (response_.has_caught_up()) ++shared_.caught_up;
    if (response_.has_delivery()) TakeDelivery();
    stream_->Read(&response_, &read_);
  }
  void TakeDelivery() {
    int64_t sent = 0;
    std::memcpy(&sent, response_.delivery().sealed().data(), sizeof sent);
    ++shared_.arrived;
    if (shared_.measuring) shared_.cost.arrived.push_back(absl::Nanoseconds(Nanoseconds() - sent));
    acks_.mutable_ack()->add_tags(response_.delivery().tag());
    if (!writing_) WriteAcks();
  }
  void OnWritten(bool ok) {
    CHECK(ok || shared_.leaving);
    writing_ = false;
    if (ok && acks_.ack().tags_size() > 0) WriteAcks();
  }
  void OnFinished(bool) { --shared_.open; }
  void WriteAcks() {
    request_.Swap(&acks_);
    acks_.Clear();
    Write();
  }
  void Write() {
    writing_ = true;
    stream_->Write(request_, &written_);
  }

  Shared& shared_;
  const std::unique_ptr<DeliveryStub> stub_;
  const server::TestMailbox mailbox_;
  std::optional<grpc::ClientContext> context_;
  grpc::Status status_;
  v1::ReceiveRequest request_, acks_;
  v1::ReceiveResponse response_;
  bool writing_ = false;
  EventOf<Receiving> started_{*this, &Receiving::OnStarted}, read_{*this, &Receiving::OnRead};
  EventOf<Receiving> written_{*this, &Receiving::OnWritten}, finished_{*this, &Receiving::OnFinished};
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>> stream_;
};

// One submission after the other, each in the next session of this sender when the last is used up.
class Sending final {
 public:
  Sending(Shared& shared, std::shared_ptr<DeliveryStub> stub, const std::vector<std::unique_ptr<Receiving>>& to, size_t first)
      : shared_(shared), stub_(std::move(stub)), to_(to), first_(first), token_(shared.target.token()),
        filling_(ToString(RandomBytes(kSealed))) {}

  // `free` is called when the submission is acknowledged.
  void Go(int fan_out, std::function<void()> free) {
    free_ = std::move(free);
    fan_out_ = fan_out;
    context_.emplace();
    context_->set_wait_for_ready(true);
    if (left_ >= static_cast<uint32_t>(fan_out)) return Submit();
    const auto call = stub_->AsyncOpenSession(&*context_, token_, &shared_.queue);
    call->Finish(&opened_, &status_, &session_done_);
  }

 private:
  void OnSession(bool ok) {
    if (!status_.ok()) std::fprintf(stderr, "%s\n", status_.error_message().c_str());
    CHECK(ok && status_.ok());
    left_ = opened_.sends_left();
    request_.set_session_id(opened_.session_id());
    token_ = shared_.target.token();
    context_.emplace();
    Submit();
  }
  void Submit() {
    left_ -= fan_out_;
    shared_.sent += fan_out_;
    while (request_.envelopes_size() < fan_out_) request_.add_envelopes()->set_sealed(filling_);
    while (request_.envelopes_size() > fan_out_) request_.mutable_envelopes()->RemoveLast();
    start_ = Nanoseconds();
    for (int i = 0; i < fan_out_; ++i) {
      const server::TestMailbox& mailbox = to_[(first_ + i) % to_.size()]->mailbox();
      v1::Envelope& envelope = *request_.mutable_envelopes(i);
      envelope.set_envelope_id(ToString(identity::RandomFixed<16>()));
      envelope.set_mailbox_id(ToString(mailbox.id));
      envelope.set_deposit_capability(ToString(mailbox.capability));
      std::memcpy(envelope.mutable_sealed()->data(), &start_, sizeof start_);
    }
    const auto call = stub_->AsyncSubmit(&*context_, request_, &shared_.queue);
    call->Finish(&response_, &status_, &submitted_);
  }
  void OnSubmitted(bool ok) {
    if (!status_.ok()) std::fprintf(stderr, "%s\n", status_.error_message().c_str());
    CHECK(ok && status_.ok() && response_.results_size() == fan_out_);
    for (const v1::EnvelopeResult& result : response_.results()) CHECK(result.outcome() == v1::EnvelopeResult::STORED);
    shared_.acknowledged += fan_out_;
    if (shared_.measuring) shared_.cost.acknowledged.push_back(absl::Nanoseconds(Nanoseconds() - start_));
    free_();
  }

  Shared& shared_;
  const std::shared_ptr<DeliveryStub> stub_;
  const std::vector<std::unique_ptr<Receiving>>& to_;
  const size_t first_;
  v1::OpenSessionRequest token_;  // for the next session
  const std::string filling_;
  uint32_t left_ = 0;  // of the session
  int fan_out_ = 1;
  std::function<void()> free_;
  std::optional<grpc::ClientContext> context_;
  v1::OpenSessionResponse opened_;
  v1::SubmitRequest request_;
  v1::SubmitResponse response_;
  grpc::Status status_;
  int64_t start_ = 0;
  EventOf<Sending> session_done_{*this, &Sending::OnSession}, submitted_{*this, &Sending::OnSubmitted};
};

}  // namespace

class Load::Engine final {
 public:
  Engine(const Target& target, int receivers, size_t connections) : connections_(connections), shared_{.target = target, .queue = {}, .cost = {}} {
    for (int i = 0; i < receivers; ++i) receivers_.push_back(std::make_unique<Receiving>(shared_));
  }
  ~Engine() {
    GoOffline();
    shared_.queue.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; shared_.queue.Next(&tag, &ok);) static_cast<Event*>(tag)->Done(ok);
  }

  Cost GoOnline() {
    const int64_t before = shared_.arrived;
    const Watch watch(*this);
    for (const auto& receiver : receivers_) receiver->Open();
    Turn(absl::Now() + kPatience, [&] { return shared_.caught_up == static_cast<int>(receivers_.size()); });
    CHECK(shared_.caught_up == static_cast<int>(receivers_.size()) && shared_.arrived == shared_.sent);
    Cost cost = watch.Read();
    cost.envelopes = shared_.arrived - before;
    return cost;
  }

  void GoOffline() {
    if (shared_.open == 0) return;
    shared_.leaving = true;
    for (const auto& receiver : receivers_) receiver->Leave();
    Turn(absl::Now() + kPatience, [&] { return shared_.open == 0; });
    CHECK(shared_.open == 0);
    shared_.leaving = false;
    shared_.caught_up = 0;
  }

  Cost Send(const Traffic& traffic) {
    while (senders_.size() < receivers_.size()) {
      if (stubs_.size() < connections_ || connections_ == 0) stubs_.push_back(shared_.target.connect());
      senders_.push_back(std::make_unique<Sending>(shared_, stubs_[senders_.size() % stubs_.size()], receivers_, senders_.size()));
    }
    CHECK(static_cast<size_t>(traffic.in_flight) <= senders_.size());
    shared_.ending = false;
    const bool online = shared_.open > 0;
    const auto done = [&] { return busy_ == 0 && (!online || shared_.arrived == shared_.sent); };
    Pour(traffic, traffic.warm_up, done);
    const int64_t& count = online ? shared_.arrived : shared_.acknowledged;
    const int64_t before = count;
    shared_.cost = Cost();
    shared_.measuring = true;
    const Watch watch(*this);
    Pour(traffic, traffic.duration, done);
    shared_.measuring = false;
    const Cost spent = watch.Read();
    Cost cost = std::move(shared_.cost);
    cost.envelopes = count - before;
    cost.wall = spent.wall;
    cost.server_cpu = spent.server_cpu;
    cost.load_cpu = spent.load_cpu;
    shared_.ending = true;
    Turn(absl::Now() + kPatience, done);
    CHECK(shared_.acknowledged == shared_.sent && (!online || shared_.arrived == shared_.sent));
    return cost;
  }

 private:
  static constexpr absl::Duration kPatience = absl::Minutes(3);

  class Watch final {
   public:
    explicit Watch(const Engine& engine)
        : pid_(engine.shared_.target.pid), start_(absl::Now()), server_(CpuOf(pid_)), load_(CpuOf(getpid())) {}
    Cost Read() const {
      Cost cost;
      cost.wall = absl::Now() - start_;
      cost.server_cpu = CpuOf(pid_) - server_;
      cost.load_cpu = CpuOf(getpid()) - load_;
      return cost;
    }

   private:
    const pid_t pid_;
    const absl::Time start_;
    const absl::Duration server_, load_;
  };

  // Traffic for so long. What is on its way goes on when this returns.
  void Pour(const Traffic& traffic, absl::Duration duration, const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + duration;
    if (traffic.pause == absl::ZeroDuration()) {
      for (; busy_ < traffic.in_flight; ++busy_) Next(busy_, traffic);
      return Turn(end, done);
    }
    while (absl::Now() < end) {
      busy_ = 1;
      senders_[0]->Go(traffic.fan_out, [this] { busy_ = 0; });
      Turn(absl::Now() + kPatience, done);
      Turn(absl::Now() + traffic.pause, [] { return false; });
    }
  }

  // Sender `index` submits; then the one that is `in_flight` places further on.
  void Next(size_t index, const Traffic& traffic) {
    if (shared_.ending) {
      --busy_;
      return;
    }
    const size_t slots = traffic.in_flight;
    size_t next = index + slots;
    if (next >= senders_.size()) next = index % slots;
    senders_[index]->Go(traffic.fan_out, [this, next, traffic] { Next(next, traffic); });
  }

  void Turn(absl::Time end, const std::function<bool()>& done) {
    while (!done() && absl::Now() < end) {
      void* tag = nullptr;
      bool ok = false;
      if (shared_.queue.AsyncNext(&tag, &ok, absl::ToChronoTime(std::min(end, absl::Now() + absl::Milliseconds(50)))) ==
          grpc::CompletionQueue::GOT_EVENT) {
        static_cast<Event*>(tag)->Done(ok);
      }
    }
  }

  const size_t connections_;
  Shared shared_;
  std::vector<std::shared_ptr<DeliveryStub>> stubs_;
  std::vector<std::unique_ptr<Receiving>> receivers_;
  std::vector<std::unique_ptr<Sending>> senders_;
  int busy_ = 0;  // slots that are not done
};

void Cost::Add(Cost&& more) {
  envelopes += more.envelopes;
  wall += more.wall;
  server_cpu += more.server_cpu;
  load_cpu += more.load_cpu;
  acknowledged.insert(acknowledged.end(), more.acknowledged.begin(), more.acknowledged.end());
  arrived.insert(arrived.end(), more.arrived.begin(), more.arrived.end());
}

Load::Load(const Target& target, int receivers, size_t connections) : engine_(std::make_unique<Engine>(target, receivers, connections)) {}
Load::~Load() = default;
Cost Load::GoOnline() { return engine_->GoOnline(); }
void Load::GoOffline() { engine_->GoOffline(); }
Cost Load::Send(const Traffic& traffic) { return engine_->Send(traffic); }

}  // namespace plumbline::bench
