#include "keyserver/unlock_desk.h"

#include "absl/strings/str_cat.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/unlock/messages.h"
#include "plumbline/keys/v1/unlock.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::Status Malformed(absl::string_view text) { return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", text); }

absl::Status ProofInvalid() {
  return Refuse(absl::StatusCode::kPermissionDenied, "unlock_proof_invalid", "the proof is not by this device's unlocked store");
}

void Fill(const std::optional<UnlockKeyInfo>& key, keys::v1::UnlockKeyView& out) {
  out.set_version(key->version);
  out.set_public_key(ToString(key->public_key));
}

}  // namespace

std::string UnlockDesk::UriOf(const Device& device) const { return identity::DeviceUri{organisation_.domain(), device.id}.ToString(); }

audit::Entry UnlockDesk::EntryOf(const Device& device, audit::Event event) const {
  audit::Entry entry;
  entry.event = event;
  entry.actor = UriOf(device);
  entry.subject = entry.actor;
  entry.details["person"] = device.user;
  return entry;
}

absl::Status UnlockDesk::Refused(const Device& device, audit::Event event, const absl::Status& status) {
  const std::string uri = UriOf(device);
  return refusals_.Refused(event, uri, uri, status);
}

absl::Status UnlockDesk::GetLockState(const crypto::Certificate* caller, keys::v1::GetLockStateResponse& response) {
  const absl::StatusOr<Device> device = devices_.IdentifyLocked(caller);
  if (!device.ok()) return devices_.Refused(caller, device.status());
  ASSIGN_OR_RETURN(const LockStatus status, stores_.unlock.Look(device->id, clock_.Now()));
  using Response = keys::v1::GetLockStateResponse;
  if (!status.destroyed_by.empty()) {
    response.set_state(Response::STATE_DESTROYED);
    response.set_destroyed_by(status.destroyed_by);
    return absl::OkStatus();
  }
  response.set_state(!status.current                            ? Response::STATE_NONE
                     : status.wait > absl::ZeroDuration() ? Response::STATE_DELAYED
                                                                : Response::STATE_OPEN);
  response.set_attempts_left(status.attempts_left);
  response.set_wait_seconds(static_cast<uint32_t>(absl::ToInt64Seconds(absl::Ceil(status.wait, absl::Seconds(1)))));
  if (status.current) Fill(status.current, *response.mutable_current());
  if (status.pending) Fill(status.pending, *response.mutable_pending());
  return absl::OkStatus();
}

absl::Status UnlockDesk::TryEvaluate(const Device& device, const keys::v1::EvaluateRequest& request, keys::v1::EvaluateResponse& response) {
  const absl::StatusOr<crypto::VoprfElement> blinded = crypto::VoprfElement::Parse(AsBytes(request.blinded_element()));
  if (!blinded.ok()) return Malformed("what is to be evaluated is not an element of the group");
  const identity::Nonce nonce = identity::RandomFixed<32>();
  audit::Entry entry = EntryOf(device, audit::Event::kUnlockAttempted);
  entry.details["key_version"] = absl::StrCat(request.key_version());
  ASSIGN_OR_RETURN(const TakenAttempt taken,
                   stores_.unlock.TakeAttempt(device.id, request.key_version(), nonce, clock_.Now(), entry));
  response.set_evaluation(ToString(taken.key.BlindEvaluate(*blinded).Serialize()));
  response.set_attempts_left(taken.attempts_left);
  response.set_nonce(ToString(nonce));
  return absl::OkStatus();
}

absl::Status UnlockDesk::Evaluate(const crypto::Certificate* caller, const keys::v1::EvaluateRequest& request,
                                  keys::v1::EvaluateResponse& response) {
  const absl::StatusOr<Device> device = devices_.IdentifyLocked(caller);
  if (!device.ok()) return devices_.Refused(caller, device.status());
  const absl::Status status = TryEvaluate(*device, request, response);
  return status.ok() ? status : Refused(*device, audit::Event::kUnlockRefused, status);
}

absl::Status UnlockDesk::TryProve(const Device& device, const keys::v1::ProveUnlockedRequest& request) {
  const absl::StatusOr<identity::Nonce> nonce = identity::ToFixed<32>(AsBytes(request.nonce()));
  if (!nonce.ok()) return Malformed("a nonce has 32 bytes");
  ASSIGN_OR_RETURN(const identity::PublicKey stored, stores_.unlock.ProofKey(device.id, request.key_version()));
  ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(stored));
  const unlock::UnlockProof proof{device.id, request.key_version(), *nonce};
  if (!key.Verify(identity::kUnlockProofLabel, Encode(proof), AsBytes(request.signature())).ok()) return ProofInvalid();
  return stores_.unlock.GiveBack(device.id, *nonce, clock_.Now(), EntryOf(device, audit::Event::kUnlockProved));
}

