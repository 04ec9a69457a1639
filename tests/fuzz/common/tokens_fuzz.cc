// Token challenges, tokens, requests, answers and statements of keys: what is read is written back, and under a known
// key only the token that was drawn verifies, and only the issuer's answer makes it.
#include "common/codec.h"
#include "common/identity/labels.h"
#include "common/tokens/redeemer.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using tokens::TokenChallenge;

enum Kind : uint8_t { kChallenge, kToken, kRequest, kResponse, kTokenKey, kForged, kKinds };

struct World {
  crypto::BlindRsaSecretKey key = crypto::BlindRsaSecretKey::Generate();
  TokenChallenge challenge = *TokenChallenge::Create("issuer.example", "a.example,b.example:8443");
  tokens::PendingToken pending = *tokens::PendingToken::Begin(challenge, key.public_key());
  tokens::TokenResponse response = *tokens::Issue(key, pending.request());
  tokens::Token token = *pending.Finish(response);
  crypto::Ed25519KeyPair role = crypto::Ed25519KeyPair::Generate();
  tokens::TokenKey token_key{"example.org",
                             key.public_key(),
                             {"delivery", "member", 3, 3600, 7200, 7800, tokens::TokenKeyId(key.public_key())}};
};

const World& Known() {
  static const auto* const world = new World();
  return *world;
}

Bytes Of(Kind kind, ByteView body) { return Concat({Bytes(1, kind), body}); }

void FuzzChallenge(ByteView body) {
  const World& known = Known();
  const auto challenge = TokenChallenge::Parse(body);
  if (!challenge.ok()) return;
  CHECK(Equal(challenge->Encode(), body));
  CHECK(*TokenChallenge::Create(challenge->issuer_name(), challenge->origin_info(),
                                challenge->redemption_context()) == *challenge);
  CHECK((challenge->Digest() == known.challenge.Digest()) == (*challenge == known.challenge));
  CHECK(VerifyToken(known.token, *challenge, known.key.public_key()).ok() ==
        (*challenge == known.challenge));
}

void FuzzToken(ByteView body) {
  const World& known = Known();
  const auto token = tokens::ParseToken(body);
  CHECK(token.ok() == (body.size() == tokens::kTokenSize && body[0] == 0 && body[1] == 2));
  if (!token.ok()) return;
  CHECK(Equal(Encode(*token), body));
  CHECK(VerifyToken(*token, known.challenge, known.key.public_key()).ok() ==
        (*token == known.token));
  CHECK((Nullifier(*token) == Nullifier(known.token)) == (token->input == known.token.input));
}

void FuzzRequest(ByteView body) {
  const World& known = Known();
  const auto request = tokens::ParseTokenRequest(body);
  if (!request.ok()) return;
  CHECK(Equal(Encode(*request), body));
  const auto response = Issue(known.key, *request);
  if (response.ok()) CHECK((*response == known.response) == (*request == known.pending.request()));
}

void FuzzResponse(ByteView body) {
  const World& known = Known();
  const auto response = tokens::ParseTokenResponse(body);
  if (!response.ok()) return;
  CHECK(Equal(Encode(*response), body));
  const auto token = known.pending.Finish(*response);
  CHECK(token.ok() == (*response == known.response));
  if (token.ok()) CHECK(*token == known.token);
}

// Signed by the organisation, or not.
void FuzzTokenKey(ByteView body, bool is_signed) {
  const World& known = Known();
  Bytes wire = ToBytes(body);
  if (is_signed) {
    Writer out;
    out.Vector(body).Fixed(known.role.Sign(identity::kTokenKeyLabel, body));
    wire = out.TakeBytes();
  }
  const auto key = tokens::OpenTokenKey(wire, known.role.public_key(), "example.org");
  if (!key.ok()) return;
  CHECK(Equal(*SignTokenKey(*key, known.role), wire));
  CHECK(is_signed || *key == known.token_key);
  if (!tokens::IsPurpose(key->leaf.purpose)) return;
  const tokens::Redeemer redeemer("example.org", key->leaf.purpose);
  (void)redeemer.Check(Encode(known.token), wire, known.role.public_key(), absl::FromUnixSeconds(4000)).ok();
}

}  // namespace

// struct { Kind kind; opaque body[]; }
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  switch (input[0] % kKinds) {
    case kChallenge:
      return FuzzChallenge(body);
    case kToken:
      return FuzzToken(body);
    case kRequest:
      return FuzzRequest(body);
    case kResponse:
      return FuzzResponse(body);
    default:
      return FuzzTokenKey(body, input[0] % kKinds == kTokenKey);
  }
}

std::vector<Bytes> Seeds() {
  const World& known = Known();
  const Bytes statement = *SignTokenKey(known.token_key, known.role);
  Reader in(statement);
  const Bytes inner = ToBytes(*in.Vector(tokens::kMaxSignedTokenKey));
  return {Of(kChallenge, known.challenge.Encode()),
          Of(kChallenge, TokenChallenge::Create("a:1", "", tokens::RedemptionContext{})->Encode()),
          Of(kToken, Encode(known.token)), Of(kRequest, Encode(known.pending.request())),
          Of(kResponse, Encode(known.response)), Of(kTokenKey, inner), Of(kForged, statement)};
}

}  // namespace plumbline::fuzz
