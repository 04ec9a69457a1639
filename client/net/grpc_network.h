// The services over gRPC. Every anonymous channel is one of its own (docs/protocols/delivery.md; PROTOCOL: one mailbox, one
// connection), so that nothing but time relates two of them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/network.h"
#include "client/unlock_network.h"
#include "common/clock.h"
#include "common/crypto/ed25519.h"
#include "common/rpc/credentials.h"

namespace plumbline::client {

struct NetworkOptions {
  std::string root_pem;           // the pinned root
  std::string keyserver_address;  // host:port of the anonymous listener
  std::string device_address;     // of the mutual listener; empty before enrolment
  std::string delivery_address;   // empty before enrolment
  rpc::Issuers issuers = nullptr;                       // which issuing authorities count no more
  std::optional<rpc::TlsIdentity> identity;             // the device's; absent before enrolment
  const crypto::Ed25519KeyPair* working_key = nullptr;  // signs device requests; outlives the network
};

// Both over the one connection that this device is known on.
class GrpcNetwork : public Network, public UnlockKeyNetwork {
 public:
  // From now on this device shows the renewed certificate. INVALID_ARGUMENT if it does not parse; FAILED_PRECONDITION before
  // enrolment.
  virtual absl::Status UseIdentity(const rpc::TlsIdentity& identity) = 0;
};

// Needs rpc::PinTls13() first. INVALID_ARGUMENT if the identity does not parse.
absl::StatusOr<std::unique_ptr<GrpcNetwork>> NewGrpcNetwork(NetworkOptions options, const Clock& clock);

}  // namespace plumbline::client
