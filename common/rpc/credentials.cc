#include "common/rpc/credentials.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/p256.h"
#include "common/crypto/x509.h"
#include "common/rpc/caller.h"
#include "common/rpc/handshake.h"
#include "common/rpc/live_identity.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::rpc {
namespace {

namespace tls = grpc::experimental;

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kMaxBackoffMs = 5'000;
constexpr int kConnectTimeoutMs = 10'000;  // for TCP and TLS together; gRPC takes it from the argument named below
constexpr int kMaxReceivedBytes = 32 << 20;
constexpr unsigned kReloadSeconds = 1;  // the least that gRPC takes

absl::Status CheckPinned() {
  if (Tls13IsPinned()) return absl::OkStatus();
  return absl::FailedPreconditionError("tls_not_pinned: TLS 1.3 was not pinned before the first use of TLS");
}

std::vector<tls::IdentityKeyCertPair> Pairs(const TlsIdentity& identity) {
  return {{.private_key = ToString(identity.key_pem.view()), .certificate_chain = identity.chain_pem}};
}

// Leaf first, and perhaps twice: gRPC gives a server the leaf apart from the rest.
absl::StatusOr<std::vector<crypto::Certificate>> ShownChain(const tls::TlsCustomVerificationCheckRequest& request) {
  std::vector<crypto::Certificate> out;
  for (const grpc::string_ref& pem : {request.peer_cert(), request.peer_cert_full_chain()}) {
    if (pem.empty()) continue;
    ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(absl::string_view(pem.data(), pem.size())));
    out.insert(out.end(), chain.begin(), chain.end());
  }
  if (out.empty()) return absl::UnauthenticatedError("no certificate was shown");
  return out;
}

// That the authority of what was shown counts still. TLS has verified the chain, but what is not shown is not known to be good.
absl::Status CheckShown(const std::vector<crypto::Certificate>& chain, const Issuers& issuers) {
  const crypto::ReplacedIssuers replaced = issuers == nullptr ? crypto::ReplacedIssuers() : issuers->replaced();
  if (replaced.empty()) return absl::OkStatus();
  const bool shown = std::any_of(chain.begin(), chain.end(), [&](const auto& each) { return crypto::IsIssuedBy(chain.front(), each); });
  return shown ? crypto::CheckIssuer(chain.front(), chain, replaced, absl::Now()) : absl::UnauthenticatedError("the issuing authority was not shown");
}

// gRPC asks these after TLS has verified the chain, and reads and sends nothing before the answer.
class Verifier : public tls::ExternalCertificateVerifier {
 public:
  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>, grpc::Status* verdict) override {
    const auto chain = ShownChain(*request);
    const absl::Status status = chain.ok() ? Judge(*chain) : chain.status();
    if (!status.ok()) *verdict = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(status.message()));
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}  // nothing is ever pending

 private:
  virtual absl::Status Judge(const std::vector<crypto::Certificate>& chain) = 0;
};

// Admits one service.
class OneService final : public Verifier {
 public:
  OneService(std::string uri, std::function<void(const crypto::Certificate&)> refused, Issuers issuers)
      : uri_(std::move(uri)), refused_(std::move(refused)), issuers_(std::move(issuers)) {}

 private:
  absl::Status Judge(const std::vector<crypto::Certificate>& chain) override {
    absl::Status status = CheckShown(chain, issuers_);
    if (status.ok() && !IsServiceCertificate(chain.front(), uri_)) status = absl::UnauthenticatedError("this listener is for one service alone");
    if (!status.ok()) refused_(chain.front());
    return status;
  }

  const std::string uri_;
  const std::function<void(const crypto::Certificate&)> refused_;
  const Issuers issuers_;
};

// A server of this name.
class NamedServer final : public Verifier {
 public:
  NamedServer(std::string name, Issuers issuers) : name_(std::move(name)), issuers_(std::move(issuers)) {}

 private:
  absl::Status Judge(const std::vector<crypto::Certificate>& chain) override {
    RETURN_IF_ERROR(CheckShown(chain, issuers_));
    return CarriesName(chain.front(), name_) ? absl::OkStatus() : absl::UnauthenticatedError("the server's certificate has another name");
  }

