#include "client/gate.h"

#include "common/check.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "plumbline/delivery/v1/delivery.pb.h"

namespace plumbline::client {
namespace {

constexpr size_t kExportSize = 32;  // bytes

identity::PublicKey KeyOf(const crypto::Ed25519PublicKey& key) { return *identity::ToFixed<32>(key.view()); }

absl::Status Mismatch(absl::string_view what) {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, "gate_mismatch", what);
}

identity::GateMove MoveOf(const GateStep& step, const GateKeys& keys, const identity::Hash& sealed_commit_hash) {
  identity::GateMove move;
  move.handle = step.handle;
  move.epoch = step.group.epoch();
  move.sealed_commit_hash = sealed_commit_hash;
  move.next_public_key = KeyOf(DeriveGateKeys(step.next, step.handle).gate.public_key());
  move.read_token_hash = Sha256(keys.read_token.view());
  return move;
}

}  // namespace

GateKeys DeriveGateKeys(const mls::GroupView& group, const identity::GroupHandle& handle) {
  absl::StatusOr<crypto::Ed25519KeyPair> gate =
      crypto::Ed25519KeyPair::FromSeed(group.Export(identity::kGateSeedExport, handle, kExportSize));
  CHECK(gate.ok());
  return {*std::move(gate), group.Export(identity::kCommitKeyExport, handle, kExportSize),
          group.Export(identity::kCommitReadTokenExport, handle, kExportSize)};
}

identity::GateRecord MakeEnvelopeRecord(const GateStep& step, const identity::Hash& sealed_commit_hash) {
  const GateKeys keys = DeriveGateKeys(step.group, step.handle);
  identity::GateRecord record;
  record.move = MoveOf(step, keys, sealed_commit_hash);
  record.signature = *identity::ToFixed<64>(keys.gate.Sign(identity::kGateLabel, Encode(record.move)));
  return record;
}

Bytes MakeGatedCommit(const GateStep& step, ByteView sealed_commit, const std::vector<OutgoingEnvelope>& envelopes,
                      bool is_new) {
  const GateKeys keys = DeriveGateKeys(step.group, step.handle);
  identity::GateMove move = MoveOf(step, keys, Sha256(sealed_commit));
  std::vector<identity::FanOutEnvelope> fan_out;
  for (const OutgoingEnvelope& envelope : envelopes) {
    fan_out.push_back({envelope.envelope_id, envelope.mailbox_id, Sha256(envelope.sealed)});
  }
  move.fan_out_hash = identity::FanOutHash(std::move(fan_out));
  delivery::v1::GatedCommit gated;
  gated.set_handle(ToString(move.handle));
  gated.set_epoch(move.epoch);
  if (is_new) gated.set_current_public_key(ToString(keys.gate.public_key().view()));
  gated.set_next_public_key(ToString(move.next_public_key));
  gated.set_sealed_commit(ToString(sealed_commit));
  gated.set_read_token_hash(ToString(move.read_token_hash));
  gated.set_signature(ToString(keys.gate.Sign(identity::kGateLabel, Encode(move))));
  return ToBytes(AsBytes(gated.SerializeAsString()));
}

absl::Status CheckEnvelopeRecord(const identity::GateRecord& record, const GateStep& step) {
  const GateKeys keys = DeriveGateKeys(step.group, step.handle);
  if (record.move.handle != step.handle || record.move.epoch != step.group.epoch()) {
    return Mismatch("the record beside a commit is for another group or epoch");
  }
  if (record.move.fan_out_hash != identity::Hash{}) return Mismatch("the record beside a commit has a fan-out hash");
  if (!keys.gate.public_key().Verify(identity::kGateLabel, Encode(record.move), record.signature).ok()) {
    return Mismatch("the record beside a commit is not signed with this epoch's gate key");
  }
  return CheckNextKey(record.move.next_public_key, step);
}

absl::Status CheckNextKey(ByteView next_public_key, const GateStep& step) {
  const GateKeys next = DeriveGateKeys(step.next, step.handle);
  if (!Equal(next.gate.public_key().view(), next_public_key)) {
    return Mismatch("a commit leads to another gate key than the one announced: this client stays in its epoch, so that "
                    "nobody is split off unseen; start the conversation again if messages stop arriving");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::client
