// Revocations: what the key server tells the delivery server about a device that may no longer act.
// Grant serials, keys of tokens, and nothing that names a person or a device
// (docs/protocols/delivery.md, "Revocation").
#pragma once

#include <cstdint>
#include <vector>

#include "common/identity/fixed.h"
#include "common/identity/grant.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxRevokedGrants = 256;   // in one revocation
inline constexpr size_t kMaxVoidTokenKeys = 64;    // in one revocation

// struct { opaque serial[16]; uint32 expires_day; } RevokedGrant;
struct RevokedGrant {
  GrantSerial serial{};
  uint32_t expires_day = 0;  // the grant's own: nothing has to be remembered for longer
  bool operator==(const RevokedGrant&) const = default;
};

// The key of anonymous tokens of which none counts any more (docs/protocols/tokens.md).
// struct { opaque token_key_id[32]; uint64 ends_unix; } VoidTokenKey;
struct VoidTokenKey {
  Hash token_key_id{};
  uint64_t ends_unix = 0;  // the key's own
  bool operator==(const VoidTokenKey&) const = default;
};

// struct { RevokedGrant grants<V>; VoidTokenKey token_keys<V>; } RevokedItems;   each list ascending,
// without repeats
struct RevokedItems {
  std::vector<RevokedGrant> grants;
  std::vector<VoidTokenKey> token_keys;
  bool operator==(const RevokedItems&) const = default;
};
Bytes Encode(const RevokedItems& items);
// INVALID_ARGUMENT for anything Encode cannot have made, or above the limits.
absl::StatusOr<RevokedItems> ParseRevokedItems(ByteView wire);
// As many as fit the limits, in the order and without the repeats that the encoding asks for. Empty
// if there is nothing.
std::vector<RevokedItems> SplitItems(std::vector<RevokedGrant> grants,
                                     std::vector<VoidTokenKey> token_keys);

// struct { uint8 version = 2; uint64 sequence; uint64 previous; RevokedItems items; } Revocation;
// Signed under kRevocationLabel by the grants role.
struct Revocation {
  uint64_t sequence = 0;  // from 1, growing
  uint64_t previous = 0;  // the one before that is still kept, 0 if there is none: below sequence
  RevokedItems items;
  bool operator==(const Revocation&) const = default;
};
Bytes Encode(const Revocation& revocation);
absl::StatusOr<Revocation> ParseRevocation(ByteView wire);

}  // namespace plumbline::identity
