#include "keyserver/enrolment_desk.h"

#include <algorithm>

#include "common/identity/grant.h"
#include "common/identity/reason.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr int kRaces = 5;  // times we look again after losing a race for the account

absl::Status RefuseCode(absl::string_view reason, absl::string_view text) {
  return Refuse(absl::StatusCode::kUnauthenticated, reason, text);
}

}  // namespace

absl::Status EnrolmentDesk::Enrol(const keys::v1::EnrolRequest& request, keys::v1::EnrolResponse& response) {
  const absl::StatusOr<VerifiedApplication> application = ReadApplication(request, organisation_.domain());
  absl::Status status = application.status();
  if (status.ok() && organisation_.attended_enrolment()) {
    status = Refuse(absl::StatusCode::kFailedPrecondition, "registrar_needed",
                    "in this organisation a registrar activates each device that an administrator invites; ask for a new invitation");
  }
  if (status.ok()) status = CheckCode(*application);
  if (status.ok()) status = Admit(*application, response);
  if (identity::ReasonOf(status) == "code_used" && AnswerAgain(*application, response).ok()) return absl::OkStatus();
  if (status.ok()) return status;
  response.Clear();
  // Only a name that this organisation could have given goes into the record, never what a stranger made up.
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  const bool ours = user.ok() && user->domain == organisation_.domain();
  return refusals_.Refused(audit::Event::kEnrolmentRefused, "", ours ? request.user() : "", status);
}

absl::Status EnrolmentDesk::CheckCode(const VerifiedApplication& application) {
  ASSIGN_OR_RETURN(const CodeVerdict verdict,
                   accounts_.TryCode(application.user, application.code_key, clock_.Now()));
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
    case CodeVerdict::kWithdrawn:
      return RefuseCode("code_withdrawn", "the code was withdrawn with the account; ask your administrator");
  }
  return absl::InternalError("unknown verdict");
}

absl::Status EnrolmentDesk::Admit(const VerifiedApplication& application, keys::v1::EnrolResponse& response) {
  absl::Status status;
  for (int i = 0; i < kRaces; ++i) {
    response.Clear();
    status = AdmitOnce(application, response);
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

// Whose answer was lost asks again with the same code and the same keys, and has proved that it holds them. Not for long: afterwards
// a device renews its certificate while it has one.
absl::Status EnrolmentDesk::AnswerAgain(const VerifiedApplication& application, keys::v1::EnrolResponse& response) {
  response.Clear();
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const Account account, accounts_.Find(application.user));
  const auto device = std::find_if(account.devices.begin(), account.devices.end(), [&](const Device& each) {
    return Equal(each.working_key, application.working_key.view()) && Equal(each.mls_key, application.mls_key.view()) &&
           (each.tls_key_hash.empty() || Equal(each.tls_key_hash, application.tls_key_hash));
  });
  if (account.suspended || device == account.devices.end() || identity::DayOf(now) > device->enrolled_day + 1) {
    return absl::NotFoundError("no device of this code");
  }
  ASSIGN_OR_RETURN(const crypto::Certificate tls, organisation_.issuer().DeviceTls(application.csr, device->id, now));
  audit::Entry entry;
  entry.event = audit::Event::kCertificateRenewed;
  entry.actor = device->user;
  entry.subject = identity::DeviceUri{organisation_.domain(), device->id}.ToString();
  entry.details["for"] = "an enrolment whose answer was lost";
  RETURN_IF_ERROR(refusals_.Record(entry));
  publisher_.PublishAndWait();
  return FillEnrolled(organisation_, account, *device, tls.der(), response);
}

absl::Status EnrolmentDesk::AdmitOnce(const VerifiedApplication& application, keys::v1::EnrolResponse& response) {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(Account account, accounts_.Find(application.user));
  if (account.removed || account.suspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended",
                  "the account is suspended; ask your administrator");
  }
  if (account.devices.size() >= identity::kMaxDevices) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_devices",
                  "an account has at most 32 devices");
  }
  ASSIGN_OR_RETURN(const NewDevice made, Certify(organisation_, application, identity::RandomFixed<16>(), now));
  const uint64_t revision = account.revision;
  AddTo(account, made.device);
  ASSIGN_OR_RETURN(account.record,
                   NextRecord(account, Sha256(application.cause.proof), organisation_.keys().directory.key));
  audit::Entry entry;
  entry.event = audit::Event::kDeviceEnrolled;
  entry.actor = made.device.user;
  entry.subject = identity::DeviceUri{organisation_.domain(), made.device.id}.ToString();
  directory::Enrolment cause = application.cause;
  cause.credential = made.device.credential;
  RETURN_IF_ERROR(accounts_.AddDevice(made.device, revision, account.record, application.code_key, now, cause, entry));
  publisher_.PublishAndWait();

  return FillEnrolled(organisation_, account, made.device, made.tls.der(), response);
}

}  // namespace plumbline::keyserver
