#include "interop/device/gate_port.h"

#include "client/sealing.h"
#include "common/crypto/ed25519.h"
#include "common/identity/gate.h"
#include "common/identity/labels.h"
#include "common/identity/mailbox_address.h"
#include "interop/device/fields.h"

namespace plumbline::interop {
namespace {

using nlohmann::json;

absl::StatusOr<crypto::Ed25519KeyPair> GateKeyField(const json& request, const char* name) {
  ASSIGN_OR_RETURN(Bytes seed, BytesField(request, name));
  absl::StatusOr<crypto::Ed25519KeyPair> key =
      crypto::Ed25519KeyPair::FromSeed(Secret::Take(std::move(seed)));
  if (!key.ok()) return Malformed(absl::StrCat("\"", name, "\" has to have 32 bytes"));
  return key;
}

absl::Status Mismatch(absl::string_view what) {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, "gate_mismatch", what);
}

}  // namespace

absl::StatusOr<client::OutgoingEnvelope> SealTo(ByteView address, identity::EnvelopeKind kind,
                                                Bytes payload) {
  ASSIGN_OR_RETURN(const identity::MailboxAddress parsed, identity::ParseMailboxAddress(address));
  return client::SealEnvelope(parsed, {kind, std::move(payload)});
}

void AddEnvelope(delivery::v1::SubmitRequest& request, const client::OutgoingEnvelope& envelope) {
  delivery::v1::Envelope& out = *request.add_envelopes();
  out.set_envelope_id(ToString(envelope.envelope_id));
  out.set_mailbox_id(ToString(envelope.mailbox_id));
  out.set_deposit_capability(ToString(envelope.capability));
  out.set_sealed(ToString(envelope.sealed));
}

size_t CountStored(const delivery::v1::SubmitResponse& response) {
  size_t stored = 0;
  for (const delivery::v1::EnvelopeResult& result : response.results())
    stored += result.outcome() == delivery::v1::EnvelopeResult::STORED;
  return stored;
}

absl::StatusOr<delivery::v1::SubmitRequest> MakeGatedSubmit(const json& request) {
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair gate, GateKeyField(request, "gateSeed"));
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair next, GateKeyField(request, "nextGateSeed"));
  ASSIGN_OR_RETURN(const identity::Fixed<32> commit_key, FixedField<32>(request, "commitKey"));
  ASSIGN_OR_RETURN(const identity::Fixed<32> read_token, FixedField<32>(request, "readToken"));
  ASSIGN_OR_RETURN(const Bytes message, BytesField(request, "message"));
  identity::GateMove move;
  ASSIGN_OR_RETURN(move.handle, FixedField<32>(request, "handle"));
  ASSIGN_OR_RETURN(move.epoch, NumberField(request, "epoch"));
  ASSIGN_OR_RETURN(const Bytes sealed_commit, client::SealCommit(Secret::CopyOf(commit_key),
                                                                 move.handle, move.epoch, message));
  move.sealed_commit_hash = Sha256(sealed_commit);
  move.next_public_key = *identity::ToFixed<32>(next.public_key().view());
  move.read_token_hash = Sha256(read_token);

  // Members get the record with zeros for what their own envelopes are part of.
  identity::CommitPayload payload;
  payload.gate.move = move;
  payload.gate.signature = *identity::ToFixed<64>(gate.Sign(identity::kGateLabel, Encode(move)));
  payload.mls_message = message;
  std::vector<client::OutgoingEnvelope> envelopes;
  ASSIGN_OR_RETURN(const std::vector<Bytes> to, BytesListField(request, "to"));
  for (const Bytes& address : to) {
    ASSIGN_OR_RETURN(envelopes.emplace_back(),
                     SealTo(address, identity::EnvelopeKind::kCommit, Encode(payload)));
  }
  ASSIGN_OR_RETURN(const json welcomes, ListField(request, "welcomes"));
  for (const json& welcome : welcomes) {
    ASSIGN_OR_RETURN(const Bytes address, BytesField(welcome, "to"));
    ASSIGN_OR_RETURN(Bytes wire, BytesField(welcome, "message"));
    ASSIGN_OR_RETURN(envelopes.emplace_back(),
                     SealTo(address, identity::EnvelopeKind::kWelcome, std::move(wire)));
  }

  std::vector<identity::FanOutEnvelope> fan_out;
  delivery::v1::SubmitRequest out;
  for (const client::OutgoingEnvelope& envelope : envelopes) {
    fan_out.push_back({envelope.envelope_id, envelope.mailbox_id, Sha256(envelope.sealed)});
    AddEnvelope(out, envelope);
  }
  move.fan_out_hash = identity::FanOutHash(std::move(fan_out));
  delivery::v1::GatedCommit& gated = *out.mutable_commit();
  gated.set_handle(ToString(move.handle));
  gated.set_epoch(move.epoch);
  if (request.value("isNew", false))
    gated.set_current_public_key(ToString(gate.public_key().view()));
  gated.set_next_public_key(ToString(move.next_public_key));
  gated.set_sealed_commit(ToString(sealed_commit));
  gated.set_read_token_hash(ToString(move.read_token_hash));
  gated.set_signature(ToString(gate.Sign(identity::kGateLabel, Encode(move))));
  return out;
}

const char* OutcomeName(delivery::v1::CommitOutcome::Outcome outcome) {
  switch (outcome) {
    case delivery::v1::CommitOutcome::ACCEPTED:
      return "accepted";
    case delivery::v1::CommitOutcome::LOST:
      return "lost";
    case delivery::v1::CommitOutcome::BAD_SIGNATURE:
      return "bad signature";
    case delivery::v1::CommitOutcome::GATE_UNKNOWN:
      return "gate unknown";
    default:
      return "none";
  }
}

absl::StatusOr<json> CheckGate(const json& request) {
  ASSIGN_OR_RETURN(const Bytes wire, BytesField(request, "gate"));
  ASSIGN_OR_RETURN(const identity::GateRecord record, identity::ParseGateRecord(wire));
  ASSIGN_OR_RETURN(const identity::GroupHandle handle, FixedField<32>(request, "handle"));
  ASSIGN_OR_RETURN(const uint64_t epoch, NumberField(request, "epoch"));
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair gate, GateKeyField(request, "gateSeed"));
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair next, GateKeyField(request, "nextGateSeed"));
  if (record.move.handle != handle || record.move.epoch != epoch)
    return Mismatch("the record is for another group or epoch");
  if (record.move.fan_out_hash != identity::Hash{})
    return Mismatch("the record has a fan-out hash");
  if (!gate.public_key().Verify(identity::kGateLabel, Encode(record.move), record.signature).ok())
    return Mismatch("the record is not signed with this epoch's gate key");
  if (!Equal(next.public_key().view(), record.move.next_public_key))
    return Mismatch("the commit leads to another gate key");
  return json::object();
}

}  // namespace plumbline::interop
