// Token challenges, tokens, requests and answers: what is read is written back, and under a known
// key only the token that was drawn verifies, and only the issuer's answer makes it.
#include "common/tokens/issuance.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using tokens::TokenChallenge;

enum Kind : uint8_t { kChallenge, kToken, kRequest, kResponse, kKinds };

struct World {
  crypto::BlindRsaSecretKey key = crypto::BlindRsaSecretKey::Generate();
  TokenChallenge challenge = *TokenChallenge::Create("issuer.example", "a.example,b.example:8443");
  tokens::PendingToken pending = *tokens::PendingToken::Begin(challenge, key.public_key());
  tokens::TokenResponse response = *tokens::Issue(key, pending.request());
  tokens::Token token = *pending.Finish(response);
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
    default:
      return FuzzResponse(body);
  }
}

std::vector<Bytes> Seeds() {
  const World& known = Known();
  return {Of(kChallenge, known.challenge.Encode()),
          Of(kChallenge, TokenChallenge::Create("a:1", "", tokens::RedemptionContext{})->Encode()),
          Of(kToken, Encode(known.token)), Of(kRequest, Encode(known.pending.request())),
          Of(kResponse, Encode(known.response))};
}

}  // namespace plumbline::fuzz