absl::Status UnlockDesk::ProveUnlocked(const crypto::Certificate* caller, const keys::v1::ProveUnlockedRequest& request,
                                       keys::v1::ProveUnlockedResponse& response) {
  const absl::StatusOr<Device> device = devices_.IdentifyLocked(caller);
  if (!device.ok()) return devices_.Refused(caller, device.status());
  const absl::Status status = TryProve(*device, request);
  if (!status.ok()) return Refused(*device, audit::Event::kUnlockRefused, status);
  response.set_attempts_left(kUnlockAttempts);
  return absl::OkStatus();
}

absl::Status UnlockDesk::BeginUnlockKey(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                        keys::v1::BeginUnlockKeyResponse& response) {
  keys::v1::BeginUnlockKeyRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "BeginUnlockKey", request, body));
  const absl::StatusOr<UnlockKeyInfo> key =
      stores_.unlock.Begin(device.id, clock_.Now(), EntryOf(device, audit::Event::kUnlockKeyBegun));
  if (!key.ok()) return Refused(device, audit::Event::kUnlockRefused, key.status());
  Fill(*key, *response.mutable_key());
  return absl::OkStatus();
}

absl::Status UnlockDesk::TryConfirm(const Device& device, uint32_t version, ByteView proof_key, ByteView proof) {
  const auto key = crypto::Ed25519PublicKey::Parse(proof_key);
  if (!key.ok()) return Malformed("the proof key is not an Ed25519 key");
  ASSIGN_OR_RETURN(const LockStatus status, stores_.unlock.Look(device.id, clock_.Now()));
  unlock::UnlockKey statement{device.id, version, {}, *identity::ToFixed<32>(proof_key)};
  for (const std::optional<UnlockKeyInfo>& each : {status.pending, status.current}) {
    if (each && each->version == version) statement.public_key = each->public_key;
  }
  if (!key->Verify(identity::kUnlockKeyLabel, Encode(statement), proof).ok()) return ProofInvalid();
  audit::Entry entry = EntryOf(device, audit::Event::kUnlockKeyChanged);
  entry.details["key_version"] = absl::StrCat(version);
  return stores_.unlock.Confirm(device.id, version, statement.proof_key, clock_.Now(), entry);
}

absl::Status UnlockDesk::ConfirmUnlockKey(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                          keys::v1::ConfirmUnlockKeyResponse&) {
  keys::v1::ConfirmUnlockKeyRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "ConfirmUnlockKey", request, body));
  const absl::Status status = TryConfirm(device, body.key_version(), AsBytes(body.proof_key()), AsBytes(body.proof()));
  return status.ok() ? status : Refused(device, audit::Event::kUnlockRefused, status);
}

absl::Status UnlockDesk::CheckIn(const crypto::Certificate* caller, const keys::v1::SignedRequest& request, keys::v1::CheckInResponse&) {
  keys::v1::CheckInRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "CheckIn", request, body));
  const auto previous = identity::ToFixed<16>(AsBytes(body.previous()));
  const auto next = identity::ToFixed<16>(AsBytes(body.next()));
  if (!previous.ok() || !next.ok() || body.generation() == 0 || body.generation() > INT64_MAX) {
    return Refused(device, audit::Event::kStoreRefused, Malformed("a check-in has a generation from 1 on and two ids of 16 bytes"));
  }
  // Whoever still has it open, by whatever means, learns here that it is over.
  ASSIGN_OR_RETURN(const LockStatus lock, stores_.unlock.Look(device.id, clock_.Now()));
  if (!lock.destroyed_by.empty()) {
    return Refused(device, audit::Event::kStoreRefused,
                   Refuse(absl::StatusCode::kFailedPrecondition, "unlock_destroyed",
                          absl::StrCat("this device's unlock key was destroyed (", lock.destroyed_by,
                                       "): its store is used no more. Enrol the device anew in another folder")));
  }
  const absl::Status status = stores_.check_ins.Take(device.id, {body.generation(), *previous, *next},
                                                     EntryOf(device, audit::Event::kStoreAhead));
  return status.ok() ? status : Refused(device, audit::Event::kStoreRefused, status);
}

absl::Status UnlockDesk::RenewUnlockCertificate(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                                keys::v1::RenewUnlockCertificateResponse& response) {
  keys::v1::RenewUnlockCertificateRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "RenewUnlockCertificate", request, body));
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   organisation_.issuer().UnlockTls(caller->spki(), device.id, clock_.Now()));
  audit::Entry entry = EntryOf(device, audit::Event::kCertificateRenewed);
  entry.details["for"] = "unlocking alone";
  RETURN_IF_ERROR(refusals_.Record(entry));
  response.set_certificate(ToString(certificate.der()));
  response.set_issuing_certificate(ToString(organisation_.issuer().issuing().der()));
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
