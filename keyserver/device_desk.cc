#include "keyserver/device_desk.h"

#include "absl/strings/str_cat.h"
#include "common/identity/device_request.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/key_package_check.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", text);
}

absl::Status NotADevice() {
  return Refuse(absl::StatusCode::kPermissionDenied, "not_authorised", "this call needs a device's TLS certificate");
}

}  // namespace

absl::Status DeviceDesk::CheckTlsClient(const crypto::Certificate* caller) const {
  // The MLS credential names the device too, but is no TLS certificate.
  if (caller == nullptr || caller->purpose() != crypto::Purpose::kTlsClient || caller->uris().size() != 1) return NotADevice();
  if (clock_.Now() <= caller->not_after()) return absl::OkStatus();
  return Refuse(absl::StatusCode::kUnauthenticated, "certificate_expired",
                "the device's certificate has expired; connect anew with a renewed one");
}

absl::StatusOr<Device> DeviceDesk::Identify(const crypto::Certificate* caller) {
  RETURN_IF_ERROR(CheckTlsClient(caller));
  if (!identity::ParseDeviceUri(caller->uris()[0]).ok()) return NotADevice();
  ASSIGN_OR_RETURN(Device device, IdentifyLocked(caller));
  if (!device.tls_key_hash.empty()) return device;
  // Of its key nothing is known but what the authority says, so that has to count. Its next certificate is had with the working key.
  const absl::StatusOr<crypto::Certificate> issuer = organisation_.IssuerOf(*caller);
  if (issuer.ok() && clock_.Now() < organisation_.replaced().EndOf(*issuer)) return device;
  return Refuse(absl::StatusCode::kUnauthenticated, "authority_replaced",
                "the authority that issued this device's certificate was replaced and has ended; the device renews it by itself");
}

absl::StatusOr<Device> DeviceDesk::IdentifyLocked(const crypto::Certificate* caller) {
  RETURN_IF_ERROR(CheckTlsClient(caller));
  if (const auto uri = identity::ParseDeviceUri(caller->uris()[0]); uri.ok() && uri->domain == organisation_.domain()) {
    return FindActive(uri->id, *caller);
  }
  const absl::StatusOr<identity::UnlockUri> uri = identity::ParseUnlockUri(caller->uris()[0]);
  if (!uri.ok() || uri->domain != organisation_.domain()) return NotADevice();
  return FindActive(uri->id, *caller);
}

absl::StatusOr<Device> DeviceDesk::FindActive(const identity::DeviceId& id, const crypto::Certificate& caller) {
  ASSIGN_OR_RETURN(std::optional<DeviceState> state, stores_.accounts.FindDevice(id));
  if (!state)
    return Refuse(absl::StatusCode::kPermissionDenied, "device_unknown", "this device is not enrolled");
  if (state->revoked) {
    return Refuse(absl::StatusCode::kPermissionDenied, "device_revoked",
                  "this device was removed; it may be enrolled again as a new one");
  }
  if (state->suspended) {
    return Refuse(absl::StatusCode::kPermissionDenied, "account_suspended",
                  "the account is suspended; ask your administrator");
  }
  // Whoever has the issuing authority's key can make a certificate for any device, and not one for the key that the device has.
  if (!state->device.tls_key_hash.empty() && !Equal(state->device.tls_key_hash, Sha256(caller.spki()))) {
    return Refuse(absl::StatusCode::kPermissionDenied, "device_key_other",
                  "this certificate is for another TLS key than the one that this device enrolled with; tell your security officer");
  }
  return std::move(state->device);
}

absl::Status DeviceDesk::Verify(const crypto::Certificate& caller, const Device& device, absl::string_view rpc,
                                const keys::v1::SignedRequest& request) {
  const absl::StatusOr<identity::Nonce> nonce = identity::ToFixed<32>(AsBytes(request.nonce()));
  if (!nonce.ok()) return Malformed("a nonce has 32 bytes");
  const identity::Hash certificate = Sha256(caller.der());
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(nonces_.Check(*nonce, certificate, request.counter(), now));

  identity::DeviceRequest signed_part;
  signed_part.rpc = std::string(rpc);
  signed_part.nonce = *nonce;
  signed_part.counter = request.counter();
  signed_part.client_certificate_hash = certificate;
  signed_part.body = ToBytes(AsBytes(request.body()));
  ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(device.working_key));
  bool verified = false;
  for (const identity::Hash& shown : organisation_.own().Shown(now)) {  // this connection saw one of them
    signed_part.server_certificate_hash = shown;
    verified = verified || key.Verify(identity::kDeviceRequestLabel, Encode(signed_part), AsBytes(request.signature())).ok();
  }
  if (!verified) {
    return Refuse(absl::StatusCode::kUnauthenticated, "request_signature_invalid",
                  "the working key's signature does not verify over this request on this connection");
  }
  return nonces_.Use(*nonce, certificate, request.counter(), now);
}

