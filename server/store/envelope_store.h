// Envelopes on their way, the answers that were given for them, and the commit gates that move with them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "common/identity/fixed.h"
#include "common/identity/mailbox_place.h"
#include "common/status.h"
#include "server/store/mailbox_store.h"

namespace plumbline::server {

// The number of a stored envelope's row. Says neither whose it is nor when it came.
enum class Row : int64_t {};

inline constexpr size_t kMaxDeposits = 2000;                             // envelopes in one submission
inline constexpr uint64_t kMaxEpoch = (uint64_t{1} << 63) - 2;  // of a gate

struct Deposit {
  identity::EnvelopeId envelope_id;
  identity::MailboxId mailbox_id;
  identity::Hash capability_hash;  // SHA-256 of the capability that was shown
  ByteView sealed;                 // borrowed
};

enum class DepositOutcome : uint8_t {
  kStored = 1,
  kRefused = 2,  // no such mailbox, or not one of its capabilities
  kFull = 3,     // the mailbox is over its quota
};

// A gate move whose signature the caller verified under `key`.
struct VerifiedMove {
  identity::Fixed<32> handle;
  uint64_t epoch;               // at most kMaxEpoch; the gate goes to epoch + 1
  identity::PublicKey key;      // must be the gate's present key; for a new gate, the one it is founded with
  bool founds;                  // the handle may be new
  identity::PublicKey next_key;
  identity::Hash read_token_hash;
  identity::Hash record_hash;   // of the signed record: a repeat of the same move has the same
  ByteView sealed_commit;       // borrowed
};

enum class MoveOutcome { kNone, kAccepted, kLost, kUnknown };

struct Submission {
  std::vector<Deposit> deposits;  // at most kMaxDeposits, envelope ids all different
  std::optional<VerifiedMove> move;
};

// Where an envelope went: behind `before`, or behind where rows were passed over.
struct Stored {
  Row row;
  identity::MailboxPlace before;
  identity::MailboxPlace after;
};

struct SubmitResult {
  std::vector<DepositOutcome> outcomes;  // in the submission's order; empty if the move was lost or its gate is unknown
  std::vector<std::optional<Stored>> stored;  // those that this submission stored; nothing for the others and for repeats
  MoveOutcome move = MoveOutcome::kNone;
  uint64_t current_epoch = 0;            // of the gate, after this submission
};

struct StoredEnvelope {
  Row row;
  identity::EnvelopeId envelope_id;
  Bytes sealed;
  identity::MailboxPlace after;
  uint64_t step;  // how many places it is behind where the reading began; at least 1
};

// Stored just now; borrowed.
struct StoredEnvelopeView {
  Stored stored;
  identity::EnvelopeId envelope_id;
  ByteView sealed;
};

struct ReadLimit {
  size_t rows;
  size_t bytes;  // of sealed content; the first envelope may be larger
};

struct Batch {
  std::vector<StoredEnvelope> envelopes;  // oldest first
  identity::MailboxPlace reached;         // behind all of them
  uint64_t steps = 0;                     // from where the reading began to there
  bool more = false;                      // the limit cut it short: there may be something behind
};

struct Gate {
  uint64_t epoch;
  identity::PublicKey key;
};

struct StoredCommit {
  Bytes sealed_commit;
  identity::PublicKey next_key;
  identity::Hash read_token_hash;
};

// Thread-safe. Each method is one transaction; what it changed is on disk when it returns OK, and with any other status
// nothing has changed. Besides the codes named: RESOURCE_EXHAUSTED (disk full), UNAVAILABLE, DATA_LOSS.
//
// The rows of one submission have nothing in common but the day, and no row says whose it is (mailbox_chain.h). Two envelopes to one mailbox
// keep their order.
class EnvelopeStore {
 public:
  virtual ~EnvelopeStore() = default;

  using Submitted = std::function<void(absl::StatusOr<SubmitResult>)>;
  using Told = std::function<void(const absl::Status&)>;

  // Stores the commit with its gate's move and all envelopes that their mailboxes take, or, if the move is lost or the gate
  // unknown, nothing at all. An envelope id that was seen with the same mailbox and content gets its first answer again;
  // a move that was accepted before is accepted again and stores nothing.
  //   ALREADY_EXISTS envelope_id_reused: an id was seen with other content; nothing is stored
  //   FAILED_PRECONDITION submission_forgotten: the move was accepted so long ago that the answers are gone
  // `done` is told when it is on disk: on a thread of the store's, in the order in which submissions became durable. It must not wait for
  // the store. `submission` and what it borrows are needed until then.
  virtual void StartSubmit(const Submission& submission, Day today, Submitted done) = 0;

  // Of the store's life: another one after a restore, when what owners know of places may be ahead of what is here.
  virtual const identity::Fixed<16>& id() const = 0;

  // How many places of the mailbox are behind this one, at most kMaxSteps; the envelopes there may be fewer. NOT_FOUND mailbox_unknown, also for
  // one that has expired. FAILED_PRECONDITION place_unknown if it is none of the mailbox's.
  static constexpr uint64_t kMaxSteps = 200'000;
  virtual absl::StatusOr<uint64_t> CountBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, Day today) = 0;

  // The envelopes of a mailbox behind a place for which CountBehind answered. NOT_FOUND mailbox_unknown.
  virtual absl::StatusOr<Batch> ReadBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit,
                                           Day today) = 0;

  // Deletes these rows, which were read from this mailbox; those that are not there are passed over. `done` as above.
  virtual void StartAck(const identity::MailboxId& mailbox, std::vector<Row> rows, Told done) = 0;

  // The same, for who can wait.
  absl::StatusOr<SubmitResult> Submit(const Submission& submission, Day today);
  absl::Status Ack(const identity::MailboxId& mailbox, std::vector<Row> rows);

  // Returns when everything that was started before has been told.
  virtual void Drain() = 0;

  // Absent if there is no such gate.
  virtual absl::StatusOr<std::optional<Gate>> FindGate(const identity::Fixed<32>& handle) = 0;

  // NOT_FOUND commit_unknown; commit_expired if the gate is past that epoch. The caller compares the read token.
  virtual absl::StatusOr<StoredCommit> ReadCommit(const identity::Fixed<32>& handle, uint64_t epoch) = 0;
};

}  // namespace plumbline::server
