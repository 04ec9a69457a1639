// The state of one Receive stream: a plain class without gRPC, threads or SQL of its own.
//
//   client: open                 server: challenge
//   client: proof                server: deliveries, oldest first; caught_up once; deliveries as they come
//   client: acks, at any time    server: closed, with a reason; then the call's status
//
// Each thing that happens is one Step: the state changes under the lock, the lock is left, and then the operations that have
// become possible are started one after another. At most one read, one write, one fetch and one acknowledgement are under
// way, at most kWindow deliveries are unacknowledged, at most one batch is in memory, and Finish is called exactly once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/mutex.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "server/store/envelope_store.h"

namespace plumbline::server {

inline constexpr size_t kWindow = 256;                 // unacknowledged deliveries on one stream
inline constexpr ReadLimit kBatch{32, 512 * 1024};     // read from the store at a time
inline constexpr absl::Duration kProofTime = absl::Seconds(30);

struct ReceiveProof {
  Bytes signature;  // 64 bytes
  identity::MailboxPlace place;
};

// What a stream can have done for it. No function blocks; each but Finish and TakeOver is answered by one On...() call,
// possibly before it returns.
class StreamPort {
 public:
  virtual ~StreamPort() = default;
  virtual void StartRead() = 0;                                             // -> OnRead
  virtual void StartWrite(delivery::v1::ReceiveResponse&& message) = 0;     // -> OnWritten
  virtual void Finish(const absl::Status& status) = 0;
  // Verifies the owner's signature, and counts what is behind the place.      -> OnProved
  virtual void Prove(const identity::MailboxId& mailbox, const identity::Nonce& nonce, ReceiveProof&& proof) = 0;
  // From now on this stream is woken for the mailbox; an older one is told that it is replaced.
  virtual void TakeOver(const identity::MailboxId& mailbox) = 0;
  virtual void Fetch(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit) = 0;  // -> OnFetched
  virtual void Acknowledge(const identity::MailboxId& mailbox, std::vector<Row>&& rows) = 0;                // -> OnAcknowledged
};

// Thread-safe. Owned by the call; `port` outlives it.
class ReceiveStream final {
 public:
  using CloseReason = delivery::v1::ReceiveResponse::Closed::Reason;

  // `store_id`: of the store that `port` fetches from.
  ReceiveStream(StreamPort& port, const identity::Fixed<16>& store_id, absl::Time now) : port_(port), store_id_(store_id), opened_(now) {}
  ReceiveStream(const ReceiveStream&) = delete;
  ReceiveStream& operator=(const ReceiveStream&) = delete;

  void Start();
  // Ends a stream that was not started with anything better: one message less. Instead of Start().
  void Refuse(const absl::Status& status);

  void OnRead(bool ok, const delivery::v1::ReceiveRequest& message);
  void OnWritten(bool ok);
  void OnProved(const absl::StatusOr<uint64_t>& behind);
  void OnFetched(absl::StatusOr<Batch> batch);
  void OnAcknowledged(const absl::Status& status);
  void OnCancelled();

  // The next envelope that was stored for the mailbox, in its order. A client who has everything before it is sent it at once;
  // for any other it is a reason to look into the store.
  void Offer(const StoredEnvelopeView& envelope);
  // Tells the client why, then ends with OK. The first reason counts.
  void Close(CloseReason reason);
  // Ends a stream whose proof does not come: DEADLINE_EXCEEDED proof_missing.
  void Tick(absl::Time now);

 private:
  enum class Phase { kOpening, kProving, kReceiving };
  using Operation = std::function<void()>;

  void Step(const std::function<void()>& change) ABSL_LOCKS_EXCLUDED(mutex_);
  // The next operation that can be started, marked as under way; empty if there is none.
  Operation Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Operation NextEnd() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Operation NextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Operation NextWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Operation Write(delivery::v1::ReceiveResponse&& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Operation WriteDelivery() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Read(const delivery::v1::ReceiveRequest& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadOpen(const delivery::v1::ReceiveRequest::Open& open) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadProof(const delivery::v1::ReceiveRequest::Proof& proof) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadAck(const delivery::v1::ReceiveRequest::Ack& ack) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Within one batch of memory and the window.
  bool HasRoomFor(size_t size) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndIfAllIsDone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  StreamPort& port_;
  const identity::Fixed<16> store_id_;
  const absl::Time opened_;

  Mutex mutex_;
  bool driving_ ABSL_GUARDED_BY(mutex_) = false;  // somebody is starting operations
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kOpening;

  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool proving_ ABSL_GUARDED_BY(mutex_) = false;
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  bool acknowledging_ ABSL_GUARDED_BY(mutex_) = false;

  identity::MailboxId mailbox_ ABSL_GUARDED_BY(mutex_){};
  identity::Nonce nonce_ ABSL_GUARDED_BY(mutex_){};
  bool challenge_due_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<ReceiveProof> proof_ ABSL_GUARDED_BY(mutex_);  // to be verified
  bool take_over_due_ ABSL_GUARDED_BY(mutex_) = false;

  bool look_ ABSL_GUARDED_BY(mutex_) = false;  // there may be more in the store
  bool current_ ABSL_GUARDED_BY(mutex_) = false;  // everything that is in the store has been fetched or offered
  std::deque<StoredEnvelope> pending_ ABSL_GUARDED_BY(mutex_);  // their steps counted from where the stream began
  identity::MailboxPlace reached_ ABSL_GUARDED_BY(mutex_);       // behind all that was fetched or offered
  uint64_t steps_ ABSL_GUARDED_BY(mutex_) = 0;                   // to there from where the stream began
  uint64_t passed_over_ ABSL_GUARDED_BY(mutex_) = 0;             // of them, since the last envelope
  uint64_t mark_ ABSL_GUARDED_BY(mutex_) = 0;                    // steps to the newest envelope when the stream began
  bool caught_up_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool caught_up_ ABSL_GUARDED_BY(mutex_) = false;

  uint64_t next_tag_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, Row> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<Row> acknowledged_ ABSL_GUARDED_BY(mutex_);  // to be deleted

  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // the client has said all that it will

  std::optional<CloseReason> closing_ ABSL_GUARDED_BY(mutex_);  // still to be told
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::server
