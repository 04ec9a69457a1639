// Speaks TLS and a few frames of HTTP/2 by hand: to offer what the product's own client never offers, and to carry a
// control through the recording relay.
#pragma once

#include <string>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::assess {

// A TLS handshake with 127.0.0.1:port at no more than `max_version` (OpenSSL's TLS1_2_VERSION, ...). The version agreed
// on, as text; UNAVAILABLE with the alert if the server refused.
absl::StatusOr<std::string> OfferTls(int port, int max_version);

// One gRPC call of `path` whose message carries `control` in its first field, over TLS 1.3; the answer, mostly a refusal,
// is not looked at. The session's secrets are appended to `key_log`. UNAVAILABLE if it could not be sent or was not answered.
absl::Status SendControl(int port, const std::string& path, const std::string& control, const std::string& key_log);

}  // namespace plumbline::assess
