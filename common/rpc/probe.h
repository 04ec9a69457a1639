// Plain OpenSSL handshakes beside gRPC: the start-up self-probe, finding a pinned root, and saying why a connection fails.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/crypto/fingerprint.h"
#include "common/rpc/credentials.h"
#include "common/status.h"

namespace plumbline::rpc {

// True if a server's certificate is for this DNS name or IP address.
bool CarriesName(const crypto::Certificate& certificate, const std::string& name);

// OK if the server at `address` refuses TLS 1.2 because of its version and completes TLS 1.3 with a certificate under
// `root_pem`. INTERNAL otherwise, naming which half failed. Blocks for at most 10 s.
absl::Status SelfProbe(const std::string& address, absl::string_view root_pem);

// The root certificate (PEM) with this fingerprint, taken from the chain the server presents, after verifying that the
// server's certificate is valid at `now`, for servers, and under that root. Trusts nothing else. Blocks for at most 15 s.
//   PERMISSION_DENIED root_mismatch: no certificate presented has this fingerprint
//   FAILED_PRECONDITION server_certificate_expired, clock_behind      UNAUTHENTICATED  as VerifyChain
//   UNAVAILABLE  nothing answers, with the remedy
absl::StatusOr<std::string> FetchPinnedRoot(const std::string& address, const crypto::Fingerprint& root, absl::Time now);

// Why a connection to `endpoint` does not come about, in words a person can act on. OK if it does. The reason ids:
//   UNAVAILABLE server_unreachable (nothing listens, no such host, timeout)     tls_failed (not TLS 1.3)
//   UNAUTHENTICATED wrong_organisation (another root), server_authority_replaced     PERMISSION_DENIED wrong_server_name
//   FAILED_PRECONDITION server_certificate_expired, clock_behind (the server's certificate is not valid yet),
//     own_certificate_expired, own_certificate_not_yet_valid
//   UNAUTHENTICATED own_certificate_refused (the server closed the connection after it saw our certificate, or none)
// Blocks for at most 15 s.
absl::Status Diagnose(const Endpoint& endpoint, absl::Time now);

}  // namespace plumbline::rpc
