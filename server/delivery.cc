#include "server/delivery.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "common/awaited.h"
#include "common/identity/gate.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/retry.h"
#include "server/requests.h"

namespace plumbline::server {

using identity::Refuse;
namespace v1 = delivery::v1;

Delivery::Delivery(const Parts& parts, const RoleTrust& roles, absl::string_view organisation_domain)
    : parts_(parts),
      roles_(roles),
      redeemer_(organisation_domain, tokens::kPurposeDelivery),
      nobody_(crypto::Ed25519KeyPair::Generate().public_key()) {}

Delivery::~Delivery() { parts_.envelopes.Drain(); }

absl::Status Delivery::ForWire(const absl::Status& status) {
  const bool refusal = absl::IsAlreadyExists(status) || absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
                       identity::ReasonOf(status) == "stale_counter" || identity::ReasonOf(status) == "grant_revoked";
  if (status.ok() || refusal) return status;
  ++parts_.counters.storage_faults;
  if (absl::IsResourceExhausted(status)) {
    return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "storage_full",
                                 "the server's storage is full; nothing was stored, try again later"),
                          absl::Minutes(1));
  }
  return Refuse(absl::StatusCode::kUnavailable, "storage_unavailable",
                "the server cannot use its storage; nothing was changed, try again later");
}

absl::Status Delivery::OpenSession(const v1::OpenSessionRequest& request, v1::OpenSessionResponse& response) {
  const absl::Time now = parts_.clock.Now();
  const absl::StatusOr<tokens::Redeemed> token =
      redeemer_.Check(AsBytes(request.token()), AsBytes(request.token_key()), roles_.Of(identity::Role::kTokens, now), now);
  if (!token.ok()) {
    ++parts_.counters.tokens_refused;
    return token.status();
  }
  RETURN_IF_ERROR(parts_.sessions.CheckRoom());
  const absl::StatusOr<Spent> spent = parts_.nullifiers.Spend(*token);
  if (!spent.ok()) return ForWire(spent.status());
  if (*spent != Spent::kNow) {
    ++parts_.counters.tokens_refused;
    return *spent == Spent::kBefore
               ? Refuse(absl::StatusCode::kUnauthenticated, "token_spent", "this token was used before; take another one")
               : Refuse(absl::StatusCode::kUnauthenticated, "token_void",
                        "all tokens of this time are void; draw new ones. If new ones are void too, the server has lost its record "
                        "of spent tokens: they count again with the next key, an hour from now at the latest, or as soon as an "
                        "administrator runs `plumbline-admin tokens end`");
  }
  ASSIGN_OR_RETURN(const Sessions::Opened session, parts_.sessions.Open(*token));
  response.set_session_id(ToString(session.id));
  response.set_sends_left(parts_.sessions.limits().envelopes);
  response.set_seconds_left(static_cast<uint32_t>(absl::ToInt64Seconds(session.life)));
  return absl::OkStatus();
}

struct Delivery::Started {
  const v1::SubmitRequest& request;
  v1::SubmitResponse& response;
  Done done;
  SessionId session{};
  uint32_t cost = 0;
  Submission submission;
};

void Delivery::StartSubmit(const v1::SubmitRequest& request, v1::SubmitResponse& response, Done done) {
  const auto started = std::make_shared<Started>(Started{.request = request, .response = response, .done = std::move(done), .submission = {}});
  bool go_on = true;
  const absl::Status status = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(started->session, ParseSessionId(request.session_id()));
    ASSIGN_OR_RETURN(started->submission.deposits, ParseDeposits(request));
    const uint32_t cost = std::max<uint32_t>(1, static_cast<uint32_t>(started->submission.deposits.size()));
    RETURN_IF_ERROR(parts_.sessions.Take(started->session, cost));
    started->cost = cost;
    if (request.has_commit()) {
      ASSIGN_OR_RETURN(go_on, PrepareMove(request, started->submission, response));
    }
    return absl::OkStatus();
  }();
  if (!status.ok()) {
    if (started->cost > 0) parts_.sessions.GiveBack(started->session, started->cost);
    return started->done(status);
  }
  if (!go_on) return started->done(absl::OkStatus());
  parts_.envelopes.StartSubmit(started->submission, Today(),
                               [this, started](const absl::StatusOr<SubmitResult>& result) { Finish(*started, result); });
}

