#include "common/identity/device_decision.h"

#include "common/identity/codes.h"
#include "common/identity/labels.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

Hash HashOf(const JoinRequest& request) {
  Writer out;
  out.Fixed(AsBytes(kJoinRequestLabel))
      .Vector(AsBytes(request.user))
      .Fixed(request.tls_key_hash)
      .Fixed(request.working_public_key)
      .Fixed(request.mls_signature_public_key);
  return Sha256(out.view());
}

std::string ApprovalCode(const JoinRequest& request) {
  return CodeOf(ByteView(HashOf(request)).first(kCodeBytes));
}

Bytes Encode(const DeviceDecision& decision) {
  Writer out;
  out.U8(kVersion)
      .U8(static_cast<uint8_t>(decision.decision))
      .Vector(AsBytes(decision.user))
      .Fixed(decision.device_id)
      .Fixed(decision.subject_hash)
      .Vector(AsBytes(decision.label))
      .Fixed(decision.signer_device_id)
      .U64(decision.time_unix);
  return out.TakeBytes();
}

absl::StatusOr<DeviceDecision> ParseDeviceDecision(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a device decision"));
  ASSIGN_OR_RETURN(const uint8_t decision, in.U8());
  if (decision < 1 || decision > 3) return absl::InvalidArgumentError("unknown decision");
  DeviceDecision out;
  out.decision = static_cast<Decision>(decision);
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.subject_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.label, ReadText(in, kMaxDeviceLabel));
  ASSIGN_OR_RETURN(out.signer_device_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.time_unix, in.U64());
  RETURN_IF_ERROR(in.Done());
  if (out.decision != Decision::kApprove && !out.label.empty()) {
    return absl::InvalidArgumentError("only an approval has a label");
  }
  if (out.device_id == out.signer_device_id)
    return absl::InvalidArgumentError("a device does not decide about itself");
  return out;
}

}  // namespace plumbline::identity
