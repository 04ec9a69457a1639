// What a person gets from an administrator to join: where the key server is, which root to trust, and a
// one-time code.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// struct { opaque domain<V>; opaque root_fingerprint[32]; opaque keyserver_address<V>; opaque user<V>;
//          opaque code<V>; uint64 expires_unix; } Invitation;
struct Invitation {
  std::string domain;
  Hash root_fingerprint{};        // SHA-256 of the root certificate's DER
  std::string keyserver_address;  // host:port of the anonymous listener
  std::string user;               // user URI within `domain`
  std::string code;               // normal form; a secret until it is used
  uint64_t expires_unix = 0;      // seconds
  bool by_device = false;         // made by a device of the person: joining takes its approval
  bool operator==(const Invitation&) const = default;
};

// "plumbline-invitation:1:", or "plumbline-device-invitation:1:" for one by a device, and base64url without padding of the structure.
std::string FormatInvitation(const Invitation& invitation);
// White space around it does not count. INVALID_ARGUMENT for anything that FormatInvitation cannot have made.
absl::StatusOr<Invitation> ParseInvitation(absl::string_view text);

}  // namespace plumbline::identity
