#include "client/own_devices.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/x509.h"
#include "common/identity/codes.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"

namespace plumbline::client {
namespace {

using identity::Decision;

// What the keys in the request identify. The proofs are over a code that is not known here; that
// their holder has them was checked by the key server, and what matters here is that the keys are
// those whose code the other screen shows.
absl::StatusOr<identity::JoinRequest> ReadRequest(const keys::v1::EnrolRequest& request,
                                                  const std::string& user) {
  ASSIGN_OR_RETURN(const auto csr, crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
  ASSIGN_OR_RETURN(const auto working,
                   crypto::Ed25519PublicKey::Parse(AsBytes(request.working_public_key())));
  ASSIGN_OR_RETURN(const auto mls,
                   crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key())));
  RETURN_IF_ERROR(identity::CheckText(request.device_label(), identity::kMaxDeviceLabel));
  identity::JoinRequest out;
  out.user = user;
  out.tls_key_hash = Sha256(csr.spki());
  ASSIGN_OR_RETURN(out.working_public_key, identity::ToFixed<32>(working.view()));
  ASSIGN_OR_RETURN(out.mls_signature_public_key, identity::ToFixed<32>(mls.view()));
  return out;
}

}  // namespace

absl::StatusOr<Contact> OwnDevices::OwnContact() {
  return AcceptProved(log_, book_, self_.user(), [this]() -> absl::StatusOr<ProvedAnswer> {
    ASSIGN_OR_RETURN(keys::v1::GetOwnAccountResponse response, network_.GetOwnAccount());
    return ProvedAnswer{std::move(*response.mutable_record()), response.answer(), response.follow_key()};
  });
}

absl::StatusOr<std::vector<OwnDevice>> OwnDevices::List() {
  ASSIGN_OR_RETURN(const Contact own, OwnContact());
  const bool all = Directory::StateOf(own) == Verification::kVerified;
  std::vector<OwnDevice> out;
  for (const identity::RecordDevice& device : own.parsed.devices) {
    const bool is_this = device.device_id == self_.device();
    out.push_back({device, is_this, is_this || all});
  }
  return out;
}

absl::StatusOr<OwnDevices::Invitation> OwnDevices::Invite(absl::Duration life) {
  const int64_t seconds = absl::ToInt64Seconds(life);
  if (seconds < 60 || seconds > 86400) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "life_out_of_range",
                            "an invitation lives from a minute to a day");
  }
  identity::Invitation invitation;
  invitation.domain = self_.domain();
  invitation.root_fingerprint = Sha256(self_.root().der());
  invitation.keyserver_address = self_.account().keyserver_address;
  invitation.user = self_.user();
  invitation.code = identity::GenerateCode();
  invitation.by_device = true;
  keys::v1::InviteDeviceRequest request;
  request.set_code_public_key(ToString(identity::EnrolmentCodeKey(self_.user(), invitation.code).public_key().view()));
  request.set_life_seconds(static_cast<uint32_t>(seconds));
  ASSIGN_OR_RETURN(const keys::v1::InviteDeviceResponse response, network_.InviteDevice(request));
  invitation.expires_unix = static_cast<uint64_t>(response.expires_unix());
  return Invitation{identity::FormatInvitation(invitation),
                    absl::FromUnixSeconds(response.expires_unix())};
}

absl::StatusOr<std::vector<WaitingDevice>> OwnDevices::Waiting() {
  ASSIGN_OR_RETURN(const keys::v1::ListJoinRequestsResponse response, network_.ListJoinRequests());
  ASSIGN_OR_RETURN(const std::optional<Contact> own, stores_.contacts.Find(self_.user()));
  std::vector<WaitingDevice> out;
  for (const keys::v1::WaitingDevice& offered : response.waiting()) {
    const absl::StatusOr<identity::JoinRequest> request =
        ReadRequest(offered.request(), self_.user());
    const absl::StatusOr<identity::DeviceId> id =
        identity::ToFixed<16>(AsBytes(offered.device_id()));
    const absl::StatusOr<identity::DeviceId> inviter =
        identity::ToFixed<16>(AsBytes(offered.invited_by()));
    if (!request.ok() || !id.ok() || !inviter.ok()) continue;
    WaitingDevice device;
    device.device_id = *id;
    device.request_hash = HashOf(*request);
    device.code = ApprovalCode(*request);
    device.label = offered.request().device_label();
    device.key_fingerprint = ToHex(Sha256(request->mls_signature_public_key));
    const identity::RecordDevice* known =
        own ? identity::FindDevice(own->parsed, *inviter) : nullptr;
    device.invited_by = known != nullptr ? known->label
                        : *inviter == identity::DeviceId{} ? "an administrator: a registrar activates it, you may refuse it"
                                                           : ToHex(*inviter);
    device.asked = absl::FromUnixSeconds(offered.asked_unix());
    device.expires = absl::FromUnixSeconds(offered.expires_unix());
    out.push_back(std::move(device));
  }
  return out;
}

