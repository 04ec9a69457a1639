#include "keyserver/join_desk.h"

#include <algorithm>

#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/devices.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Decision;
using identity::Refuse;

constexpr int kRaces = 5;  // times we look again after losing a race for the account
constexpr uint32_t kMinInvitationSeconds = 60, kMaxInvitationSeconds = 86400;

absl::Status RefuseCode(absl::string_view reason, absl::string_view text) {
  return Refuse(absl::StatusCode::kUnauthenticated, reason, text);
}

absl::Status DecisionInvalid(absl::string_view text) {
  return Refuse(absl::StatusCode::kPermissionDenied, "decision_invalid", text);
}

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", text);
}

absl::Status JoinUnknown() {
  return Refuse(absl::StatusCode::kNotFound, "join_unknown",
                "no device of this person asks to join with these keys, or it asked too long ago");
}

}  // namespace

absl::Status JoinDesk::Ask(const keys::v1::EnrolRequest& request, keys::v1::AskResponse& response) {
  const absl::Status status = TryAsk(request, response);
  if (status.ok()) return status;
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  const bool ours = user.ok() && user->domain == organisation_.domain();
  return refusals_.Refused(audit::Event::kEnrolmentRefused, "", ours ? request.user() : "", status);
}

absl::Status JoinDesk::TryAsk(const keys::v1::EnrolRequest& request,
                              keys::v1::AskResponse& response) {
  ASSIGN_OR_RETURN(const VerifiedApplication application,
                   ReadApplication(request, organisation_.domain()));
  Join join;
  join.hash = HashOf(JoinRequestOf(application));
  ASSIGN_OR_RETURN(const std::optional<Join> known, stores_.joins.Find(join.hash));
  if (known) {  // the same keys have proven themselves before: an answer was lost
    response.set_expires_unix(known->expires_unix);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(join.invited_by, CheckInvitation(application));
  ASSIGN_OR_RETURN(const Account account, stores_.accounts.Find(application.user));
  if (account.suspended || account.removed) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended",
                  "the account is suspended; ask your administrator");
  }
  if (account.devices.size() >= identity::kMaxDevices) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_devices",
                  "an account has at most 32 devices");
  }
  const absl::Time now = clock_.Now();
  // Field by field: nothing that this version does not know, and nothing of the code.
  keys::v1::EnrolRequest kept;
  kept.set_user(request.user());
  kept.set_tls_csr(request.tls_csr());
  kept.set_working_public_key(request.working_public_key());
  kept.set_mls_signature_public_key(request.mls_signature_public_key());
  kept.set_working_proof(request.working_proof());
  kept.set_mls_proof(request.mls_proof());
  kept.set_device_label(request.device_label());
  join.user = application.user;
  join.device_id = identity::RandomFixed<16>();
  join.request = ToBytes(AsBytes(kept.SerializeAsString()));
  join.asked_unix = absl::ToUnixSeconds(now);
  join.expires_unix = absl::ToUnixSeconds(now + kJoinWait);
  audit::Entry entry;
  entry.event = audit::Event::kDeviceAsked;
  entry.actor = application.user;
  entry.subject = identity::DeviceUri{organisation_.domain(), join.device_id}.ToString();
  entry.details = {{"invited_by", ToHex(join.invited_by)}, {"request", ToHex(join.hash)}};
  RETURN_IF_ERROR(stores_.joins.Ask(join, application.code_key, now, entry));
  response.set_expires_unix(join.expires_unix);
  return absl::OkStatus();
}

absl::StatusOr<identity::DeviceId> JoinDesk::CheckInvitation(
    const VerifiedApplication& application) {
  ASSIGN_OR_RETURN(
      const JoinStore::Tried tried,
      stores_.joins.TryInvitation(application.user, application.code_key, clock_.Now()));
  switch (tried.verdict) {
    case CodeVerdict::kGood:
      return tried.invited_by;
    case CodeVerdict::kExpired:
      return RefuseCode(
          "code_expired",
          "the invitation has expired; make a new one with `plumbline devices invite`");
    case CodeVerdict::kUsed:
      return RefuseCode(
          "code_used",
          "the invitation was used before; if that was not you, refuse the device that waits");
    case CodeVerdict::kExhausted:
      return RefuseCode("code_exhausted", "too many wrong codes; make a new invitation");
    default:
      return RefuseCode("code_wrong",
                        "there is no such invitation; it may have been replaced by a newer one");
  }
}