void Delivery::Finish(Started& started, const absl::StatusOr<SubmitResult>& result) {
  if (!result.ok()) {
    if (!absl::IsAlreadyExists(result.status())) parts_.sessions.GiveBack(started.session, started.cost);
    return started.done(ForWire(result.status()));
  }
  FillResponse(started.request, *result, started.response);
  for (size_t i = 0; i < result->stored.size(); ++i) {
    if (!result->stored[i]) continue;
    ++parts_.counters.envelopes_stored;
    const Deposit& deposit = started.submission.deposits[i];
    parts_.streams.Offer(deposit.mailbox_id, {*result->stored[i], deposit.envelope_id, deposit.sealed});
  }
  started.done(absl::OkStatus());
}

absl::Status Delivery::Submit(const v1::SubmitRequest& request, v1::SubmitResponse& response) {
  Awaited<absl::Status> answer;
  StartSubmit(request, response, [&](const absl::Status& status) { answer.Tell(status); });
  return answer.Wait();
}

absl::StatusOr<bool> Delivery::PrepareMove(const v1::SubmitRequest& request, Submission& submission,
                                           v1::SubmitResponse& response) {
  ASSIGN_OR_RETURN(const ParsedMove parsed, ParseMove(request.commit(), submission.deposits));
  const absl::StatusOr<std::optional<Gate>> gate = parts_.envelopes.FindGate(parsed.move.handle);
  if (!gate.ok()) return ForWire(gate.status());
  if (!gate->has_value() && !parsed.founding_key) {
    response.mutable_commit()->set_outcome(v1::CommitOutcome::GATE_UNKNOWN);
    return false;
  }
  VerifiedMove move;
  move.handle = parsed.move.handle;
  move.epoch = parsed.move.epoch;
  move.key = gate->has_value() ? (*gate)->key : *parsed.founding_key;
  move.founds = !gate->has_value();
  move.next_key = parsed.move.next_public_key;
  move.read_token_hash = parsed.move.read_token_hash;
  move.record_hash = Sha256(Encode(identity::GateRecord{parsed.move, parsed.signature}));
  move.sealed_commit = AsBytes(request.commit().sealed_commit());
  // For another epoch than the present one the store says whether it is a repeat or lost; no key decides that.
  if (move.founds || (*gate)->epoch == move.epoch) {
    const absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(move.key);
    if (!key.ok() || !key->Verify(identity::kGateLabel, Encode(parsed.move), parsed.signature).ok()) {
      response.mutable_commit()->set_outcome(v1::CommitOutcome::BAD_SIGNATURE);
      response.mutable_commit()->set_current_epoch(move.founds ? 0 : move.epoch);
      return false;
    }
  }
  submission.move = move;
  return true;
}

absl::Status Delivery::ReadCommit(const v1::ReadCommitRequest& request, v1::ReadCommitResponse& response) {
  ASSIGN_OR_RETURN(const SessionId session, ParseSessionId(request.session_id()));
  ASSIGN_OR_RETURN(const auto handle, ParseField<32>(request.handle(), "a handle has 32 bytes"));
  ASSIGN_OR_RETURN(const auto token, ParseField<32>(request.read_token(), "a read token has 32 bytes"));
  if (request.epoch() > kMaxEpoch) return Malformed("the epoch is out of range");
  RETURN_IF_ERROR(parts_.sessions.Take(session, 1));
  const absl::StatusOr<StoredCommit> commit = parts_.envelopes.ReadCommit(handle, request.epoch());
  if (!commit.ok()) return ForWire(commit.status());
  if (!ConstantTimeEqual(Sha256(token), commit->read_token_hash)) {
    return Refuse(absl::StatusCode::kNotFound, "commit_unknown", "there is no such commit, or it is no longer kept");
  }
  response.set_sealed_commit(ToString(commit->sealed_commit));
  response.set_next_public_key(ToString(commit->next_key));
  return absl::OkStatus();
}

