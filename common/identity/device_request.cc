#include "common/identity/device_request.h"

namespace plumbline::identity {

Bytes Encode(const DeviceRequest& request) {
  Writer out;
  out.Vector(AsBytes(request.rpc))
      .Fixed(request.nonce)
      .U64(request.counter)
      .Fixed(request.client_certificate_hash)
      .Fixed(request.server_certificate_hash)
      .Vector(request.body);
  return out.TakeBytes();
}

}  // namespace plumbline::identity
