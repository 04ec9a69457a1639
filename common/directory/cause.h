// What made a version of somebody's record, whole: whoever has it can check that the version had the authority it needed
// (docs/transparency.md, "Causes and authority"). The log commits to it; only the key server and the auditors it opens it for have it.
//
//   struct { uint8 version = 1; uint8 kind; select (kind) { case 1: SignedIntent; case 2: Enrolment; case 3: Decided;
//            case 4: Adopted; case 5: Activated; case 6: Renewed; } } Cause;
//   struct { opaque intent<V>; uint64 revision; struct { opaque key_id[32]; opaque signature[64]; } signatures<V>; } SignedIntent;
//   struct { opaque proof<V>; opaque code_signature[64]; opaque working_signature[64]; opaque mls_signature[64];
//            opaque credential<V>; SignedIntent code; } Enrolment;
//   struct { opaque decision<V>; opaque signature[64];
//            optional<struct { JoinRequest request; opaque credential<V>; }> joined; } Decided;
//   struct { opaque user<V>; opaque tls_key_hash[32]; opaque working_public_key[32]; opaque mls_signature_public_key[32]; } JoinRequest;
//   struct { struct { opaque device_id[16]; opaque working_public_key[32]; } devices<V>; } Adopted;
//   struct { SignedIntent intent; JoinRequest request; opaque credential<V>; } Activated;
//   struct { opaque renewal<V>; opaque signature[64]; opaque credential<V>; } Renewed;
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/identity/credential_renewal.h"
#include "common/identity/device_decision.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/intent.h"
#include "common/identity/record.h"

namespace plumbline::directory {

inline constexpr size_t kMaxCause = 32 << 10;  // bytes
inline constexpr size_t kMaxIntentSignatures = 8;
inline constexpr size_t kMaxCauseMessage = 1024;     // bytes of a proof, a decision or a renewal; each is smaller
inline constexpr size_t kMaxCauseCredential = 4096;  // bytes; a credential has about 500

// 1: an administrator's action.
struct SignedIntent {
  struct Signature {
    identity::Hash key_id{};
    identity::Signature signature{};  // under kIntentLabel
    bool operator==(const Signature&) const = default;
  };
  Bytes intent;           // encoded identity::Intent
  uint64_t revision = 0;  // of the account before it: what its state_hash holds and no record does; 0 where it has none
  std::vector<Signature> signatures;  // 1 to kMaxIntentSignatures
  bool operator==(const SignedIntent&) const = default;
};

// 2: a new device that had a one-time code.
struct Enrolment {
  Bytes proof;  // encoded identity::EnrolmentProof
  identity::Signature code_signature{}, working_signature{}, mls_signature{};  // under kEnrolmentProofLabel
  Bytes credential;   // DER of the device's MLS credential certificate
  SignedIntent code;  // what issued the code
  bool operator==(const Enrolment&) const = default;
};

// 3: what a person decided about their devices.
struct Decided {
  struct Joined {
    identity::JoinRequest request;
    Bytes credential;  // as above
    bool operator==(const Joined&) const = default;
  };
  Bytes decision;  // encoded identity::DeviceDecision
  identity::Signature signature{};  // under kDeviceDecisionLabel, by the deciding device's working key
  std::optional<Joined> joined;     // of an approval, and of nothing else
  bool operator==(const Decided&) const = default;
};

// 4: the record is older than the log, which takes it on trust with the working keys that no record shows.
struct Adopted {
  struct Device {
    identity::DeviceId device_id{};
    identity::PublicKey working_public_key{};
    bool operator==(const Device&) const = default;
  };
  std::vector<Device> devices;  // ascending by device_id, at most kMaxDevices
  bool operator==(const Adopted&) const = default;
};

// 5: a registrar let a waiting device in.
struct Activated {
  SignedIntent intent;  // of activate_device
  Decided::Joined joined;
  bool operator==(const Activated&) const = default;
};

// 6: a device has the next certificate of its credential.
struct Renewed {
  Bytes renewal;                    // encoded identity::CredentialRenewal
  identity::Signature signature{};  // under kCredentialRenewalLabel, by the device's own working key
  Bytes credential;                 // the new one, as above
  bool operator==(const Renewed&) const = default;
};

using Cause = std::variant<SignedIntent, Enrolment, Decided, Adopted, Activated, Renewed>;

Bytes Encode(const Cause& cause);
// INVALID_ARGUMENT for any other input than Encode's within these limits. Messages and certificates inside are not parsed, and no
// signature is checked.
absl::StatusOr<Cause> ParseCause(ByteView wire);

}  // namespace plumbline::directory
