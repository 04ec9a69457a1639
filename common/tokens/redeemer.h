// What a service checks of a token that is shown to it, but that it is shown once. It needs the public keys of the organisation's
// tokens role and no connection to the issuer.
#pragma once

#include <string>

#include "common/tokens/issuance.h"
#include "common/tokens/token_key.h"

namespace plumbline::tokens {

// What is to be remembered of a token that was good.
struct Redeemed {
  Hash nullifier{};     // until `ends`; the second with the same is spent
  Hash token_key_id{};
  absl::Time opens;     // of its key
  absl::Time ends;
};

// Thread-safe.
class Redeemer final {
 public:
  Redeemer(absl::string_view domain, absl::string_view purpose)
      : domain_(domain), purpose_(purpose), challenge_(ChallengeFor(domain, purpose)) {}

  // `token`: RFC 9577 Token; `token_key`: SignedTokenKey; `tokens_keys`: those that count at `now`. UNAUTHENTICATED token_invalid
  // (malformed, another purpose or organisation, not signed), token_expired.
  absl::StatusOr<Redeemed> Check(ByteView token, ByteView token_key, const identity::RoleKeys& tokens_keys, absl::Time now) const;

 private:
  const std::string domain_, purpose_;
  const TokenChallenge challenge_;
};

}  // namespace plumbline::tokens
