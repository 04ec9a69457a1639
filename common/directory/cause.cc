#include "common/directory/cause.h"

#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::directory {
namespace {

using identity::ReadFixed;

constexpr uint8_t kVersion = 1;

void Write(Writer& out, const SignedIntent& cause) {
  Writer signatures;
  for (const SignedIntent::Signature& each : cause.signatures) signatures.Fixed(each.key_id).Fixed(each.signature);
  out.Vector(cause.intent).U64(cause.revision).Vector(signatures.view());
}

void Write(Writer& out, const Enrolment& cause) {
  out.Vector(cause.proof)
      .Fixed(cause.code_signature)
      .Fixed(cause.working_signature)
      .Fixed(cause.mls_signature)
      .Vector(cause.credential);
  Write(out, cause.code);
}

void Write(Writer& out, const Decided::Joined& joined) {
  out.Vector(AsBytes(joined.request.user))
      .Fixed(joined.request.tls_key_hash)
      .Fixed(joined.request.working_public_key)
      .Fixed(joined.request.mls_signature_public_key)
      .Vector(joined.credential);
}

void Write(Writer& out, const Decided& cause) {
  out.Vector(cause.decision).Fixed(cause.signature).Present(cause.joined.has_value());
  if (cause.joined) Write(out, *cause.joined);
}

void Write(Writer& out, const Activated& cause) {
  Write(out, cause.intent);
  Write(out, cause.joined);
}

void Write(Writer& out, const Adopted& cause) {
  Writer devices;
  for (const Adopted::Device& each : cause.devices) devices.Fixed(each.device_id).Fixed(each.working_public_key);
  out.Vector(devices.view());
}

void Write(Writer& out, const Renewed& cause) { out.Vector(cause.renewal).Fixed(cause.signature).Vector(cause.credential); }

absl::StatusOr<Bytes> ReadBytes(Reader& in, size_t max_size) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(max_size));
  return ToBytes(bytes);
}

absl::StatusOr<SignedIntent> ReadSignedIntent(Reader& in) {
  SignedIntent out;
  ASSIGN_OR_RETURN(out.intent, ReadBytes(in, identity::kMaxIntent));
  ASSIGN_OR_RETURN(out.revision, in.U64());
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxIntentSignatures * (32 + 64)));
  Reader signatures(list);
  while (!signatures.AtEnd()) {
    SignedIntent::Signature& each = out.signatures.emplace_back();
    ASSIGN_OR_RETURN(each.key_id, ReadFixed<32>(signatures));
    ASSIGN_OR_RETURN(each.signature, ReadFixed<64>(signatures));
  }
  if (out.signatures.empty()) return absl::InvalidArgumentError("an intent has 1 to 8 signatures");
  return out;
}

absl::StatusOr<Enrolment> ReadEnrolment(Reader& in) {
  Enrolment out;
  ASSIGN_OR_RETURN(out.proof, ReadBytes(in, kMaxCauseMessage));
  ASSIGN_OR_RETURN(out.code_signature, ReadFixed<64>(in));
  ASSIGN_OR_RETURN(out.working_signature, ReadFixed<64>(in));
  ASSIGN_OR_RETURN(out.mls_signature, ReadFixed<64>(in));
  ASSIGN_OR_RETURN(out.credential, ReadBytes(in, kMaxCauseCredential));
  ASSIGN_OR_RETURN(out.code, ReadSignedIntent(in));
  return out;
}

absl::StatusOr<Decided::Joined> ReadJoined(Reader& in) {
  Decided::Joined out;
  ASSIGN_OR_RETURN(out.request.user, identity::ReadUserUri(in));
  ASSIGN_OR_RETURN(out.request.tls_key_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.request.working_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.request.mls_signature_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.credential, ReadBytes(in, kMaxCauseCredential));
  return out;
}

absl::StatusOr<Decided> ReadDecided(Reader& in) {
  Decided out;
  ASSIGN_OR_RETURN(out.decision, ReadBytes(in, kMaxCauseMessage));
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  ASSIGN_OR_RETURN(const bool joined, in.Present());
  if (joined) {
    ASSIGN_OR_RETURN(out.joined, ReadJoined(in));
  }
  return out;
}

absl::StatusOr<Adopted> ReadAdopted(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(identity::kMaxDevices * (16 + 32)));
  Reader devices(list);
  Adopted out;
  while (!devices.AtEnd()) {
    Adopted::Device each;
    ASSIGN_OR_RETURN(each.device_id, ReadFixed<16>(devices));
    ASSIGN_OR_RETURN(each.working_public_key, ReadFixed<32>(devices));
    if (!out.devices.empty() && !(out.devices.back().device_id < each.device_id))
      return absl::InvalidArgumentError("an adopted record's devices are not in order");
    out.devices.push_back(each);
  }
  return out;
}

absl::StatusOr<Activated> ReadActivated(Reader& in) {
  Activated out;
  ASSIGN_OR_RETURN(out.intent, ReadSignedIntent(in));
  ASSIGN_OR_RETURN(out.joined, ReadJoined(in));
  return out;
}

absl::StatusOr<Renewed> ReadRenewed(Reader& in) {
  Renewed out;
  ASSIGN_OR_RETURN(out.renewal, ReadBytes(in, kMaxCauseMessage));
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  ASSIGN_OR_RETURN(out.credential, ReadBytes(in, kMaxCauseCredential));
  return out;
}

absl::StatusOr<Cause> ReadKind(Reader& in, uint8_t kind) {
  switch (kind) {
    case 1:
      return ReadSignedIntent(in);
    case 2:
      return ReadEnrolment(in);
    case 3:
      return ReadDecided(in);
    case 4:
      return ReadAdopted(in);
    case 5:
      return ReadActivated(in);
    case 6:
      return ReadRenewed(in);
    default:
      return absl::InvalidArgumentError("unknown kind of cause");
  }
}

}  // namespace

Bytes Encode(const Cause& cause) {
  Writer out;
  out.U8(kVersion).U8(static_cast<uint8_t>(cause.index() + 1));
  std::visit([&](const auto& kind) { Write(out, kind); }, cause);
  return out.TakeBytes();
}

absl::StatusOr<Cause> ParseCause(ByteView wire) {
  if (wire.size() > kMaxCause) return absl::InvalidArgumentError("a cause is too long");
  Reader in(wire);
  RETURN_IF_ERROR(identity::TakeVersion(in, kVersion, "a cause"));
  ASSIGN_OR_RETURN(const uint8_t kind, in.U8());
  ASSIGN_OR_RETURN(Cause out, ReadKind(in, kind));
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::directory
