#include "common/directory/opening.h"

#include <algorithm>

#include "common/identity/version.h"

namespace plumbline::directory {
namespace {

constexpr uint8_t kVersion = 1;

absl::StatusOr<OpenedRecord> ReadRecord(Reader& in) {
  OpenedRecord out;
  ASSIGN_OR_RETURN(out.nonce.bytes, identity::ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const ByteView record, in.Vector(identity::kMaxRecord));
  out.record = ToBytes(record);
  ASSIGN_OR_RETURN(const ByteView proof, in.Fixed(crypto::kVrfProofSize));
  std::copy(proof.begin(), proof.end(), out.index_proof.begin());
  return out;
}

absl::StatusOr<OpenedCause> ReadCause(Reader& in) {
  OpenedCause out;
  ASSIGN_OR_RETURN(out.nonce.bytes, identity::ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const ByteView cause, in.Vector(kMaxCause));
  out.cause = ToBytes(cause);
  return out;
}

}  // namespace

Bytes Encode(const Opening& opening) {
  Writer out;
  out.U8(kVersion).U64(opening.place).Present(opening.record.has_value());
  if (opening.record)
    out.Fixed(opening.record->nonce.bytes).Vector(opening.record->record).Fixed(opening.record->index_proof);
  out.Present(opening.cause.has_value());
  if (opening.cause) out.Fixed(opening.cause->nonce.bytes).Vector(opening.cause->cause);
  return out.TakeBytes();
}

absl::StatusOr<Opening> ParseOpening(ByteView wire) {
  if (wire.size() > kMaxOpening) return absl::InvalidArgumentError("an opening is too long");
  Reader in(wire);
  RETURN_IF_ERROR(identity::TakeVersion(in, kVersion, "an opening"));
  Opening out;
  ASSIGN_OR_RETURN(out.place, in.U64());
  ASSIGN_OR_RETURN(const bool record, in.Present());
  if (record) {
    ASSIGN_OR_RETURN(out.record, ReadRecord(in));
  }
  ASSIGN_OR_RETURN(const bool cause, in.Present());
  if (cause) {
    ASSIGN_OR_RETURN(out.cause, ReadCause(in));
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<Opening> ReadOpening(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView wire, in.Vector(kMaxOpening));
  return ParseOpening(wire);
}

absl::Status CheckOpens(const Opening& opening, const tlog::EntryLeaf& entry) {
  if (opening.record && identity::CommitToRecord(opening.record->record, opening.record->nonce) != entry.commitment)
    return absl::UnauthenticatedError("the record is not the one that the log committed to");
  if (opening.cause && identity::CommitToCause(opening.cause->cause, opening.cause->nonce) != entry.cause)
    return absl::UnauthenticatedError("the cause is not the one that the log committed to");
  return absl::OkStatus();
}

}  // namespace plumbline::directory
