// One TLS handshake by OpenSSL alone, for the probes. Trusts nothing: it reports what the server presented.
#pragma once

#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "common/rpc/credentials.h"
#include "common/status.h"

namespace plumbline::rpc {

struct HostPort {
  std::string host;  // without brackets
  std::string port;  // decimal, 0..65535
};

// "host:port", "1.2.3.4:port" or "[::1]:port". INVALID_ARGUMENT address_malformed otherwise.
absl::StatusOr<HostPort> SplitHostPort(absl::string_view address);

enum class TlsVersion { k12, k13 };

struct HandshakeResult {
  enum class Outcome {
    kDone,             // the handshake is complete on our side; `chain` is what the server presented, leaf first
    kVersionRefused,   // the server does not speak this version
    kFailed,           // anything else after the connection was up
    kClosed,           // complete on our side, then closed or refused by the server: what a wrong client certificate gets
  };
  Outcome outcome = Outcome::kFailed;
  std::vector<crypto::Certificate> chain;  // also of a handshake that failed after it
  std::string detail;  // OpenSSL's own text of a failure
};

struct HandshakeOptions {
  TlsVersion version = TlsVersion::k13;
  std::string server_name;                // SNI; not checked here
  const TlsIdentity* identity = nullptr;  // client certificate to show
  bool await_first_byte = false;          // also wait until the server speaks HTTP/2 or closes
};

// UNAVAILABLE server_unreachable (with cause and remedy) if no connection comes about; INVALID_ARGUMENT for the address or
// identity. At most 5 s for each step.
absl::StatusOr<HandshakeResult> Handshake(const std::string& address, const HandshakeOptions& options);

}  // namespace plumbline::rpc
