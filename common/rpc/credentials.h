// TLS identities and gRPC channels. All functions need PinTls13() first: FAILED_PRECONDITION otherwise.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/crypto/live_issuers.h"
#include "common/crypto/x509.h"
#include "common/secret.h"
#include "common/status.h"

namespace grpc {
class Channel;
class ServerCredentials;
}  // namespace grpc

namespace plumbline::rpc {

// A certificate chain with its key. Servers present leaf, issuing and root, so that a newcomer who knows only the root's
// fingerprint can find the root in the handshake (FetchPinnedRoot); clients present leaf and issuing.
struct TlsIdentity {
  std::string chain_pem;
  Secret key_pem;
  TlsIdentity Copy() const { return TlsIdentity{chain_pem, Secret::CopyOf(key_pem.view())}; }
};

// Demands a client certificate under `client_root_pem`. INVALID_ARGUMENT for PEM that does not parse or a key that is not
// the leaf's.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(const TlsIdentity& identity,
                                                                                absl::string_view client_root_pem);
// Which issuing authorities count no more, where that can change: null where none was replaced.
using Issuers = std::shared_ptr<const crypto::LiveIssuers>;
// The same, and of those certificates only the one of the service `client_uri` (IsServiceCertificate), under an authority that counts.
// Any other ends the connection with the handshake, before a request is read. `refused` is told of it, on a thread of gRPC: it must not
// block, and is not called any more once the listener's Shutdown has returned.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServiceServerCredentials(
    const TlsIdentity& identity, absl::string_view client_root_pem, std::string client_uri,
    std::function<void(const crypto::Certificate&)> refused, Issuers issuers = nullptr);
// Never asks for a client certificate.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> AnonymousServerCredentials(const TlsIdentity& identity);

// The same for listeners whose identity is replaced while they serve (live_identity.h), which outlives them.
class LiveIdentity;
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualServerCredentials(const LiveIdentity& identity);
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServiceServerCredentials(
    const LiveIdentity& identity, std::string client_uri, std::function<void(const crypto::Certificate&)> refused, Issuers issuers = nullptr);
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> AnonymousServerCredentials(const LiveIdentity& identity);

// INVALID_ARGUMENT for PEM that does not parse or a key that is not the leaf's.
absl::Status CheckIdentity(const TlsIdentity& identity);

// Where a client connects and whom it trusts there.
struct Endpoint {
  std::string address;                  // host:port; [::1]:port
  std::string server_name;              // the DNS name or IP address the certificate must carry; empty: the address's host
  std::string root_pem;                 // the only trusted root
  std::optional<TlsIdentity> identity;  // absent: anonymous
  Issuers issuers = nullptr;            // a server whose authority was replaced and has ended is none
  Endpoint Copy() const;
};

// A channel of its own: own credentials, own connection, never shared with another channel (PROTOCOLS 6). Connects lazily.
absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const Endpoint& endpoint);

}  // namespace plumbline::rpc
