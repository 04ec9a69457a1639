// Who is at the other end of a call, as far as TLS proves it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "common/status.h"

namespace grpc {
class ServerContextBase;
}  // namespace grpc

namespace plumbline::rpc {

// True for the TLS certificate of the service with this URI: Purpose::kTlsPeer, and no other URI. Which root it is under, and
// whether it is valid now, the handshake has checked.
bool IsServiceCertificate(const crypto::Certificate& certificate, absl::string_view uri);

struct Caller {
  // The verified client certificate; absent on an anonymous listener.
  std::optional<crypto::Certificate> certificate;

  bool anonymous() const { return !certificate.has_value(); }
  // True if the certificate carries this URI among its subject alternative names.
  bool Has(absl::string_view uri) const;
  // The one URI that starts with `prefix`. PERMISSION_DENIED not_authorised if there is none or more than one.
  absl::StatusOr<std::string> UriWithPrefix(absl::string_view prefix) const;
};

// For streams; RunUnary does it itself. UNAUTHENTICATED if the peer's certificate cannot be read, or has ended since the
// handshake (certificate_expired).
absl::StatusOr<Caller> CallerOf(const grpc::ServerContextBase& context);

}  // namespace plumbline::rpc
