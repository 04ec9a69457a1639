// A device that cannot follow its group any more asks one member to take it out and in again, in one commit
// (docs/protocols/groups.md, "Falling behind"). Travels as an envelope of kind 5.
#pragma once

#include <cstdint>

#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// struct { uint8 version = 1; opaque group_id<V>; uint64 epoch; uint64 time_unix; opaque key_package<V>;
//          opaque signature[64]; } ResyncRequest;      // under kResyncLabel over the fields before, by the device's MLS key
struct ResyncRequest {
  Bytes group_id;      // 1 to 64 bytes
  uint64_t epoch = 0;  // the last one the device could read
  uint64_t time_unix = 0;
  Bytes key_package;  // MLSMessage with a KeyPackage of the same device, at most 16 KiB; used for nothing else
  Signature signature{};
  bool operator==(const ResyncRequest&) const = default;
};
ResyncRequest SignResyncRequest(ResyncRequest request, const crypto::Ed25519KeyPair& mls_key);
// UNAUTHENTICATED if the signature is not by `mls_key`.
absl::Status VerifyResyncRequest(const ResyncRequest& request, const crypto::Ed25519PublicKey& mls_key);
Bytes Encode(const ResyncRequest& request);
absl::StatusOr<ResyncRequest> ParseResyncRequest(ByteView wire);

}  // namespace plumbline::identity
