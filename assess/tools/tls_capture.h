// Opens a recorded TLS 1.3 connection (RFC 8446) with the session's own secrets, as written by a key log in the NSS
// format. Record protection of the three cipher suites of RFC 8446 §B.4 that OpenSSL offers; key updates (§4.6.3);
// no 0-RTT, which the product never uses.
#pragma once

#include <map>
#include <string>

#include "assess/tools/relay.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::assess {

// client random (64 hex digits) -> label -> secret
using KeyLog = std::map<std::string, std::map<std::string, Bytes>>;

// Lines "LABEL client_random secret"; comments and lines of other shapes are passed over.
KeyLog ParseKeyLog(const std::string& text);

struct DecryptedConnection {
  uint16_t cipher_suite = 0;
  Bytes from_client;         // application data only
  Bytes from_server;
  size_t records = 0;        // protected records opened, both directions
  size_t key_updates = 0;
  bool cut_off = false;      // a direction ends within a record: the connection was broken
};

// INVALID_ARGUMENT if it is no TLS 1.3 connection, NOT_FOUND if the key log has no secrets for it, DATA_LOSS if a
// record does not open. A connection that ended before the handshake did has no application data and is OK.
absl::StatusOr<DecryptedConnection> Decrypt(const RecordedConnection& recorded, const KeyLog& keys);

}  // namespace plumbline::assess
