#include "common/tokens/redeemer.h"

#include "common/identity/reason.h"

namespace plumbline::tokens {
namespace {

absl::Status Invalid(absl::string_view why) { return identity::Refuse(absl::StatusCode::kUnauthenticated, "token_invalid", why); }

}  // namespace

absl::StatusOr<Redeemed> Redeemer::Check(ByteView token, ByteView token_key, const identity::RoleKeys& tokens_keys, absl::Time now) const {
  const absl::StatusOr<Token> parsed = ParseToken(token);
  if (!parsed.ok()) return Invalid("this is not a token; draw new ones");
  const absl::StatusOr<TokenKey> key = OpenTokenKey(token_key, tokens_keys, domain_);
  if (!key.ok()) return Invalid("the token's key is not one of this organisation; draw new ones");
  if (key->leaf.purpose != purpose_) return Invalid("the token's key is for another service");
  if (now >= key->ends()) {
    return identity::Refuse(absl::StatusCode::kUnauthenticated, "token_expired", "the token's time is over; draw new ones");
  }
  if (!VerifyToken(*parsed, challenge_, key->key).ok()) return Invalid("the token is not signed for this service; draw new ones");
  return Redeemed{Nullifier(*parsed), parsed->input.token_key_id, key->opens(), key->ends()};
}

}  // namespace plumbline::tokens
