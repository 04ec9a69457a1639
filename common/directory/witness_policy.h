// Whose cosignatures make the directory believed, said by the organisation's root: a C2SP tlog-policy with the directory's log
// and its witnesses, signed by a key that the root certified for this one statement (docs/transparency.md).
//
//   struct { uint8 version = 1; opaque domain<V>; uint64 number; opaque policy<V>; } WitnessPolicy;
//
// The signature is Ed25519 under "plumbline witness policy v1". Of two for one log the higher number holds; a lower one is refused,
// so no policy that was replaced comes back. A policy for a later log holds over all for the logs before it.
#pragma once

#include <string>

#include "common/crypto/ed25519.h"
#include "common/crypto/x509.h"
#include "common/tlog/policy.h"

namespace plumbline::directory {

struct WitnessPolicy {
  std::string domain;
  uint64_t number = 0;  // from 1
  std::string text;     // at most tlog::kMaxPolicy
  bool operator==(const WitnessPolicy&) const = default;
};
Bytes Encode(const WitnessPolicy& policy);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<WitnessPolicy> ParseWitnessPolicy(ByteView wire);

// As it is stored and sent.
struct SignedWitnessPolicy {
  Bytes certificate;  // DER; of the role "policy", under the root
  Bytes policy;       // encoded WitnessPolicy
  Bytes signature;    // 64 bytes
  bool operator==(const SignedWitnessPolicy&) const = default;
};

// INVALID_ARGUMENT unless `text` is a policy for one log of `domain` alone that needs witnesses.
absl::StatusOr<tlog::Policy> ReadPolicyText(absl::string_view text, absl::string_view domain);

struct VerifiedPolicy {
  WitnessPolicy statement;
  tlog::Policy policy;
  uint64_t log = 1;  // which log it is for, as LogNumber
};
// UNAUTHENTICATED if the root's word for it does not hold at `now`; INVALID_ARGUMENT for a malformed one, one of another
// organisation, and as ReadPolicyText.
absl::StatusOr<VerifiedPolicy> VerifyWitnessPolicy(const SignedWitnessPolicy& offered, const crypto::Certificate& root,
                                                   absl::string_view domain, absl::Time now);

}  // namespace plumbline::directory
