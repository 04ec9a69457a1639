#include "keyserver/enrolment_desk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/codes.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr int kRaces = 5;  // times we look again after losing a race for the account

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "enrolment_malformed", text);
}

absl::Status RefuseCode(absl::string_view reason, absl::string_view text) {
  return Refuse(absl::StatusCode::kUnauthenticated, reason, text);
}

}  // namespace

// A request whose form is right and whose proofs verify.
struct EnrolmentDesk::Application {
  std::string user;
  identity::Hash code_hash;
  identity::Hash proof_hash;
  crypto::CertificateRequest csr;
  crypto::Ed25519PublicKey working_key;
  crypto::Ed25519PublicKey mls_key;
  std::string label;
};

absl::Status EnrolmentDesk::Enrol(const keys::v1::EnrolRequest& request, keys::v1::EnrolResponse& response) {
  const absl::StatusOr<Application> application = Read(request);
  absl::Status status = application.status();
  if (status.ok()) status = CheckCode(*application);
  if (status.ok()) status = Admit(*application, response);
  if (status.ok()) return status;
  response.Clear();
  // Only a name that this organisation could have given goes into the record, never what a stranger made up.
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  const bool ours = user.ok() && user->domain == organisation_.domain();
  return refusals_.Refused(audit::Event::kEnrolmentRefused, "", ours ? request.user() : "", status);
}

absl::StatusOr<EnrolmentDesk::Application> EnrolmentDesk::Read(const keys::v1::EnrolRequest& request) const {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  if (!user.ok()) return Malformed("the name of the person is malformed; use the invitation as it is");
  if (user->domain != organisation_.domain()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_domain",
                  "the invitation is for another organisation");
  }
  const absl::StatusOr<std::string> code = identity::NormaliseCode(request.code());
  if (!code.ok())
    return Refuse(absl::StatusCode::kInvalidArgument, "code_malformed", code.status().message());
  if (!identity::CheckText(request.device_label(), identity::kMaxDeviceLabel).ok()) {
    return Malformed("a device's label has at most 64 bytes and no control characters");
  }
  absl::StatusOr<crypto::CertificateRequest> csr =
      crypto::CertificateRequest::Parse(AsBytes(request.tls_csr()));
  if (!csr.ok()) return Malformed("the certificate request is not one for a P-256 key with an empty subject");
  const auto working_key = crypto::Ed25519PublicKey::Parse(AsBytes(request.working_public_key()));
  const auto mls_key = crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key()));
  if (!working_key.ok() || !mls_key.ok()) return Malformed("a public key is not an Ed25519 key");
  if (*working_key == *mls_key) return Malformed("the working key and the MLS key must be two keys");

  identity::EnrolmentProof proof;
  proof.user = request.user();
  proof.code_hash = identity::EnrolmentCodeHash(request.user(), *code);
  proof.tls_csr_hash = Sha256(AsBytes(request.tls_csr()));
  proof.working_public_key = *identity::ToFixed<32>(working_key->view());
  proof.mls_signature_public_key = *identity::ToFixed<32>(mls_key->view());
  const Bytes message = Encode(proof);
  if (!working_key->Verify(identity::kEnrolmentProofLabel, message, AsBytes(request.working_proof())).ok() ||
      !mls_key->Verify(identity::kEnrolmentProofLabel, message, AsBytes(request.mls_proof())).ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "proof_invalid",
                  "a key's proof does not verify over this code and these keys");
  }
  return Application{request.user(), proof.code_hash, Sha256(message),       *std::move(csr),
                     *working_key,   *mls_key,        request.device_label()};
}

absl::Status EnrolmentDesk::CheckCode(const Application& application) {
  ASSIGN_OR_RETURN(const CodeVerdict verdict,
                   accounts_.TryCode(application.user, application.code_hash, clock_.Now()));
  switch (verdict) {
    case CodeVerdict::kGood:
      return absl::OkStatus();
    case CodeVerdict::kWrong:
      return RefuseCode("code_wrong", "the code does not match; check it, a few wrong ones make it void");
    case CodeVerdict::kExpired:
      return RefuseCode("code_expired", "the code has expired; ask your administrator for a new one");
    case CodeVerdict::kUsed:
      return RefuseCode("code_used",
                        "the code was used before; if that was not you, tell your administrator");
    case CodeVerdict::kExhausted:
      return RefuseCode("code_exhausted", "too many wrong codes; ask your administrator for a new one");
  }
  return absl::InternalError("unknown verdict");
}

absl::Status EnrolmentDesk::Admit(const Application& application, keys::v1::EnrolResponse& response) {
  absl::Status status;
  for (int i = 0; i < kRaces; ++i) {
    response.Clear();
    status = AdmitOnce(application, response);
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

absl::Status EnrolmentDesk::AdmitOnce(const Application& application, keys::v1::EnrolResponse& response) {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(Account account, accounts_.Find(application.user));
  if (account.suspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended",
                  "the account is suspended; ask your administrator");
  }
  if (account.devices.size() >= identity::kMaxDevices) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_devices",
                  "an account has at most 32 devices");
  }
  Device device;
  device.id = identity::RandomFixed<16>();
  device.user = application.user;
  device.label = application.label;
  device.working_key = *identity::ToFixed<32>(application.working_key.view());
  device.mls_key = *identity::ToFixed<32>(application.mls_key.view());
  device.enrolled_day = identity::DayOf(now);
  const Issuer& issuer = organisation_.issuer();
  ASSIGN_OR_RETURN(const crypto::Certificate tls, issuer.DeviceTls(application.csr, device.id, now));
  ASSIGN_OR_RETURN(const crypto::Certificate credential,
                   issuer.Credential(application.mls_key, device.user, device.id, now));
  device.credential = credential.der();

  const uint64_t revision = account.revision;
  const auto place = std::lower_bound(account.devices.begin(), account.devices.end(), device,
                                      [](const Device& a, const Device& b) { return a.id < b.id; });
  account.devices.insert(place, device);
  ASSIGN_OR_RETURN(account.record,
                   NextRecord(account, application.proof_hash, organisation_.keys().directory.key));
  audit::Entry entry;
  entry.event = audit::Event::kDeviceEnrolled;
  entry.actor = device.user;
  entry.subject = identity::DeviceUri{organisation_.domain(), device.id}.ToString();
  RETURN_IF_ERROR(accounts_.AddDevice(device, revision, account.record, application.code_hash, now, entry));

  response.set_device_id(ToString(device.id));
  response.add_tls_certificates(ToString(tls.der()));
  response.add_tls_certificates(ToString(issuer.issuing().der()));
  response.add_mls_certificates(ToString(credential.der()));
  response.add_mls_certificates(ToString(issuer.issuing().der()));
  Fill(account, *response.mutable_record());
  organisation_.Fill(*response.mutable_organisation());
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
