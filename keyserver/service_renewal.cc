#include "keyserver/service_renewal.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/known_keys.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

}  // namespace

absl::StatusOr<crypto::Certificate> ServiceRenewal::Renew(identity::Service service, const crypto::Certificate& present,
                                                          ByteView request) {
  absl::StatusOr<crypto::Certificate> renewed = TryRenew(service, present, request);
  if (renewed.ok()) return renewed;
  return refusals_.Refused(audit::Event::kServiceCertificateRefused, present.uris().empty() ? "" : present.uris().back(), "",
                           renewed.status());
}

absl::StatusOr<crypto::Certificate> ServiceRenewal::TryRenew(identity::Service service, const crypto::Certificate& present,
                                                             ByteView request) {
  const absl::Time now = clock_.Now();
  const std::string uri = identity::ServiceUri{organisation_.domain(), service}.ToString();
  const crypto::Certificate& root = organisation_.keys().root;
  if (present.uris() != std::vector<std::string>{uri}) {
    return Refuse(absl::StatusCode::kPermissionDenied, "not_authorised", "a service's certificate is renewed for that service alone");
  }
  if (now >= present.not_after()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "certificate_expired",
                  "a certificate that has ended is not renewed; have the service's request signed with plumbline-keyserver sign-service");
  }
  const absl::StatusOr<crypto::Certificate> issuer = organisation_.IssuerOf(present);
  if (!issuer.ok() || !crypto::VerifyChain(present, {*issuer}, root, now, crypto::Purpose::kTlsPeer, organisation_.replaced()).ok()) {
    return Refuse(absl::StatusCode::kPermissionDenied, "not_authorised",
                  "the certificate is not one of this organisation's services, or its authority was replaced and has ended");
  }
  if (now < crypto::RenewalTime(present)) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "renewal_early",
                  "more than half of the certificate's life is left; for another key before that, see rotation.md, \"TLS key of a service\"");
  }
  const absl::StatusOr<crypto::CertificateRequest> csr = crypto::CertificateRequest::Parse(request);
  if (!csr.ok()) return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", csr.status().message());
  if (csr->spki() == present.spki()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "key_not_new", "each certificate is for a key of its own; make a new one");
  }
  if (crypto::IsKnownP256Key(csr->spki())) {
    return Refuse(absl::StatusCode::kInvalidArgument, "key_known", "the private half of this key is public knowledge; make a new one");
  }
  ASSIGN_OR_RETURN(const crypto::Certificate successor,
                   organisation_.issuer().ServiceTls(csr->spki(), service, present.dns_names(), present.ip_addresses(), now,
                                                     organisation_.service_life()));
  audit::Entry entry;
  entry.event = audit::Event::kServiceCertificateRenewed;
  entry.actor = uri;
  entry.details = {{"serial", ToHex(successor.serial())},
                   {"of", ToHex(present.serial())},
                   {"ends_unix", absl::StrCat(absl::ToUnixSeconds(successor.not_after()))}};
  return store_.Succeed(present, successor, entry);
}

absl::Status ServiceRenewal::RecordOwn(const crypto::Certificate& renewed) {
  audit::Entry entry;
  entry.event = audit::Event::kServiceCertificateRenewed;
  entry.actor = identity::ServiceUri{organisation_.domain(), identity::Service::kKeyserver}.ToString();
  entry.details = {{"serial", ToHex(renewed.serial())}, {"ends_unix", absl::StrCat(absl::ToUnixSeconds(renewed.not_after()))}};
  return refusals_.Record(entry);
}

}  // namespace plumbline::keyserver