absl::StatusOr<Device> DeviceDesk::Admit(const crypto::Certificate* caller, absl::string_view rpc,
                                         const keys::v1::SignedRequest& request,
                                         google::protobuf::MessageLite& body) {
  // Whoever was away for longer than the device's certificate lasts comes back with the one for unlocking, which gets nothing but a
  // new certificate, and that for the working key's signature like everybody.
  absl::StatusOr<Device> device = rpc == "RenewCertificate" ? IdentifyLocked(caller) : Identify(caller);
  if (!device.ok()) return Refused(caller, device.status());
  if (const absl::Status verified = Verify(*caller, *device, rpc, request); !verified.ok()) return Refused(caller, verified);
  if (device->tls_key_hash.empty()) RETURN_IF_ERROR(stores_.accounts.KeepTlsKey(device->id, Sha256(caller->spki())));  // it was signed over
  if (!body.ParseFromString(request.body())) return Refused(caller, Malformed("the body does not parse"));
  return device;
}

// The certificate was verified in the handshake, so the name in it may be recorded.
absl::Status DeviceDesk::Refused(const crypto::Certificate* caller, const absl::Status& status) {
  const bool named = caller != nullptr && !caller->uris().empty();
  return refusals_.Refused(audit::Event::kDeviceRequestRefused, named ? caller->uris().back() : "", "",
                           status);
}

std::string DeviceDesk::UriOf(const Device& device) const {
  return identity::DeviceUri{organisation_.domain(), device.id}.ToString();
}

absl::Status DeviceDesk::OpenChannel(const crypto::Certificate* caller,
                                     keys::v1::OpenChannelResponse& response) {
  const absl::StatusOr<Device> device = IdentifyLocked(caller);
  if (!device.ok()) return Refused(caller, device.status());
  ASSIGN_OR_RETURN(const identity::Nonce nonce, nonces_.Open(Sha256(caller->der()), clock_.Now()));
  response.set_nonce(ToString(nonce));
  return absl::OkStatus();
}

absl::Status DeviceDesk::PublishKeyPackages(const crypto::Certificate* caller,
                                            const keys::v1::SignedRequest& request,
                                            keys::v1::PublishKeyPackagesResponse& response) {
  keys::v1::PublishKeyPackagesRequest body;
  ASSIGN_OR_RETURN(const Device device, Admit(caller, "PublishKeyPackages", request, body));
  if (body.key_packages_size() > kMaxKeyPackagesPerCall) {
    return Refused(caller, Malformed("at most 100 key packages in one call"));
  }
  ASSIGN_OR_RETURN(const Bytes issuing, organisation_.IssuerOf(device.credential));
  const absl::Time now = clock_.Now();
  std::vector<PublishedKeyPackage> packages;
  for (const std::string& message : body.key_packages()) {
    absl::StatusOr<PublishedKeyPackage> checked =
        CheckKeyPackage(AsBytes(message), device, issuing, false, now);
    if (!checked.ok()) return Refused(caller, checked.status());
    packages.push_back(*std::move(checked));
  }
  std::optional<PublishedKeyPackage> last_resort;
  if (!body.last_resort_key_package().empty()) {
    absl::StatusOr<PublishedKeyPackage> checked =
        CheckKeyPackage(AsBytes(body.last_resort_key_package()), device, issuing, true, now);
    if (!checked.ok()) return Refused(caller, checked.status());
    last_resort = *std::move(checked);
  }
  const absl::StatusOr<uint32_t> waiting =
      stores_.key_packages.Publish(device.id, packages, last_resort, now);
  if (!waiting.ok()) return Refused(caller, waiting.status());
  response.set_available(*waiting);
  return absl::OkStatus();
}

absl::Status DeviceDesk::GetOwnAccount(const crypto::Certificate* caller,
                                       const keys::v1::SignedRequest& request,
                                       keys::v1::GetOwnAccountResponse& response) {
  keys::v1::GetOwnAccountRequest body;
  ASSIGN_OR_RETURN(const Device device, Admit(caller, "GetOwnAccount", request, body));
  ASSIGN_OR_RETURN(const identity::UserUri user, identity::ParseUserUri(device.user));
  ASSIGN_OR_RETURN(const DirectoryEntry entry, stores_.directory.Find(user));
  ASSIGN_OR_RETURN(const uint32_t waiting, stores_.key_packages.CountAvailable(device.id, clock_.Now()));
  response.set_answer(ToString(directory::Encode(entry.answer)));
  if (entry.answer.found) {
    Fill(entry, *response.mutable_record());
    response.set_follow_key(ToString(organisation_.FollowKey(entry.answer.found->entry.index).view()));
  }
  response.set_available_key_packages(waiting);
  return absl::OkStatus();
}

