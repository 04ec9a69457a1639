// The things the key server's stores keep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/audit/audit_log.h"
#include "common/directory/cause.h"
#include "common/identity/fixed.h"

namespace plumbline::keyserver {

// Stands where the inviting device would, if it was an administrator.
inline constexpr identity::DeviceId kByRegistrar{};

// A directory record as signed: canonical bytes and 64 bytes of signature.
struct SignedBytes {
  Bytes bytes;
  Bytes signature;
};

struct Device {
  identity::DeviceId id{};
  std::string user;
  std::string label;
  identity::PublicKey working_key{};  // signs device requests
  identity::PublicKey mls_key{};      // signs in groups
  Bytes credential;                   // DER of the MLS credential certificate
  uint32_t enrolled_day = 0;          // days since 1970
  Bytes tls_key_hash = {};            // SHA-256 of its TLS key's SubjectPublicKeyInfo; empty: enrolled before that was kept, and not heard of since
};

struct Account {
  std::string user;
  std::string display_name;
  std::string proofing_level;
  std::string proofing_reference;
  bool suspended = false;
  bool removed = false;      // for ever, and without devices
  bool has_enrolled = false;  // has or had a device
  uint64_t revision = 1;        // grows with each change an administrator can see; never with a wrong code
  SignedBytes record;           // the newest directory record
  std::vector<Device> devices;  // ascending by id
};

// What an administrator's signed action leaves in the same transaction as its effect: its nonce, itself, an
// audit event.
struct IntentTrace {
  identity::Fixed<16> nonce{};
  uint64_t expires_unix = 0;
  bool keep = true;  // as evidence; reads are forgotten once expired
  Bytes evidence;    // the SignedIntent as it came
  directory::SignedIntent cause;  // the same, of a record that it makes
  std::optional<directory::Decided::Joined> joined;  // of an activation
  audit::Entry entry;
};

// The same for what one of a person's devices decided about another: the decision is kept as evidence.
struct DecisionTrace {
  identity::Hash hash{};  // SHA-256 of `decision`
  Bytes decision;         // identity::DeviceDecision
  Bytes signature;
  std::optional<directory::Decided::Joined> joined;  // of an approval
  audit::Entry entry;
};

}  // namespace plumbline::keyserver
