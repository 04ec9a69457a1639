// The keys that tokens are signed with, as the key server states them: one for each purpose, class and epoch, the same for
// everybody. A statement is signed by the organisation's tokens role, so whoever redeems a token needs nothing else; that there
// is no second key of the same epoch is what its leaf in the directory's log shows (docs/protocols/tokens.md).
//
//   struct { uint8 version = 1; opaque domain<V>; opaque spki<V>; opaque leaf<V>; } TokenKey;   // leaf: a DirectoryLeaf, TokenKey
//   struct { opaque token_key<V>; opaque signature[64]; } SignedTokenKey;    // Ed25519 under "plumbline token key v1"
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/crypto/blind_rsa.h"
#include "common/crypto/ed25519.h"
#include "common/identity/organisation_keys.h"
#include "common/status.h"
#include "common/tlog/directory_leaf.h"
#include "common/tokens/challenge.h"

namespace plumbline::tokens {

// What tokens are good for: opening a send session at the delivery server; a look-up or a claim at the key server.
inline constexpr char kPurposeDelivery[] = "delivery";
inline constexpr char kPurposeDirectory[] = "directory";
bool IsPurpose(absl::string_view purpose);
// Who draws them. There is one class: everybody looks alike.
inline constexpr char kClassMember[] = "member";

// The one challenge for tokens of a purpose: the organisation is its issuer, the purpose its origin. `purpose` is one of the
// above and `domain` an organisation's.
TokenChallenge ChallengeFor(absl::string_view domain, absl::string_view purpose);

inline constexpr size_t kMaxSignedTokenKey = 2048;  // bytes

struct TokenKey {
  std::string domain;
  crypto::BlindRsaPublicKey key;
  tlog::TokenKeyLeaf leaf;  // its token_key_id is of `key`
  absl::Time opens() const { return absl::FromUnixSeconds(static_cast<int64_t>(leaf.opens)); }
  absl::Time closes() const { return absl::FromUnixSeconds(static_cast<int64_t>(leaf.closes)); }
  absl::Time ends() const { return absl::FromUnixSeconds(static_cast<int64_t>(leaf.ends)); }
  bool operator==(const TokenKey&) const = default;
};

// The encoded SignedTokenKey.
absl::StatusOr<Bytes> SignTokenKey(const TokenKey& key, const crypto::Ed25519Signer& tokens_role);
// INVALID_ARGUMENT unless `wire` is what SignTokenKey makes of some key; UNAUTHENTICATED if no key of that role that counts now signed it, or is
// another organisation's. Says nothing about its time.
absl::StatusOr<TokenKey> OpenTokenKey(ByteView wire, const identity::RoleKeys& tokens_keys, absl::string_view domain);

}  // namespace plumbline::tokens
