// A member's part of the commit gate: keys from the exporter, moves and records (docs/protocols/delivery.md, "Commit gate").
#pragma once

#include <vector>

#include "client/store/outbox_store.h"
#include "common/crypto/ed25519.h"
#include "common/identity/gate.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/group.h"

namespace plumbline::client {

// What every member of one epoch derives.
struct GateKeys {
  crypto::Ed25519KeyPair gate;
  Secret commit_key;  // 32 bytes; opens the sealed commit of this epoch
  Secret read_token;  // 32 bytes; lets a member fetch it
};
GateKeys DeriveGateKeys(const mls::GroupView& group, const identity::GroupHandle& handle);

// One move of the gate, as the parts of delivery.v1.GatedCommit and as the record that goes into the envelopes.
struct GateStep {
  const mls::GroupView& group;  // at the epoch the commit was made in
  const mls::GroupView& next;   // where it leads
  identity::GroupHandle handle;
};
// The record inside envelopes: fan_out_hash is zero, with a signature over that form.
identity::GateRecord MakeEnvelopeRecord(const GateStep& step, const identity::Hash& sealed_commit_hash);
// delivery.v1.GatedCommit, serialised, whose signature covers `envelopes`. `is_new`: the server does not know the handle yet.
Bytes MakeGatedCommit(const GateStep& step, ByteView sealed_commit, const std::vector<OutgoingEnvelope>& envelopes,
                      bool is_new);

// OK if the record, taken from an envelope, moves this epoch's gate to the key of the staged epoch `next`.
// UNAUTHENTICATED gate_mismatch otherwise: the commit must not be applied.
absl::Status CheckEnvelopeRecord(const identity::GateRecord& record, const GateStep& step);
// The same for what ReadCommit returned, where the server vouches for the record's signature.
absl::Status CheckNextKey(ByteView next_public_key, const GateStep& step);

}  // namespace plumbline::client
