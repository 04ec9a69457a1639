// Tokens of type 0x0002 and what is sent to get one (RFC 9577 §2.2, RFC 9578 §6). Each has one
// encoding of a fixed size, which the parsers take and nothing else: INVALID_ARGUMENT.
#pragma once

#include <array>

#include "common/bytes.h"
#include "common/crypto/blind_rsa.h"
#include "common/status.h"
#include "common/tokens/challenge.h"

namespace plumbline::tokens {

using Nonce = std::array<uint8_t, 32>;

// SHA-256 of the key's SubjectPublicKeyInfo (RFC 9578 §6.5).
Hash TokenKeyId(const crypto::BlindRsaPublicKey& key);
// Its last byte, all that an issuer is told: a whole one could be a client's own (RFC 9578 §6.1).
// An issuer that has several keys at a time takes none whose byte is taken.
uint8_t TruncatedTokenKeyId(const crypto::BlindRsaPublicKey& key);

// struct { uint16 token_type = 0x0002; opaque nonce[32]; opaque challenge_digest[32];
//          opaque token_key_id[32]; } TokenInput;
// What is signed (RFC 9577 §2.2.3).
inline constexpr size_t kTokenInputSize = 2 + 32 + 32 + 32;
struct TokenInput {
  Nonce nonce{};
  Hash challenge_digest{};
  Hash token_key_id{};
  bool operator==(const TokenInput&) const = default;
};
Bytes Encode(const TokenInput& input);

// struct { TokenInput input; opaque authenticator[256]; } Token;
inline constexpr size_t kTokenSize = kTokenInputSize + crypto::kBlindRsaSize;
struct Token {
  TokenInput input;
  crypto::BlindRsaNumber authenticator{};
  bool operator==(const Token&) const = default;
};
Bytes Encode(const Token& token);
absl::StatusOr<Token> ParseToken(ByteView wire);

// struct { uint16 token_type = 0x0002; uint8 truncated_token_key_id; opaque blinded_msg[256]; }
// TokenRequest;
inline constexpr size_t kTokenRequestSize = 2 + 1 + crypto::kBlindRsaSize;
struct TokenRequest {
  uint8_t truncated_token_key_id = 0;
  crypto::BlindRsaNumber blinded_message{};
  bool operator==(const TokenRequest&) const = default;
};
Bytes Encode(const TokenRequest& request);
absl::StatusOr<TokenRequest> ParseTokenRequest(ByteView wire);

// struct { opaque blind_sig[256]; } TokenResponse;
inline constexpr size_t kTokenResponseSize = crypto::kBlindRsaSize;
struct TokenResponse {
  crypto::BlindRsaNumber blind_signature{};
  bool operator==(const TokenResponse&) const = default;
};
Bytes Encode(const TokenResponse& response);
absl::StatusOr<TokenResponse> ParseTokenResponse(ByteView wire);

}  // namespace plumbline::tokens
