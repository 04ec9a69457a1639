#include "keyserver/credential_desk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

constexpr int kRaces = 5;  // times we look again after losing a race for the account

absl::Status Invalid(absl::string_view text) {
  return identity::Refuse(absl::StatusCode::kPermissionDenied, "renewal_invalid", text);
}

absl::Status Early(absl::string_view text) {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "renewal_early", text);
}

}  // namespace

absl::Status CredentialDesk::RenewCredential(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                             keys::v1::RenewCredentialResponse& response) {
  keys::v1::RenewCredentialRequest body;
  ASSIGN_OR_RETURN(const Device device, devices_.Admit(caller, "RenewCredential", request, body));
  identity::CredentialRenewal renewal;
  const absl::StatusOr<directory::Renewed> cause = Read(device, body, renewal);
  if (!cause.ok()) return devices_.Refused(caller, cause.status());
  absl::StatusOr<Bytes> credential = Renew(renewal, *cause);
  for (int i = 1; absl::IsAborted(credential.status()) && i < kRaces; ++i) credential = Renew(renewal, *cause);
  if (!credential.ok()) return devices_.Refused(caller, credential.status());
  response.add_mls_certificates(ToString(*credential));
  ASSIGN_OR_RETURN(const Bytes issuer, organisation_.IssuerOf(*credential));
  response.add_mls_certificates(ToString(issuer));
  return absl::OkStatus();
}

absl::StatusOr<directory::Renewed> CredentialDesk::Read(const Device& device, const keys::v1::RenewCredentialRequest& body,
                                                        identity::CredentialRenewal& renewal) const {
  const ByteView wire = AsBytes(body.renewal());
  const absl::StatusOr<identity::CredentialRenewal> parsed = identity::ParseCredentialRenewal(wire);
  const absl::StatusOr<identity::Signature> signature = identity::ToFixed<64>(AsBytes(body.signature()));
  if (!parsed.ok() || !signature.ok()) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "a renewal and 64 bytes of signature");
  }
  ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(device.working_key));
  if (!key.Verify(identity::kCredentialRenewalLabel, wire, *signature).ok()) {
    return Invalid("the working key's signature does not verify over this renewal");
  }
  if (parsed->user != device.user || parsed->device_id != device.id || parsed->mls_signature_public_key != device.mls_key) {
    return Invalid("a device renews its own credential, for its own key");
  }
  const absl::Duration off =
      clock_.Now() - absl::FromUnixSeconds(static_cast<int64_t>(std::min<uint64_t>(parsed->time_unix, uint64_t{1} << 40)));
  if (off > kRenewalSkew || off < -kRenewalSkew) return Invalid("the renewal is not of now; check this device's clock");
  renewal = *parsed;
  return directory::Renewed{ToBytes(wire), *signature, {}};
}

absl::StatusOr<Bytes> CredentialDesk::Renew(const identity::CredentialRenewal& renewal, directory::Renewed cause) {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(Account account, accounts_.Find(renewal.user));
  const auto device = std::find_if(account.devices.begin(), account.devices.end(),
                                   [&](const Device& each) { return each.id == renewal.device_id; });
  if (device == account.devices.end()) {
    return identity::Refuse(absl::StatusCode::kPermissionDenied, "device_revoked", "this device was removed; it may be enrolled again as a new one");
  }
  // The answer to the one that succeeded it was lost: the device has it now.
  if (Sha256(device->credential) != renewal.former_credential_hash) return device->credential;
  ASSIGN_OR_RETURN(const crypto::Certificate present, crypto::Certificate::Parse(device->credential));
  const absl::StatusOr<crypto::Certificate> issuer = organisation_.IssuerOf(present);
  if (!issuer.ok()) return absl::DataLossError("a credential in the key server's database is nobody's");
  const absl::Time issuer_ends = organisation_.replaced().EndOf(*issuer);
  if (!identity::CredentialIsDue(present, now + kRenewalSkew, issuer_ends)) {
    return Early("more than a third of this credential's life is left; the device asks again by itself");
  }
  ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(device->mls_key));
  ASSIGN_OR_RETURN(const crypto::Certificate next, organisation_.issuer().Credential(key, device->user, device->id, now));
  if (next.not_after() <= identity::CredentialEnd(present, issuer_ends)) {
    return Early("the issuing authority ends no later than this credential; tell the key server's operator");
  }
  device->credential = next.der();
  cause.credential = next.der();
  const uint64_t revision = account.revision;
  ASSIGN_OR_RETURN(account.record, NextRecord(account, Sha256(cause.renewal), organisation_.keys().directory.key));
  audit::Entry entry;
  entry.event = audit::Event::kCredentialRenewed;
  entry.actor = identity::DeviceUri{organisation_.domain(), device->id}.ToString();
  entry.subject = entry.actor;
  entry.details = {{"person", device->user}, {"ends_unix", absl::StrCat(absl::ToUnixSeconds(next.not_after()))}};
  RETURN_IF_ERROR(accounts_.RenewCredential(*device, renewal.former_credential_hash, revision, account.record, cause, entry));
  publisher_.PublishAndWait();
  return device->credential;
}

}  // namespace plumbline::keyserver
