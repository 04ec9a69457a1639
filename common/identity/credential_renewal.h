// A device asks for the next certificate of its MLS credential: for the same key and the same names, and signed by its working key
// (docs/protocols/identity.md, "Renewing a credential").
#pragma once

#include <cstdint>
#include <string>

#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// struct { uint8 version = 1; opaque user<V>; opaque device_id[16]; opaque mls_signature_public_key[32];
//          opaque former_credential_hash[32]; uint64 time_unix; } CredentialRenewal;
// under kCredentialRenewalLabel by the working key of that device
struct CredentialRenewal {
  std::string user;
  DeviceId device_id{};
  PublicKey mls_signature_public_key{};
  Hash former_credential_hash{};  // SHA-256 of the DER that is to be succeeded
  uint64_t time_unix = 0;
  bool operator==(const CredentialRenewal&) const = default;
};
Bytes Encode(const CredentialRenewal& renewal);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<CredentialRenewal> ParseCredentialRenewal(ByteView wire);

// When a credential has to be renewed by: with its certificate's end, or before that with its issuing authority's, where that was
// replaced and ends at `issuer_ends` (ReplacedIssuers::EndOf).
absl::Time CredentialEnd(const crypto::Certificate& credential, absl::Time issuer_ends = absl::InfiniteFuture());
// Time to renew: its authority was replaced; or less than a third of its life is left, and it is not of today.
bool CredentialIsDue(const crypto::Certificate& credential, absl::Time now, absl::Time issuer_ends = absl::InfiniteFuture());
// Its renewal has failed for half of the time there was: less than a sixth of its life is left.
bool CredentialIsOverdue(const crypto::Certificate& credential, absl::Time now, absl::Time issuer_ends = absl::InfiniteFuture());

}  // namespace plumbline::identity
