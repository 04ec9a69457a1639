// A delivery server in other hands: it has the real one's key and certificate, stands where clients look for it, passes on what
// they say, and lies as it is told. What reaches the real server behind it is real.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "assess/demo/organisation.h"
#include "common/mutex.h"
#include "common/rpc/listener.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"

namespace plumbline::testing {

enum class Mischief {
  kNone,
  // Receive
  kDropFirst,        // the first delivery of each stream is acknowledged to the real server and never passed on
  kDuplicate,        // each delivery comes twice, under two tags
  kReorder,          // each pair of deliveries is swapped
  kReplay,           // everything passed on before comes again, under its own ids, before anything new
  kReplayRenamed,    // the same under new envelope ids
  kForge,            // before each delivery: random bytes of the same size under a new id
  kAlter,            // before each delivery: the same with one bit changed, under a new id
  kMixUp,            // before each delivery: one that another mailbox had, under its own id
  kEndEarly,         // says that everything was sent, and ends the stream
  kBadChallenge,     // asks for a proof over a nonce of 5 bytes
  kNonsense,         // a message without content, then a delivery with an id of 3 bytes
  // Submit
  kSwallow,          // says "stored" and stores nothing
  kAnswerForOthers,  // answers for envelopes that were not in the request
  kAnswerTooFew,     // leaves one answer out
  kLoseCommits,      // says that each commit lost against another, and stores nothing
  // all unary calls
  kBusy,             // RESOURCE_EXHAUSTED busy, a wait of a second, twice; then it is honest
  kBusyForever,      // the same for ever, a wait of a year
};

// Thread-safe.
class HostileServer final : public delivery::v1::Delivery::Service {
 public:
  // Listens on the port that `organisation` publishes; the real server is behind it.
  static absl::StatusOr<std::unique_ptr<HostileServer>> Start(assess::Organisation& organisation);
  ~HostileServer() override;

  void Do(Mischief mischief);
  // How often it did what it was told to.
  int deeds() const { return deeds_; }

 private:
  using Envelope = delivery::v1::ReceiveResponse::Delivery;
  struct Stream;
  explicit HostileServer(std::unique_ptr<delivery::v1::Delivery::Stub> real) : real_(std::move(real)) {}

  grpc::Status OpenSession(grpc::ServerContext*, const delivery::v1::OpenSessionRequest* request,
                           delivery::v1::OpenSessionResponse* response) override;
  grpc::Status Submit(grpc::ServerContext*, const delivery::v1::SubmitRequest* request,
                      delivery::v1::SubmitResponse* response) override;
  grpc::Status ReadCommit(grpc::ServerContext*, const delivery::v1::ReadCommitRequest* request,
                          delivery::v1::ReadCommitResponse* response) override;
  grpc::Status OpenMailbox(grpc::ServerContext*, const delivery::v1::OpenMailboxRequest* request,
                           delivery::v1::OpenMailboxResponse* response) override;
  grpc::Status Receive(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<delivery::v1::ReceiveResponse, delivery::v1::ReceiveRequest>* client) override;

  // The refusal of a server that has too much to do, if it is told to be that.
  grpc::Status Refusal();
  void Answers(Stream& stream);
  // False if the stream is over.
  bool Pass(Stream& stream, delivery::v1::ReceiveResponse message);
  bool Deliver(Stream& stream, const Envelope& envelope);
  bool Give(Stream& stream, Envelope envelope, uint64_t real_tag);

  const std::unique_ptr<delivery::v1::Delivery::Stub> real_;
  std::atomic<Mischief> mischief_{Mischief::kNone};
  std::atomic<int> deeds_{0};
  std::atomic<int> refusals_{0};
  Mutex mutex_;
  std::vector<std::pair<std::string, Envelope>> seen_ ABSL_GUARDED_BY(mutex_);  // mailbox id, delivery
  std::unique_ptr<rpc::Listener> listener_;
};

}  // namespace plumbline::testing
