// The device's own connection to the key server: mutual TLS, and a signature by the working key on every call
// (docs/protocols/identity.md, "Device requests").
#pragma once

#include <memory>
#include <string>

#include "common/clock.h"
#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/rpc/credentials.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace plumbline::client {

// Connects with the first call. Not thread-safe.
class DeviceChannel final {
 public:
  // `working_key` and `clock` outlive it. INVALID_ARGUMENT if the endpoint's identity does not parse.
  static absl::StatusOr<std::unique_ptr<DeviceChannel>> Create(rpc::Endpoint endpoint,
                                                               const crypto::Ed25519KeyPair& working_key,
                                                               const Clock& clock);
  ~DeviceChannel();

  // Calls the rpc of that name with a signed `body` (the serialised request). A connection whose nonce the server has
  // forgotten is opened once more.
  absl::Status Call(absl::string_view rpc, std::string body, google::protobuf::MessageLite& response);

 private:
  struct Connection;
  DeviceChannel(rpc::Endpoint endpoint, const crypto::Ed25519KeyPair& working_key, const Clock& clock,
                identity::Hash certificate_hash);
  absl::Status Open();
  absl::Status CallOnce(absl::string_view rpc, const std::string& body, google::protobuf::MessageLite& response);

  const rpc::Endpoint endpoint_;
  const crypto::Ed25519KeyPair& working_key_;
  const Clock& clock_;
  const identity::Hash certificate_hash_;  // of our own leaf
  std::unique_ptr<Connection> connection_;
};

}  // namespace plumbline::client
