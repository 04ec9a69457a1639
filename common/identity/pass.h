// Passes: single-use permission to open one anonymous session (docs/protocols/passes.md).
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr uint16_t kPassTokenType = 0xFF01;  // private use: signed, not blind
inline constexpr size_t kPassSize = 2 + 32 + 32 + 32 + 72;
inline constexpr absl::Duration kPassLife = absl::Minutes(10);
// How long a redeemer remembers a nonce after the pass has expired.
inline constexpr absl::Duration kNullifierGrace = absl::Hours(1);

inline constexpr char kPurposeDelivery[] = "delivery";
inline constexpr char kPurposeDirectory[] = "directory";
bool IsPurpose(absl::string_view purpose);

// SHA-256 of `opaque label<V>; opaque domain<V>; opaque purpose<V>`.
Hash ChallengeDigest(absl::string_view domain, absl::string_view purpose);

// struct { uint16 token_type = 0xFF01; opaque nonce[32]; opaque challenge_digest[32];
//          opaque token_key_id[32]; uint64 expires_unix; opaque signature[64]; } Pass;
// Signed under kPassLabel over the fields before the signature.
struct Pass {
  Nonce nonce{};
  Hash challenge_digest{};
  Hash token_key_id{};        // SHA-256 of the passes role's public key
  uint64_t expires_unix = 0;  // seconds, a whole minute
  Signature signature{};
  bool operator==(const Pass&) const = default;
};
Bytes Encode(const Pass& pass);
absl::StatusOr<Pass> ParsePass(ByteView wire);

// A new pass with a random nonce, good for kPassLife and up to a minute more.
Pass IssuePass(const crypto::Ed25519KeyPair& passes_key, const Hash& challenge_digest, absl::Time now);

// Everything a redeemer checks but the nonce's being unused. UNAUTHENTICATED token_invalid (malformed,
// another purpose, another key, wrong signature) or token_expired.
absl::StatusOr<Pass> CheckPass(ByteView wire, const crypto::Ed25519PublicKey& passes_key,
                               const Hash& challenge_digest, absl::Time now);

}  // namespace plumbline::identity
