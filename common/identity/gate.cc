#include "common/identity/gate.h"

#include <algorithm>

namespace plumbline::identity {

Bytes Encode(const GateMove& move) {
  Writer out;
  out.Fixed(move.handle)
      .U64(move.epoch)
      .Fixed(move.sealed_commit_hash)
      .Fixed(move.next_public_key)
      .Fixed(move.read_token_hash)
      .Fixed(move.fan_out_hash);
  return out.TakeBytes();
}

Bytes Encode(const GateRecord& record) { return Concat({Encode(record.move), record.signature}); }

absl::StatusOr<GateRecord> ReadGateRecord(Reader& in) {
  GateRecord out;
  ASSIGN_OR_RETURN(out.move.handle, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.move.epoch, in.U64());
  ASSIGN_OR_RETURN(out.move.sealed_commit_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.move.next_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.move.read_token_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.move.fan_out_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  return out;
}

absl::StatusOr<GateRecord> ParseGateRecord(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(GateRecord out, ReadGateRecord(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Hash FanOutHash(std::vector<FanOutEnvelope> envelopes) {
  std::sort(envelopes.begin(), envelopes.end(),
            [](const FanOutEnvelope& a, const FanOutEnvelope& b) { return a.envelope_id < b.envelope_id; });
  Writer out;
  for (const FanOutEnvelope& envelope : envelopes) {
    out.Fixed(envelope.envelope_id).Fixed(envelope.mailbox_id).Fixed(envelope.sealed_hash);
  }
  return Sha256(out.view());
}

Bytes SealedCommitContext(const GroupHandle& handle, uint64_t epoch) {
  return Writer().Fixed(handle).U64(epoch).TakeBytes();
}

}  // namespace plumbline::identity