absl::Status Delivery::OpenMailbox(const v1::OpenMailboxRequest& request) {
  const absl::Time now = parts_.clock.Now();
  const absl::StatusOr<identity::MailboxGrant> grant =
      identity::CheckGrant(AsBytes(request.grant()), roles_.Of(identity::Role::kGrants, now), now);
  if (!grant.ok()) {
    ++parts_.counters.grants_refused;
    return grant.status();
  }
  identity::MailboxOpening opening;
  opening.grant_hash = Sha256(AsBytes(request.grant()));
  ASSIGN_OR_RETURN(opening.mailbox_id, ParseField<16>(request.mailbox_id(), "a mailbox id has 16 bytes"));
  ASSIGN_OR_RETURN(opening.owner_public_key, ParseField<32>(request.owner_public_key(), "a public key has 32 bytes"));
  ASSIGN_OR_RETURN(opening.capability_hashes, ParseHashes(request.deposit_capability_hashes()));
  ASSIGN_OR_RETURN(const auto signature, ParseField<64>(request.signature(), "a signature has 64 bytes"));
  const absl::StatusOr<crypto::Ed25519PublicKey> owner = crypto::Ed25519PublicKey::Parse(opening.owner_public_key);
  if (!owner.ok()) return Malformed("the owner's public key is not an Ed25519 key");
  if (!owner->Verify(identity::kMailboxOpeningLabel, Encode(opening), signature).ok()) return SignatureInvalid();
  const absl::StatusOr<identity::MailboxPlace> begin = identity::MailboxPlace::Parse(AsBytes(request.begin_place()));
  if (!begin.ok()) return Malformed("a place has 32 bytes");
  NewMailbox mailbox{opening.mailbox_id, opening.owner_public_key, grant->serial,
                     Day{static_cast<int64_t>(grant->expires_day)}, *begin, opening.capability_hashes};
  const absl::Status status = ForWire(parts_.mailboxes.Open(mailbox));
  if (absl::IsAlreadyExists(status) || absl::IsUnauthenticated(status)) ++parts_.counters.grants_refused;
  return status;
}

absl::Status Delivery::SetDepositCapabilities(const v1::SetDepositCapabilitiesRequest& request) {
  ASSIGN_OR_RETURN(const auto id, ParseField<16>(request.mailbox_id(), "a mailbox id has 16 bytes"));
  ASSIGN_OR_RETURN(const auto signature, ParseField<64>(request.signature(), "a signature has 64 bytes"));
  ASSIGN_OR_RETURN(const std::vector<identity::Hash> hashes, ParseHashes(request.deposit_capability_hashes()));
  if (request.counter() > kMaxEpoch) return Malformed("the counter is out of range");
  const absl::StatusOr<Mailbox> mailbox = parts_.mailboxes.Find(id, Today());
  if (!mailbox.ok()) return ForWire(mailbox.status());
  const absl::StatusOr<crypto::Ed25519PublicKey> owner = crypto::Ed25519PublicKey::Parse(mailbox->owner_key);
  const Bytes message = identity::DepositCapabilitiesMessage(id, request.counter(), hashes);
  if (!owner.ok() || !owner->Verify(identity::kDepositCapabilitiesLabel, message, signature).ok()) return SignatureInvalid();
  return ForWire(parts_.mailboxes.SetCapabilities(id, request.counter(), hashes, Today()));
}

absl::StatusOr<uint64_t> Delivery::Prove(const identity::MailboxId& mailbox, const identity::Nonce& nonce, const ReceiveProof& shown) {
  const absl::StatusOr<Mailbox> found = parts_.mailboxes.Find(mailbox, Today());
  if (!found.ok() && !absl::IsNotFound(found.status())) return ForWire(found.status());
  crypto::Ed25519PublicKey owner = nobody_;
  if (found.ok()) {
    absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(found->owner_key);
    if (!key.ok()) return ForWire(absl::DataLossError("a stored key does not parse"));
    owner = *key;
  }
  if (!owner.Verify(identity::kReceiveLabel, identity::ReceiveMessage(nonce, mailbox), shown.signature).ok()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "proof_invalid",
                  "the proof is not by the owner of such a mailbox, or the mailbox has expired");
  }
  absl::StatusOr<uint64_t> behind = parts_.envelopes.CountBehind(mailbox, shown.place, Today());
  if (!behind.ok()) return ForWire(behind.status());
  return behind;
}

absl::StatusOr<Batch> Delivery::Fetch(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit) {
  absl::StatusOr<Batch> batch = parts_.envelopes.ReadBehind(mailbox, place, limit, Today());
  if (!batch.ok()) return ForWire(batch.status());
  return batch;
}

void Delivery::StartAcknowledge(const identity::MailboxId& mailbox, std::vector<Row> rows, Done done) {
  const auto count = static_cast<int64_t>(rows.size());
  parts_.envelopes.StartAck(mailbox, std::move(rows), [this, count, done = std::move(done)](const absl::Status& status) {
    if (status.ok()) parts_.counters.envelopes_acknowledged += count;
    done(ForWire(status));
  });
}

}  // namespace plumbline::server
