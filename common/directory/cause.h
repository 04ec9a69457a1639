// What made a version of somebody's record, whole: whoever has it can check that the version had the authority it needed
// (docs/transparency.md, "Causes"). The log commits to it; only the key server and the auditors it opens it for have it.
//
//   struct { uint8 version = 1; uint8 kind; select (kind) { case 1: SignedIntent; case 2: Enrolment; case 3: Decided;
//            case 4: struct {}; } } Cause;
//   struct { opaque intent<V>; struct { opaque key_id[32]; opaque signature[64]; } signatures<V>; } SignedIntent;
//   struct { opaque proof<V>; opaque working_signature[64]; opaque mls_signature[64]; optional<SignedIntent> code; } Enrolment;
//   struct { opaque decision<V>; opaque signature[64]; optional<JoinRequest> request; } Decided;
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/identity/device_decision.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/intent.h"

namespace plumbline::directory {

inline constexpr size_t kMaxCause = 32 << 10;  // bytes
inline constexpr size_t kMaxIntentSignatures = 8;

// 1: an administrator's action.
struct SignedIntent {
  struct Signature {
    identity::Hash key_id{};
    identity::Signature signature{};  // under kIntentLabel
    bool operator==(const Signature&) const = default;
  };
  Bytes intent;  // encoded identity::Intent
  std::vector<Signature> signatures;  // 1 to kMaxIntentSignatures
  bool operator==(const SignedIntent&) const = default;
};

// 2: a new device that had a one-time code.
struct Enrolment {
  Bytes proof;  // encoded identity::EnrolmentProof
  identity::Signature working_signature{}, mls_signature{};  // under kEnrolmentProofLabel
  std::optional<SignedIntent> code;  // what issued the code; none for a code older than the log
  bool operator==(const Enrolment&) const = default;
};

// 3: what a person decided about their devices.
struct Decided {
  Bytes decision;  // encoded identity::DeviceDecision
  identity::Signature signature{};  // under kDeviceDecisionLabel, by the deciding device's working key
  std::optional<identity::JoinRequest> request;  // of an approval, and of nothing else: the keys that joined
  bool operator==(const Decided&) const = default;
};

// 4: the record is older than the log.
struct Adopted {
  bool operator==(const Adopted&) const = default;
};

using Cause = std::variant<SignedIntent, Enrolment, Decided, Adopted>;

Bytes Encode(const Cause& cause);
// INVALID_ARGUMENT for any other input than Encode's within kMaxCause. What is inside is not parsed and no signature checked.
absl::StatusOr<Cause> ParseCause(ByteView wire);

}  // namespace plumbline::directory