  const std::string name_;
  const Issuers issuers_;
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Make(
    std::shared_ptr<tls::CertificateProviderInterface> provider, bool mutual,
    grpc_ssl_client_certificate_request_type request, std::shared_ptr<tls::CertificateVerifier> verifier = nullptr) {
  tls::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_identity_key_cert_pairs();
  if (mutual) options.watch_root_certs();
  options.set_cert_request_type(request);
  if (verifier != nullptr) options.set_certificate_verifier(std::move(verifier));
  return tls::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Make(
    const TlsIdentity& identity, absl::string_view client_root_pem, grpc_ssl_client_certificate_request_type request,
    std::shared_ptr<tls::CertificateVerifier> verifier = nullptr) {
  RETURN_IF_ERROR(CheckPinned());
  RETURN_IF_ERROR(CheckIdentity(identity));
  const bool mutual = !client_root_pem.empty();
  auto provider = mutual ? std::make_shared<tls::StaticDataCertificateProvider>(std::string(client_root_pem), Pairs(identity))
                         : std::make_shared<tls::StaticDataCertificateProvider>(Pairs(identity));
  return Make(std::move(provider), mutual, request, std::move(verifier));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Make(
    const LiveIdentity& identity, bool mutual, grpc_ssl_client_certificate_request_type request,
    std::shared_ptr<tls::CertificateVerifier> verifier = nullptr) {
  RETURN_IF_ERROR(CheckPinned());
  auto provider = std::make_shared<tls::FileWatcherCertificateProvider>(
      identity.key_path(), identity.chain_path(), mutual ? identity.root_path() : "", kReloadSeconds);
  return Make(std::move(provider), mutual, request, std::move(verifier));
}

grpc::ChannelArguments Arguments(const std::string& server_name) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(server_name);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxBackoffMs);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(kMaxReceivedBytes);
  arguments.SetServiceConfigJSON("{}");
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
}

}  // namespace

absl::Status CheckIdentity(const TlsIdentity& identity) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(identity.chain_pem));
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, crypto::P256PrivateKey::FromPem(identity.key_pem));
  if (chain.front().spki() != key.spki()) {
    return absl::InvalidArgumentError("tls_key_mismatch: the TLS key does not belong to the TLS certificate");
  }
  return absl::OkStatus();
}

Endpoint Endpoint::Copy() const {
  Endpoint out{address, server_name, root_pem, std::nullopt, issuers};
  if (identity) out.identity = identity->Copy();
  return out;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(const TlsIdentity& identity,
                                                                                absl::string_view client_root_pem) {
  RETURN_IF_ERROR(crypto::Certificate::ParsePem(client_root_pem).status());
  return Make(identity, client_root_pem, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServiceServerCredentials(
    const TlsIdentity& identity, absl::string_view client_root_pem, std::string client_uri,
    std::function<void(const crypto::Certificate&)> refused, Issuers issuers) {
  RETURN_IF_ERROR(CheckPinned());  // the verifier starts gRPC
  RETURN_IF_ERROR(crypto::Certificate::ParsePem(client_root_pem).status());
  return Make(identity, client_root_pem, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
              tls::ExternalCertificateVerifier::Create<OneService>(std::move(client_uri), std::move(refused), std::move(issuers)));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> AnonymousServerCredentials(const TlsIdentity& identity) {
  return Make(identity, "", GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(const LiveIdentity& identity) {
  return Make(identity, true, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServiceServerCredentials(
    const LiveIdentity& identity, std::string client_uri, std::function<void(const crypto::Certificate&)> refused, Issuers issuers) {
  RETURN_IF_ERROR(CheckPinned());  // the verifier starts gRPC
  return Make(identity, true, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
              tls::ExternalCertificateVerifier::Create<OneService>(std::move(client_uri), std::move(refused), std::move(issuers)));
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> AnonymousServerCredentials(const LiveIdentity& identity) {
  return Make(identity, false, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const Endpoint& endpoint) {
  RETURN_IF_ERROR(CheckPinned());
  RETURN_IF_ERROR(crypto::Certificate::ParsePem(endpoint.root_pem).status());
  ASSIGN_OR_RETURN(const HostPort target, SplitHostPort(endpoint.address));
  std::shared_ptr<tls::StaticDataCertificateProvider> provider;
  if (endpoint.identity) {
    RETURN_IF_ERROR(CheckIdentity(*endpoint.identity));
    provider = std::make_shared<tls::StaticDataCertificateProvider>(endpoint.root_pem, Pairs(*endpoint.identity));
  } else {
    provider = std::make_shared<tls::StaticDataCertificateProvider>(endpoint.root_pem);
  }
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider);
  options.watch_root_certs();
  if (endpoint.identity) options.watch_identity_key_cert_pairs();
  const std::string name = endpoint.server_name.empty() ? target.host : endpoint.server_name;
  if (endpoint.issuers != nullptr) {
    options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<NamedServer>(name, endpoint.issuers));
  }
  return grpc::CreateCustomChannel(absl::StrCat("dns:", endpoint.address), tls::TlsCredentials(options), Arguments(name));
}

}  // namespace plumbline::rpc