absl::Status JoinDesk::Collect(const keys::v1::CollectRequest& request,
                               keys::v1::CollectResponse& response) {
  const absl::StatusOr<identity::Hash> hash =
      identity::ToFixed<32>(AsBytes(request.request_hash()));
  if (!hash.ok()) return Malformed("a request's hash has 32 bytes");
  ASSIGN_OR_RETURN(const std::optional<Join> join, stores_.joins.Find(*hash));
  if (!join) return JoinUnknown();
  response.set_expires_unix(join->expires_unix);
  if (join->state == JoinState::kRefused) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "join_refused",
        "another device of yours refused this one; if that was a mistake, make a new invitation");
  }
  if (join->state == JoinState::kWaiting) {
    if (absl::ToUnixSeconds(clock_.Now()) < join->expires_unix) return absl::OkStatus();
    return Refuse(absl::StatusCode::kFailedPrecondition, "join_expired",
                  "nobody approved this device in time; make a new invitation");
  }
  ASSIGN_OR_RETURN(const Account account, stores_.accounts.Find(join->user));
  for (const Device& device : account.devices) {
    if (device.id != join->device_id) continue;
    return FillEnrolled(organisation_, account, device, join->tls_certificate, *response.mutable_enrolled());
  }
  return Refuse(absl::StatusCode::kFailedPrecondition, "device_revoked",
                "this device was approved and removed again");
}

absl::Status JoinDesk::InviteDevice(const crypto::Certificate* caller,
                                    const keys::v1::SignedRequest& request,
                                    keys::v1::InviteDeviceResponse& response) {
  keys::v1::InviteDeviceRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "InviteDevice", request, body));
  EnrolmentCode code;
  const absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(AsBytes(body.code_public_key()));
  if (!key.ok() || body.life_seconds() < kMinInvitationSeconds ||
      body.life_seconds() > kMaxInvitationSeconds) {
    return devices_.Refused(
        caller, Malformed("an invitation has an Ed25519 key and lives a minute to a day"));
  }
  code.key = *identity::ToFixed<32>(key->view());
  code.expires_unix =
      static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())) + body.life_seconds();
  code.attempts = organisation_.limits().code_attempts;
  audit::Entry entry;
  entry.event = audit::Event::kDeviceInvited;
  entry.actor = identity::DeviceUri{organisation_.domain(), device.id}.ToString();
  entry.subject = device.user;
  const absl::Status status = stores_.joins.Invite(device.user, device.id, code, entry);
  if (!status.ok()) return devices_.Refused(caller, status);
  response.set_expires_unix(static_cast<int64_t>(code.expires_unix));
  return absl::OkStatus();
}

absl::Status JoinDesk::ListJoinRequests(const crypto::Certificate* caller,
                                        const keys::v1::SignedRequest& request,
                                        keys::v1::ListJoinRequestsResponse& response) {
  keys::v1::ListJoinRequestsRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "ListJoinRequests", request, body));
  ASSIGN_OR_RETURN(const std::vector<Join> waiting,
                   stores_.joins.Waiting(device.user, clock_.Now()));
  for (const Join& join : waiting) {
    keys::v1::WaitingDevice& out = *response.add_waiting();
    if (!out.mutable_request()->ParseFromString(ToString(join.request))) {
      return absl::DataLossError("a stored request does not parse");
    }
    out.set_device_id(ToString(join.device_id));
    out.set_invited_by(ToString(join.invited_by));
    out.set_asked_unix(join.asked_unix);
    out.set_expires_unix(join.expires_unix);
  }
  return absl::OkStatus();
}

absl::Status JoinDesk::DecideDevice(const crypto::Certificate* caller,
                                    const keys::v1::SignedRequest& request,
                                    keys::v1::DecideDeviceResponse& response) {
  keys::v1::DecideDeviceRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "DecideDevice", request, body));
  identity::DeviceDecision decision;
  absl::StatusOr<DecisionTrace> trace =
      ReadDecision(device, AsBytes(body.decision()), AsBytes(body.signature()), decision);
  if (!trace.ok()) return devices_.Refused(caller, trace.status());
  absl::Status status;
  for (int i = 0; i < kRaces; ++i) {
    response.Clear();
    status = Decide(device, decision, *trace, response);
    // A removal is bound to the record that the person saw: it is for them to look again.
    if (!absl::IsAborted(status) || decision.decision == Decision::kRemove) break;
  }
  if (!status.ok()) return devices_.Refused(caller, status);
  return absl::OkStatus();
}