absl::StatusOr<WaitingDevice> OwnDevices::Find(absl::string_view typed_code) {
  const absl::StatusOr<std::string> code = identity::NormaliseCode(typed_code);
  if (!code.ok()) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "code_malformed",
                            code.status().message());
  }
  ASSIGN_OR_RETURN(const std::vector<WaitingDevice> waiting, Waiting());
  for (const WaitingDevice& device : waiting) {
    if (device.code == *code) return device;
  }
  return identity::Refuse(
      absl::StatusCode::kNotFound, "join_unknown",
      waiting.empty()
          ? "no device asks to join; begin with `plumbline devices invite`"
          : "no device that asks to join has this code: compare it again with the other screen. If "
            "it is the same there, somebody else is asking in its place: do not approve anything");
}

absl::StatusOr<keys::v1::DecideDeviceResponse> OwnDevices::Decide(
    identity::DeviceDecision decision) {
  decision.user = self_.user();
  decision.signer_device_id = self_.device();
  decision.time_unix =
      static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(clock_.Now())));
  const Bytes wire = Encode(decision);
  keys::v1::DecideDeviceRequest request;
  request.set_decision(ToString(wire));
  request.set_signature(ToString(self_.working_key().Sign(identity::kDeviceDecisionLabel, wire)));
  return network_.DecideDevice(request);
}

absl::Status OwnDevices::Approve(const WaitingDevice& device) {
  ASSIGN_OR_RETURN(const Contact before, OwnContact());
  const bool all_known =
      before.parsed.devices.size() == 1 || Directory::StateOf(before) == Verification::kVerified;
  identity::DeviceDecision decision;
  decision.decision = Decision::kApprove;
  decision.device_id = device.device_id;
  decision.subject_hash = device.request_hash;
  decision.label = device.label;
  ASSIGN_OR_RETURN(const keys::v1::DecideDeviceResponse response, Decide(std::move(decision)));
  ASSIGN_OR_RETURN(const Contact after,
                   book_.Accept(response.record(), self_.user(), std::nullopt, device.device_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  const identity::Hash devices = DevicesHash(after.parsed);
  RETURN_IF_ERROR(stores_.contacts.SetShown(change, self_.user(), devices));
  if (all_known)
    RETURN_IF_ERROR(stores_.contacts.SetVerified(change, self_.user(), ToBytes(devices)));
  return change.Commit();
}

absl::Status OwnDevices::Refuse(const WaitingDevice& device) {
  identity::DeviceDecision decision;
  decision.decision = Decision::kRefuse;
  decision.device_id = device.device_id;
  decision.subject_hash = device.request_hash;
  return Decide(std::move(decision)).status();
}

absl::StatusOr<OwnDevice> OwnDevices::FindOwn(absl::string_view typed_id) {
  ASSIGN_OR_RETURN(const std::vector<OwnDevice> all, List());
  std::vector<OwnDevice> found;
  for (const OwnDevice& each : all) {
    if (!typed_id.empty() &&
        absl::StartsWith(ToHex(each.device.device_id), absl::AsciiStrToLower(typed_id)))
      found.push_back(each);
  }
  if (found.size() != 1) {
    return identity::Refuse(
        absl::StatusCode::kNotFound, "device_unknown",
        found.empty() ? "you have no device of that id; see `plumbline devices`"
                      : "several of your devices have an id that begins so; write more of it");
  }
  if (found.front().is_this) {
    return identity::Refuse(
        absl::StatusCode::kFailedPrecondition, "own_device",
        "a device does not remove itself; do it from another one, or ask your administrator");
  }
  return found.front();
}

absl::StatusOr<keys::v1::RevocationView> OwnDevices::Remove(const OwnDevice& device) {
  ASSIGN_OR_RETURN(const std::optional<Contact> own, stores_.contacts.Find(self_.user()));
  if (!own.has_value())
    return absl::DataLossError("the own directory record vanished from the client's store");
  const bool all_known = Directory::StateOf(*own) == Verification::kVerified;
  identity::DeviceDecision decision;
  decision.decision = Decision::kRemove;
  decision.device_id = device.device.device_id;
  decision.subject_hash = Sha256(own->record);
  ASSIGN_OR_RETURN(const keys::v1::DecideDeviceResponse response, Decide(std::move(decision)));
  ASSIGN_OR_RETURN(const Contact after,
                   book_.Accept(response.record(), self_.user(), std::nullopt, device.device.device_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  const identity::Hash devices = DevicesHash(after.parsed);
  RETURN_IF_ERROR(stores_.contacts.SetShown(change, self_.user(), devices));
  if (all_known)
    RETURN_IF_ERROR(stores_.contacts.SetVerified(change, self_.user(), ToBytes(devices)));
  RETURN_IF_ERROR(change.Commit());
  return response.revocation();
}

}  // namespace plumbline::client
