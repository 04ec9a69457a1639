#include "common/tokens/token.h"

#include <algorithm>

#include "common/codec.h"

namespace plumbline::tokens {
namespace {

absl::Status ReadType(Reader& in) {
  ASSIGN_OR_RETURN(const uint16_t type, in.U16());
  if (type != kTokenType) return absl::InvalidArgumentError("a token of another type");
  return absl::OkStatus();
}

template <size_t kSize>
absl::Status ReadInto(Reader& in, std::array<uint8_t, kSize>& out) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(kSize));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return absl::OkStatus();
}

}  // namespace

Hash TokenKeyId(const crypto::BlindRsaPublicKey& key) { return Sha256(key.Serialize()); }

uint8_t TruncatedTokenKeyId(const crypto::BlindRsaPublicKey& key) { return TokenKeyId(key).back(); }

Bytes Encode(const TokenInput& input) {
  Writer out;
  out.U16(kTokenType).Fixed(input.nonce).Fixed(input.challenge_digest).Fixed(input.token_key_id);
  return out.TakeBytes();
}

Bytes Encode(const Token& token) { return Concat({Encode(token.input), token.authenticator}); }

absl::StatusOr<Token> ParseToken(ByteView wire) {
  Reader in(wire);
  Token out;
  RETURN_IF_ERROR(ReadType(in));
  RETURN_IF_ERROR(ReadInto(in, out.input.nonce));
  RETURN_IF_ERROR(ReadInto(in, out.input.challenge_digest));
  RETURN_IF_ERROR(ReadInto(in, out.input.token_key_id));
  RETURN_IF_ERROR(ReadInto(in, out.authenticator));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const TokenRequest& request) {
  Writer out;
  out.U16(kTokenType).U8(request.truncated_token_key_id).Fixed(request.blinded_message);
  return out.TakeBytes();
}

absl::StatusOr<TokenRequest> ParseTokenRequest(ByteView wire) {
  Reader in(wire);
  TokenRequest out;
  RETURN_IF_ERROR(ReadType(in));
  ASSIGN_OR_RETURN(out.truncated_token_key_id, in.U8());
  RETURN_IF_ERROR(ReadInto(in, out.blinded_message));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const TokenResponse& response) { return ToBytes(response.blind_signature); }

absl::StatusOr<TokenResponse> ParseTokenResponse(ByteView wire) {
  Reader in(wire);
  TokenResponse out;
  RETURN_IF_ERROR(ReadInto(in, out.blind_signature));
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::tokens
