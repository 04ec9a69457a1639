// What the delivery server decides, without gRPC: requests in, answers out (docs/protocols/delivery.md).
#pragma once

#include <functional>
#include <vector>

#include "common/clock.h"
#include "common/crypto/ed25519.h"
#include "common/log.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "server/counters.h"
#include "server/role_trust.h"
#include "server/sessions.h"
#include "server/store/envelope_store.h"
#include "server/store/mailbox_store.h"
#include "server/store/nullifier_store.h"
#include "server/streams.h"

namespace plumbline::server {

inline constexpr size_t kMaxSubmitBytes = size_t{16} << 20;  // of sealed content in one submission

// Thread-safe. Every function but those that take a `Done` may wait for the disk, so it runs on a worker pool. A refusal is "<reason_id>: <text>". A
// failing disk is RESOURCE_EXHAUSTED storage_full or UNAVAILABLE storage_unavailable, and then nothing has changed.
class Delivery final {
 public:
  struct Parts {
    MailboxStore& mailboxes;
    EnvelopeStore& envelopes;
    NullifierStore& nullifiers;
    Sessions& sessions;
    Streams& streams;
    Counters& counters;
    const Clock& clock;
  };
  // `roles` is all that this server knows of the key server.
  Delivery(const Parts& parts, const RoleTrust& roles, absl::string_view organisation_domain);
  ~Delivery();  // when all that was started is done
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  absl::Status OpenSession(const delivery::v1::OpenSessionRequest& request, delivery::v1::OpenSessionResponse& response);
  using Done = std::function<void(const absl::Status&)>;
  // Whether StartSubmit reads from the disk before it hands the submission to the store.
  static bool Reads(const delivery::v1::SubmitRequest& request) { return request.has_commit(); }
  // `done` is called once, here or on a thread of the store's; request and response are needed until then.
  void StartSubmit(const delivery::v1::SubmitRequest& request, delivery::v1::SubmitResponse& response, Done done);
  absl::Status Submit(const delivery::v1::SubmitRequest& request, delivery::v1::SubmitResponse& response);  // and waits
  absl::Status ReadCommit(const delivery::v1::ReadCommitRequest& request, delivery::v1::ReadCommitResponse& response);
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest& request);
  absl::Status SetDepositCapabilities(const delivery::v1::SetDepositCapabilitiesRequest& request);

  const identity::Fixed<16>& store_id() const { return parts_.envelopes.id(); }
  // How many places are behind the one shown, if the signature is the mailbox owner's over the nonce. UNAUTHENTICATED proof_invalid, also where
  // there is no such mailbox: who does not own it cannot find out whether it is there. FAILED_PRECONDITION place_unknown.
  absl::StatusOr<uint64_t> Prove(const identity::MailboxId& mailbox, const identity::Nonce& nonce, const ReceiveProof& shown);
  // Of a place for which Prove answered, or one behind it.
  absl::StatusOr<Batch> Fetch(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit);
  void StartAcknowledge(const identity::MailboxId& mailbox, std::vector<Row> rows, Done done);

 private:
  // Verifies the gate's signature. Fills `response` and returns false if that decides the submission.
  absl::StatusOr<bool> PrepareMove(const delivery::v1::SubmitRequest& request, Submission& submission,
                                   delivery::v1::SubmitResponse& response);
  struct Started;  // a submission on its way
  void Finish(Started& started, const absl::StatusOr<SubmitResult>& result);
  // Refusals pass; anything else the store says is a fault of the storage.
  absl::Status ForWire(const absl::Status& status);
  Day Today() const { return DayOf(parts_.clock.Now()); }

  const Parts parts_;
  const RoleTrust& roles_;
  const tokens::Redeemer redeemer_;
  const crypto::Ed25519PublicKey nobody_;  // stands in for the owner of a mailbox that is not there
};

}  // namespace plumbline::server