absl::Status DeviceDesk::DrawTokens(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                    keys::v1::DrawTokensResponse& response) {
  keys::v1::DrawTokensRequest body;
  ASSIGN_OR_RETURN(const Device device, Admit(caller, "DrawTokens", request, body));
  const int count = body.token_requests_size();
  if (!tokens::IsPurpose(body.purpose()) || count == 0 || count > kMaxTokensPerDraw) {
    return Refused(caller, Malformed("1 to 50 tokens, for delivery or directory"));
  }
  std::vector<tokens::TokenRequest> requests;
  for (const std::string& each : body.token_requests()) {
    const absl::StatusOr<tokens::TokenRequest> parsed = tokens::ParseTokenRequest(AsBytes(each));
    if (!parsed.ok()) return Refused(caller, Malformed("a token request of another form than RFC 9578's for type 0x0002"));
    requests.push_back(*parsed);
  }
  const absl::Status known = tokens_.CheckRequests(body.purpose(), requests);
  if (!known.ok()) return Refused(caller, known);
  audit::Entry entry;
  entry.event = audit::Event::kTokensDrawn;
  entry.actor = UriOf(device);
  entry.details = {{"purpose", body.purpose()}, {"count", absl::StrCat(count)}};
  // Counted before anything is signed: a crash in between costs the device its count, not the quota its meaning.
  const absl::Status drawn =
      stores_.ledger.DrawTokens(device.id, body.purpose(), static_cast<uint32_t>(count), identity::DayOf(clock_.Now()),
                                organisation_.limits().tokens_per_day, entry);
  if (!drawn.ok()) return Refused(caller, drawn);
  const absl::StatusOr<std::vector<tokens::TokenResponse>> issued = tokens_.Issue(body.purpose(), requests);
  if (!issued.ok()) return Refused(caller, issued.status());
  for (const tokens::TokenResponse& each : *issued) response.add_token_responses(ToString(tokens::Encode(each)));
  return absl::OkStatus();
}

absl::Status DeviceDesk::DrawGrants(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                    keys::v1::DrawGrantsResponse& response) {
  keys::v1::DrawGrantsRequest body;
  ASSIGN_OR_RETURN(const Device device, Admit(caller, "DrawGrants", request, body));
  if (body.count() == 0 || body.count() > kMaxGrantsPerDraw)
    return Refused(caller, Malformed("1 to 10 grants"));
  const absl::Time now = clock_.Now();
  std::vector<Bytes> sealed;
  uint32_t expires_day = 0;
  keys::v1::DrawGrantsResponse out;
  for (uint32_t i = 0; i < body.count(); ++i) {
    ASSIGN_OR_RETURN(const identity::MailboxGrant grant, identity::IssueGrant(organisation_.keys().grants.key, now));
    expires_day = grant.expires_day;
    ASSIGN_OR_RETURN(Bytes box, organisation_.keys().grant_escrow.public_key().Seal(grant.serial));
    sealed.push_back(std::move(box));
    out.add_grants(ToString(Encode(grant)));
  }
  audit::Entry entry;
  entry.event = audit::Event::kGrantsDrawn;
  entry.actor = UriOf(device);
  entry.details = {{"count", absl::StrCat(body.count())}};
  const absl::Status drawn = stores_.ledger.DrawGrants(device.id, sealed, expires_day, identity::DayOf(now),
                                                       organisation_.limits().grants_per_day, entry);
  if (!drawn.ok()) return Refused(caller, drawn);
  response.Swap(&out);
  return absl::OkStatus();
}

absl::Status DeviceDesk::RenewCertificate(const crypto::Certificate* caller,
                                          const keys::v1::SignedRequest& request,
                                          keys::v1::RenewCertificateResponse& response) {
  keys::v1::RenewCertificateRequest body;
  ASSIGN_OR_RETURN(const Device device, Admit(caller, "RenewCertificate", request, body));
  const absl::StatusOr<crypto::CertificateRequest> csr =
      crypto::CertificateRequest::Parse(AsBytes(body.tls_csr()));
  if (!csr.ok()) {
    return Refused(caller,
                   Malformed("the certificate request is not one for a P-256 key with an empty subject"));
  }
  if (csr->spki() != caller->spki()) return Refused(caller, Malformed("a device's certificate is renewed for the same key"));
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   organisation_.issuer().DeviceTls(*csr, device.id, clock_.Now()));
  audit::Entry entry;
  entry.event = audit::Event::kCertificateRenewed;
  entry.actor = UriOf(device);
  entry.subject = entry.actor;
  RETURN_IF_ERROR(refusals_.Record(entry));
  response.add_tls_certificates(ToString(certificate.der()));
  response.add_tls_certificates(ToString(organisation_.issuer().issuing().der()));
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
