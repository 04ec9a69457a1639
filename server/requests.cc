#include "server/requests.h"

#include <set>

#include "common/identity/grant.h"
#include "common/identity/padme.h"
#include "server/delivery.h"

namespace plumbline::server {

using identity::Refuse;
namespace v1 = delivery::v1;

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", text);
}

absl::Status SignatureInvalid() {
  return Refuse(absl::StatusCode::kUnauthenticated, "signature_invalid", "the signature is not the mailbox owner's");
}

absl::StatusOr<SessionId> ParseSessionId(const std::string& field) {
  const absl::StatusOr<SessionId> id = identity::ToFixed<16>(AsBytes(field));
  if (id.ok()) return id;
  return Refuse(absl::StatusCode::kUnauthenticated, "session_unknown", "open a session with a new token");
}

absl::StatusOr<std::vector<identity::Hash>> ParseHashes(const google::protobuf::RepeatedPtrField<std::string>& fields) {
  if (fields.size() > static_cast<int>(identity::kMaxDepositCapabilities)) {
    return Malformed("a mailbox has at most 1000 deposit capabilities");
  }
  std::vector<identity::Hash> hashes;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(const identity::Hash hash, ParseField<32>(field, "a capability hash has 32 bytes"));
    hashes.push_back(hash);
  }
  return hashes;
}

absl::StatusOr<std::vector<Deposit>> ParseDeposits(const v1::SubmitRequest& request) {
  if (request.envelopes_size() == 0 && !request.has_commit()) return Malformed("the submission is empty");
  if (request.envelopes_size() > static_cast<int>(kMaxDeposits)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "submission_too_large", "a submission has at most 2000 envelopes");
  }
  std::vector<Deposit> deposits;
  std::set<identity::EnvelopeId> ids;
  size_t bytes = 0;
  for (const v1::Envelope& envelope : request.envelopes()) {
    Deposit deposit;
    ASSIGN_OR_RETURN(deposit.envelope_id, ParseField<16>(envelope.envelope_id(), "an envelope id has 16 bytes"));
    ASSIGN_OR_RETURN(deposit.mailbox_id, ParseField<16>(envelope.mailbox_id(), "a mailbox id has 16 bytes"));
    ASSIGN_OR_RETURN(const auto capability,
                     ParseField<32>(envelope.deposit_capability(), "a deposit capability has 32 bytes"));
    deposit.capability_hash = Sha256(capability);
    deposit.sealed = AsBytes(envelope.sealed());
    if (!identity::IsPadmeSize(deposit.sealed.size())) {
      return Refuse(absl::StatusCode::kInvalidArgument, "wrong_size", "an envelope's length is not one of the padded sizes");
    }
    if (!ids.insert(deposit.envelope_id).second) {
      return Refuse(absl::StatusCode::kInvalidArgument, "duplicate_envelope_id", "two envelopes have the same id");
    }
    bytes += deposit.sealed.size();
    deposits.push_back(deposit);
  }
  if (bytes > kMaxSubmitBytes) {
    return Refuse(absl::StatusCode::kInvalidArgument, "submission_too_large", "a submission has at most 16 MiB of envelopes");
  }
  return deposits;
}

absl::StatusOr<ParsedMove> ParseMove(const v1::GatedCommit& commit, const std::vector<Deposit>& deposits) {
  ParsedMove out;
  ASSIGN_OR_RETURN(out.move.handle, ParseField<32>(commit.handle(), "a handle has 32 bytes"));
  ASSIGN_OR_RETURN(out.move.next_public_key, ParseField<32>(commit.next_public_key(), "a gate key has 32 bytes"));
  ASSIGN_OR_RETURN(out.move.read_token_hash, ParseField<32>(commit.read_token_hash(), "a read token hash has 32 bytes"));
  ASSIGN_OR_RETURN(out.signature, ParseField<64>(commit.signature(), "a signature has 64 bytes"));
  if (!commit.current_public_key().empty()) {
    ASSIGN_OR_RETURN(out.founding_key, ParseField<32>(commit.current_public_key(), "a gate key has 32 bytes"));
  }
  if (commit.epoch() > kMaxEpoch) return Malformed("the epoch is out of range");
  // A key that nobody can sign under would close the gate for ever.
  if (!crypto::Ed25519PublicKey::Parse(out.move.next_public_key).ok()) {
    return Malformed("the next gate key is not an Ed25519 key");
  }
  if (!identity::IsPadmeSize(commit.sealed_commit().size())) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_size", "the commit's length is not one of the padded sizes");
  }
  out.move.epoch = commit.epoch();
  out.move.sealed_commit_hash = Sha256(AsBytes(commit.sealed_commit()));
  std::vector<identity::FanOutEnvelope> fan_out;
  for (const Deposit& deposit : deposits) {
    fan_out.push_back({deposit.envelope_id, deposit.mailbox_id, Sha256(deposit.sealed)});
  }
  out.move.fan_out_hash = identity::FanOutHash(std::move(fan_out));
  return out;
}

void FillResponse(const v1::SubmitRequest& request, const SubmitResult& result, v1::SubmitResponse& response) {
  for (size_t i = 0; i < result.outcomes.size(); ++i) {
    v1::EnvelopeResult* out = response.add_results();
    out->set_envelope_id(request.envelopes(static_cast<int>(i)).envelope_id());
    switch (result.outcomes[i]) {
      case DepositOutcome::kStored:
        out->set_outcome(v1::EnvelopeResult::STORED);
        break;
      case DepositOutcome::kRefused:
        out->set_outcome(v1::EnvelopeResult::REFUSED);
        break;
      case DepositOutcome::kFull:
        out->set_outcome(v1::EnvelopeResult::FULL);
        break;
    }
  }
  v1::CommitOutcome& commit = *response.mutable_commit();
  commit.set_current_epoch(result.current_epoch);
  switch (result.move) {
    case MoveOutcome::kNone:
      commit.set_outcome(v1::CommitOutcome::OUTCOME_UNSPECIFIED);
      break;
    case MoveOutcome::kAccepted:
      commit.set_outcome(v1::CommitOutcome::ACCEPTED);
      break;
    case MoveOutcome::kLost:
      commit.set_outcome(v1::CommitOutcome::LOST);
      break;
    case MoveOutcome::kUnknown:
      commit.set_outcome(v1::CommitOutcome::GATE_UNKNOWN);
      break;
  }
}

}  // namespace plumbline::server
