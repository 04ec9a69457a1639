#include "common/identity/envelope.h"

#include "common/identity/labels.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;

// Fills `out` with zeros until it and `overhead` make a Padmé size.
absl::StatusOr<Bytes> Pad(Writer out, size_t overhead) {
  const size_t needed = out.size() + overhead;
  if (needed > kMaxSealed) return absl::InvalidArgumentError("the content is too long for one envelope");
  out.Fixed(Bytes(PadmeSize(needed) - needed));
  return out.TakeBytes();
}

// Checks that what is left in `in` is exactly the padding of a plaintext of `total` bytes.
absl::Status CheckPadding(const Reader& in, size_t total, size_t overhead) {
  const size_t sealed = total + overhead;
  const size_t needed = sealed - in.rest().size();
  if (sealed > kMaxSealed || PadmeSize(needed) != sealed)
    return absl::InvalidArgumentError("padding has a wrong length");
  for (const uint8_t byte : in.rest()) {
    if (byte != 0) return absl::InvalidArgumentError("padding is not zero");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Bytes> EncodePadded(const EnvelopeContent& content) {
  if (content.payload.size() > kMaxPayload)
    return absl::InvalidArgumentError("the content is too long for one envelope");
  Writer out;
  out.U8(kVersion).U8(static_cast<uint8_t>(content.kind)).Vector(content.payload);
  return Pad(std::move(out), kEnvelopeOverhead);
}

absl::StatusOr<EnvelopeContent> ParseEnvelopeContent(ByteView plaintext) {
  Reader in(plaintext);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "an envelope"));
  ASSIGN_OR_RETURN(const uint8_t kind, in.U8());
  if (kind < 1 || kind > 5) return absl::InvalidArgumentError("unknown kind of envelope");
  ASSIGN_OR_RETURN(const ByteView payload, in.Vector(kMaxPayload));
  RETURN_IF_ERROR(CheckPadding(in, plaintext.size(), kEnvelopeOverhead));
  return EnvelopeContent{static_cast<EnvelopeKind>(kind), ToBytes(payload)};
}

Bytes Encode(const CommitPayload& payload) {
  Writer out;
  out.Fixed(Encode(payload.gate)).Vector(payload.mls_message);
  return out.TakeBytes();
}

absl::StatusOr<CommitPayload> ParseCommitPayload(ByteView wire) {
  Reader in(wire);
  CommitPayload out;
  ASSIGN_OR_RETURN(out.gate, ReadGateRecord(in));
  ASSIGN_OR_RETURN(const ByteView message, in.Vector(kMaxPayload));
  RETURN_IF_ERROR(in.Done());
  out.mls_message = ToBytes(message);
  return out;
}

absl::StatusOr<Bytes> EncodePaddedCommit(ByteView mls_message) {
  if (mls_message.size() > kMaxPayload) return absl::InvalidArgumentError("the commit is too long");
  Writer out;
  out.Vector(mls_message);
  return Pad(std::move(out), kSealedCommitOverhead);
}

absl::StatusOr<Bytes> ParsePaddedCommit(ByteView plaintext) {
  Reader in(plaintext);
  ASSIGN_OR_RETURN(const ByteView message, in.Vector(kMaxPayload));
  RETURN_IF_ERROR(CheckPadding(in, plaintext.size(), kSealedCommitOverhead));
  return ToBytes(message);
}

Bytes EnvelopeInfo(const MailboxId& mailbox_id) { return Concat({AsBytes(kEnvelopeInfoLabel), mailbox_id}); }

}  // namespace plumbline::identity
