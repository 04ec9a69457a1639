// The commit gate: what a member signs to move a group from one epoch to the next
// (docs/protocols/delivery.md).
#pragma once

#include <cstdint>
#include <vector>

#include "common/identity/fixed.h"
#include "common/identity/mailbox_address.h"
#include "common/status.h"

namespace plumbline::identity {

// Labels of the MLS exporter; the context is the group's handle, the length 32.
inline constexpr char kGateSeedExport[] = "plumbline gate";
inline constexpr char kCommitKeyExport[] = "plumbline commit key";
inline constexpr char kCommitReadTokenExport[] = "plumbline commit read";

// struct { opaque handle[32]; uint64 epoch; opaque sealed_commit_hash[32]; opaque next_public_key[32];
//          opaque read_token_hash[32]; opaque fan_out_hash[32]; } GateMove;
// Signed under kGateLabel by the gate key of `epoch`.
struct GateMove {
  GroupHandle handle{};
  uint64_t epoch = 0;
  Hash sealed_commit_hash{};
  PublicKey next_public_key{};
  Hash read_token_hash{};
  Hash fan_out_hash{};  // FanOutHash; zeros in the record inside envelopes, whose hash it would be
  bool operator==(const GateMove&) const = default;
};
Bytes Encode(const GateMove& move);

// struct { GateMove move; opaque signature[64]; } GateRecord;
struct GateRecord {
  GateMove move;
  Signature signature{};
  bool operator==(const GateRecord&) const = default;
};
Bytes Encode(const GateRecord& record);
absl::StatusOr<GateRecord> ReadGateRecord(Reader& in);
absl::StatusOr<GateRecord> ParseGateRecord(ByteView wire);

// One envelope of the request that carries the commit.
struct FanOutEnvelope {
  EnvelopeId envelope_id{};
  MailboxId mailbox_id{};
  Hash sealed_hash{};  // SHA-256 of the sealed bytes
};
// SHA-256 over the envelopes in the order of their ids, each as envelope_id || mailbox_id || sealed_hash.
Hash FanOutHash(std::vector<FanOutEnvelope> envelopes);

// Associated data of the sealed commit: handle || uint64 epoch.
Bytes SealedCommitContext(const GroupHandle& handle, uint64_t epoch);

}  // namespace plumbline::identity
