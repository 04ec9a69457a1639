#include "common/tokens/issuance.h"

#include <algorithm>

namespace plumbline::tokens {
namespace {

constexpr char kNullifierLabel[] = "plumbline token v1";

TokenInput InputFor(const TokenChallenge& challenge, const crypto::BlindRsaPublicKey& key,
                    const Nonce& nonce) {
  return TokenInput{
      .nonce = nonce, .challenge_digest = challenge.Digest(), .token_key_id = TokenKeyId(key)};
}

Nonce RandomNonce() {
  const Bytes drawn = RandomBytes(Nonce().size());
  Nonce out;
  std::copy(drawn.begin(), drawn.end(), out.begin());
  return out;
}

}  // namespace

PendingToken::PendingToken(const TokenInput& input, const TokenRequest& request,
                           crypto::BlindRsaBlinding&& blinding)
    : input_(input), request_(request), blinding_(std::move(blinding)) {}

absl::StatusOr<PendingToken> PendingToken::Begin(const TokenChallenge& challenge,
                                                 const crypto::BlindRsaPublicKey& key) {
  const TokenInput input = InputFor(challenge, key, RandomNonce());
  return Of(input, crypto::BlindRsaBlinding::Create(key, Encode(input)));
}

absl::StatusOr<PendingToken> PendingToken::BeginWith(const TokenChallenge& challenge,
                                                     const crypto::BlindRsaPublicKey& key,
                                                     const Nonce& nonce, ByteView salt,
                                                     const Secret& factor) {
  const TokenInput input = InputFor(challenge, key, nonce);
  return Of(input, crypto::BlindRsaBlinding::CreateWith(key, Encode(input), salt, factor));
}

absl::StatusOr<PendingToken> PendingToken::Of(const TokenInput& input,
                                              absl::StatusOr<crypto::BlindRsaBlinding> blinding) {
  RETURN_IF_ERROR(blinding.status());
  const TokenRequest request{.truncated_token_key_id = input.token_key_id.back(),
                             .blinded_message = blinding->blinded_message()};
  return PendingToken(input, request, *std::move(blinding));
}

absl::StatusOr<Token> PendingToken::Finish(const TokenResponse& response) const {
  ASSIGN_OR_RETURN(const crypto::BlindRsaNumber authenticator,
                   blinding_.Finalize(response.blind_signature));
  return Token{.input = input_, .authenticator = authenticator};
}

absl::StatusOr<TokenResponse> Issue(const crypto::BlindRsaSigner& key,
                                    const TokenRequest& request) {
  if (request.truncated_token_key_id != TruncatedTokenKeyId(key.public_key()))
    return absl::NotFoundError("a token is asked of another key");
  ASSIGN_OR_RETURN(const crypto::BlindRsaNumber signature, key.BlindSign(request.blinded_message));
  return TokenResponse{.blind_signature = signature};
}

absl::Status VerifyToken(const Token& token, const TokenChallenge& challenge,
                         const crypto::BlindRsaPublicKey& key) {
  if (token.input != InputFor(challenge, key, token.input.nonce))
    return absl::UnauthenticatedError("the token is for another purpose or of another key");
  return key.Verify(Encode(token.input), token.authenticator);
}

Hash Nullifier(const Token& token) {
  return Sha256(Concat({AsBytes(kNullifierLabel), Encode(token.input)}));
}

}  // namespace plumbline::tokens
