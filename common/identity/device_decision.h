// What a person decides about their own devices, signed by one of them (docs/protocols/identity.md,
// "Devices of a person").
#pragma once

#include <cstdint>
#include <string>

#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// What identifies a device that asks to join: everything of it that will be certified.
//   struct { opaque user<V>; opaque tls_key_hash[32]; opaque working_public_key[32]; opaque
//   mls_signature_public_key[32]; }
//          JoinRequest;
struct JoinRequest {
  std::string user;
  Hash tls_key_hash{};  // SHA-256 of the SubjectPublicKeyInfo
  PublicKey working_public_key{};
  PublicKey mls_signature_public_key{};
  bool operator==(const JoinRequest&) const = default;
};
// SHA-256(kJoinRequestLabel || encoding).
Hash HashOf(const JoinRequest& request);
// What both screens show: the first 80 bits of the hash in the alphabet of one-time codes, normal
// form (codes.h). Whoever wants other keys approved has to find ones with the same 80 bits while
// the request waits.
std::string ApprovalCode(const JoinRequest& request);

enum class Decision : uint8_t { kApprove = 1, kRefuse = 2, kRemove = 3 };

// struct { uint8 version = 1; uint8 decision; opaque user<V>; opaque device_id[16]; opaque
// subject_hash[32]; opaque label<V>;
//          opaque signer_device_id[16]; uint64 time_unix; } DeviceDecision;   under
//          kDeviceDecisionLabel by the signer's
// working key
struct DeviceDecision {
  Decision decision = Decision::kRefuse;
  std::string user;
  DeviceId device_id{};  // of the device it is about
  Hash subject_hash{};   // 1, 2: HashOf its request. 3: SHA-256 of the directory record that was
                         // decided on
  std::string label;     // 1: as the person saw and took it; else empty
  DeviceId signer_device_id{};
  uint64_t time_unix = 0;
  bool operator==(const DeviceDecision&) const = default;
};
Bytes Encode(const DeviceDecision& decision);
absl::StatusOr<DeviceDecision> ParseDeviceDecision(ByteView wire);

}  // namespace plumbline::identity