absl::StatusOr<DecisionTrace> JoinDesk::ReadDecision(const Device& signer, ByteView wire,
                                                     ByteView signature,
                                                     identity::DeviceDecision& decision) const {
  const absl::StatusOr<identity::DeviceDecision> parsed = identity::ParseDeviceDecision(wire);
  if (!parsed.ok()) return Malformed(parsed.status().message());
  ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(signer.working_key));
  if (!key.Verify(identity::kDeviceDecisionLabel, wire, signature).ok()) {
    return DecisionInvalid("the deciding device's signature does not verify over this decision");
  }
  if (parsed->user != signer.user || parsed->signer_device_id != signer.id) {
    return DecisionInvalid("a device decides about its own person's devices, in its own name");
  }
  const absl::Duration off =
      clock_.Now() - absl::FromUnixSeconds(static_cast<int64_t>(
                         std::min<uint64_t>(parsed->time_unix, uint64_t{1} << 40)));
  if (off > kDecisionSkew || off < -kDecisionSkew) {
    return DecisionInvalid(
        "the decision is not of now; check this device's clock and decide again");
  }
  decision = *parsed;
  DecisionTrace trace;
  trace.hash = Sha256(wire);
  trace.decision = ToBytes(wire);
  trace.signature = ToBytes(signature);
  trace.entry.actor = identity::DeviceUri{organisation_.domain(), signer.id}.ToString();
  trace.entry.subject = identity::DeviceUri{organisation_.domain(), decision.device_id}.ToString();
  trace.entry.details = {{"person", signer.user}, {"decision", ToHex(trace.hash)}};
  return trace;
}

absl::Status JoinDesk::Decide(const Device& signer, const identity::DeviceDecision& decision,
                              DecisionTrace& trace, keys::v1::DecideDeviceResponse& response) {
  switch (decision.decision) {
    case Decision::kApprove:
      trace.entry.event = audit::Event::kDeviceApproved;
      return Approve(decision, trace, response);
    case Decision::kRefuse: {
      trace.entry.event = audit::Event::kDeviceDeclined;
      ASSIGN_OR_RETURN(const Join join, FindJoin(decision));
      RETURN_IF_ERROR(stores_.joins.Refuse(join.hash, clock_.Now(), trace));
      ASSIGN_OR_RETURN(const Account account, stores_.accounts.Find(signer.user));
      Fill(account, *response.mutable_record());
      return absl::OkStatus();
    }
    case Decision::kRemove:
      trace.entry.event = audit::Event::kDeviceRevoked;
      return Remove(decision, trace, response);
  }
  return absl::InternalError("unknown decision");
}

absl::StatusOr<Join> JoinDesk::FindJoin(const identity::DeviceDecision& decision) {
  ASSIGN_OR_RETURN(std::optional<Join> join, stores_.joins.Find(decision.subject_hash));
  if (!join || join->user != decision.user || join->device_id != decision.device_id)
    return JoinUnknown();
  return *std::move(join);
}

absl::Status JoinDesk::Approve(const identity::DeviceDecision& decision, const DecisionTrace& trace,
                               keys::v1::DecideDeviceResponse& response) {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const Join join, FindJoin(decision));
  if (join.invited_by == kByRegistrar) {
    return Refuse(absl::StatusCode::kPermissionDenied, "registrar_needed",
                  "an administrator invited this device, and has to activate it; you may refuse it");
  }
  ASSIGN_OR_RETURN(const VerifiedApplication application, ReadKeptApplication(join.request));
  if (application.label != decision.label) {
    return DecisionInvalid("the label is not the one that the new device gave itself");
  }
  ASSIGN_OR_RETURN(const NewDevice made, Certify(organisation_, application, join.device_id, now));
  ASSIGN_OR_RETURN(Account account, stores_.accounts.Find(join.user));
  if (account.devices.size() >= identity::kMaxDevices) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_devices",
                  "an account has at most 32 devices");
  }
  const uint64_t revision = account.revision;
  AddTo(account, made.device);
  ASSIGN_OR_RETURN(account.record,
                   NextRecord(account, trace.hash, organisation_.keys().directory.key));
  DecisionTrace whole = trace;
  whole.joined = {JoinRequestOf(application), made.device.credential};
  RETURN_IF_ERROR(stores_.joins.Approve(join.hash, made.device, made.tls.der(), revision,
                                        account.record, now, whole));
  publisher_.PublishAndWait();
  Fill(account, *response.mutable_record());
  return absl::OkStatus();
}

absl::Status JoinDesk::Remove(const identity::DeviceDecision& decision, const DecisionTrace& trace,
                              keys::v1::DecideDeviceResponse& response) {
  ASSIGN_OR_RETURN(Account account, stores_.accounts.Find(decision.user));
  if (Sha256(account.record.bytes) != decision.subject_hash) {
    return Refuse(absl::StatusCode::kAborted, "state_changed",
                  "your devices have changed meanwhile; look again and repeat");
  }
  RETURN_IF_ERROR(
      departures_.Carry(Leaving::kDevice, decision.device_id, trace.hash, trace, account));
  Fill(account, *response.mutable_record());
  return departures_.Describe(account.user, *response.mutable_revocation());
}

}  // namespace plumbline::keyserver
