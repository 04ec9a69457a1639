// What an enrolled device signs with its working key for each call (docs/protocols/identity.md, "Device
// requests").
#pragma once

#include <cstdint>
#include <string>

#include "common/identity/fixed.h"

namespace plumbline::identity {

// struct { opaque rpc<V>; opaque nonce[32]; uint64 counter; opaque client_certificate_hash[32];
//          opaque server_certificate_hash[32]; opaque body<V>; } DeviceRequest;   under kDeviceRequestLabel
struct DeviceRequest {
  std::string rpc;  // "PublishKeyPackages"
  Nonce nonce{};    // from OpenChannel
  uint64_t counter = 0;
  Hash client_certificate_hash{};  // SHA-256 of the DER leaf each end showed
  Hash server_certificate_hash{};
  Bytes body;  // the serialised request message
};
Bytes Encode(const DeviceRequest& request);

}  // namespace plumbline::identity
