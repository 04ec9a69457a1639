#include "common/rpc/probe.h"

#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"
#include "common/rpc/handshake.h"

namespace plumbline::rpc {
namespace {

using Outcome = HandshakeResult::Outcome;

std::vector<crypto::Certificate> Rest(const std::vector<crypto::Certificate>& chain) {
  return std::vector<crypto::Certificate>(chain.begin() + 1, chain.end());
}

absl::Status TlsFailed(const std::string& address, absl::string_view detail) {
  return absl::UnavailableError(absl::StrCat("tls_failed: ", address, " answers, but not with TLS 1.3 (", detail,
                                             "); check that the address and port are those of the service"));
}

// Our own certificate's dates, which gRPC reports as no more than a closed socket.
absl::Status CheckOwn(const TlsIdentity& identity, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(identity.chain_pem));
  if (now > chain.front().not_after()) {
    return absl::FailedPreconditionError(
        "own_certificate_expired: this machine's own certificate has ended by its clock. If the clock is ahead, correct it and "
        "try again; if not, a device was away for longer than a year and has to be enrolled again (ask your "
        "administrator for an invitation), and a service needs a certificate from its operator");
  }
  if (now < chain.front().not_before()) {
    return absl::FailedPreconditionError(
        "own_certificate_not_yet_valid: this machine's own certificate begins in the future by its clock, so the clock is behind; "
        "correct the clock and try again");
  }
  return absl::OkStatus();
}

absl::Status ExplainServer(const absl::Status& verdict, const std::vector<crypto::Certificate>& chain, absl::Time now) {
  if (absl::IsFailedPrecondition(verdict)) {
    const bool early = std::any_of(chain.begin(), chain.end(), [&](const auto& c) { return now < c.not_before(); });
    if (early) {
      return absl::FailedPreconditionError(
          "clock_behind: the server's certificate begins in the future by this machine's clock; correct the clock and try "
          "again");
    }
    return absl::FailedPreconditionError(
        "server_certificate_expired: the server's certificate has ended, or this machine's clock is ahead; correct the "
        "clock, or tell the operator of the service");
  }
  return absl::UnauthenticatedError(
      "wrong_organisation: the server's certificate is not of your organisation; check the address, and do not go on if it "
      "is right: somebody may be in between");
}

}  // namespace

bool CarriesName(const crypto::Certificate& certificate, const std::string& name) {
  const unsigned char* cursor = certificate.der().data();
  const crypto::Owned<X509> x509(d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  const crypto::Owned<ASN1_OCTET_STRING> ip(a2i_IPADDRESS(name.c_str()));
  crypto::ForgetOpensslErrors();
  if (ip != nullptr) return X509_check_ip_asc(x509.get(), name.c_str(), 0) == 1;
  return X509_check_host(x509.get(), name.c_str(), name.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

absl::Status SelfProbe(const std::string& address, absl::string_view root_pem) {
  ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(root_pem));
  // gRPC closes without an alert, so a refusal is a handshake that fails where the same one with TLS 1.3 succeeds.
  const auto old_version = Handshake(address, {.version = TlsVersion::k12});
  const bool refused = old_version.ok() && (old_version->outcome == Outcome::kVersionRefused ||
                                            old_version->outcome == Outcome::kFailed);
  if (!refused) {
    return absl::InternalError(
        absl::StrCat("self_probe_failed: TLS 1.2 is not refused at ", address, "; the service does not start"));
  }
  const auto present = Handshake(address, {});
  if (!present.ok() || present->outcome != Outcome::kDone) {
    return absl::InternalError(absl::StrCat("self_probe_failed: TLS 1.3 does not come about at ", address, " (",
                                            present.ok() ? present->detail : std::string(present.status().message()), ")"));
  }
  const absl::Status verdict =
      crypto::VerifyChain(present->chain.front(), Rest(present->chain), root, absl::Now(), crypto::Purpose::kTlsServer);
  if (verdict.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("self_probe_failed: clients would refuse our certificate: ", verdict.message()));
}

absl::StatusOr<std::string> FetchPinnedRoot(const std::string& address, const crypto::Fingerprint& root, absl::Time now) {
  ASSIGN_OR_RETURN(const HostPort target, SplitHostPort(address));
  ASSIGN_OR_RETURN(const HandshakeResult result, Handshake(address, {.server_name = target.host}));
  if (result.outcome != Outcome::kDone) return TlsFailed(address, result.detail);
  const auto found = std::find_if(result.chain.begin(), result.chain.end(),
                                  [&](const auto& certificate) { return certificate.fingerprint() == root; });
  if (found == result.chain.end()) {
    return absl::PermissionDeniedError(
        "root_mismatch: this server is not of the organisation in your invitation; check the address and the fingerprint "
        "with the person who invited you");
  }
  const absl::Status verdict =
      crypto::VerifyChain(result.chain.front(), Rest(result.chain), *found, now, crypto::Purpose::kTlsServer);
  if (absl::IsFailedPrecondition(verdict)) return ExplainServer(verdict, result.chain, now);
  RETURN_IF_ERROR(verdict);
  return found->ToPem();
}

absl::Status Diagnose(const Endpoint& endpoint, absl::Time now) {
  ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(endpoint.root_pem));
  ASSIGN_OR_RETURN(const HostPort target, SplitHostPort(endpoint.address));
  const std::string name = endpoint.server_name.empty() ? target.host : endpoint.server_name;
  if (endpoint.identity) RETURN_IF_ERROR(CheckOwn(*endpoint.identity, now));
  HandshakeOptions options{.server_name = name, .await_first_byte = true};
  if (endpoint.identity) options.identity = &*endpoint.identity;
  ASSIGN_OR_RETURN(const HandshakeResult result, Handshake(endpoint.address, options));
  if (result.outcome == Outcome::kFailed || result.outcome == Outcome::kVersionRefused) {
    return TlsFailed(endpoint.address, result.detail);
  }
  const absl::Status verdict =
      crypto::VerifyChain(result.chain.front(), Rest(result.chain), root, now, crypto::Purpose::kTlsServer);
  if (!verdict.ok()) return ExplainServer(verdict, result.chain, now);
  if (endpoint.issuers && !crypto::CheckIssuer(result.chain.front(), result.chain, endpoint.issuers->replaced(), now).ok()) {
    return absl::UnauthenticatedError(
        "server_authority_replaced: the server shows a certificate of an authority that your organisation has replaced; its operator has "
        "it signed anew. Do not go on if that was done: somebody may be in between");
  }
  if (!CarriesName(result.chain.front(), name)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "wrong_server_name: the server's certificate is not for ", name, "; check the address in your invitation"));
  }
  if (result.outcome == Outcome::kClosed) {
    return absl::UnauthenticatedError(absl::StrCat(
        "own_certificate_refused: the server closed the connection after it saw ",
        endpoint.identity ? "this device's certificate; it may be revoked or of another organisation: enrol again"
                          : "no certificate; this port is for enrolled devices",
        " (", result.detail, ")"));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::rpc
