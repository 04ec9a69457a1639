// What a new device signs with each of its two keys and with its one-time code (docs/protocols/identity.md).
#pragma once

#include <string>

#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// struct { opaque user<V>; opaque code_key[32]; opaque tls_csr_hash[32]; opaque working_public_key[32];
//          opaque mls_signature_public_key[32]; } EnrolmentProof;   under kEnrolmentProofLabel
struct EnrolmentProof {
  std::string user;
  PublicKey code_key{};  // of EnrolmentCodeKey
  Hash tls_csr_hash{};   // SHA-256 of the CSR's DER
  PublicKey working_public_key{};
  PublicKey mls_signature_public_key{};
  bool operator==(const EnrolmentProof&) const = default;
};
Bytes Encode(const EnrolmentProof& proof);
// INVALID_ARGUMENT for any other input than Encode's of a proof whose user is a user URI.
absl::StatusOr<EnrolmentProof> ParseEnrolmentProof(ByteView wire);

// struct { opaque domain<V>; opaque name<V>; opaque public_key[32]; } AdministratorProof;
// Signed under kAdministratorLabel; HMAC-SHA256 over the same bytes with FirstAdministratorMacKey
// (docs/protocols/intents.md).
struct AdministratorProof {
  std::string domain;
  std::string name;
  PublicKey public_key{};
};
Bytes Encode(const AdministratorProof& proof);

}  // namespace plumbline::identity
