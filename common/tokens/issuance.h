// Drawing and redeeming tokens of type 0x0002 (RFC 9578 §6). The issuer knows whom it gives a token
// to and does not see it; who redeems it sees the token, that the issuer's key signed it, and not
// whose it is. What makes people look alike is not here: that all have the same key (one per
// purpose, class and epoch, shown by a log) and the same challenge.
#pragma once

#include "common/tokens/token.h"

namespace plumbline::tokens {

// A token being drawn: what the client keeps until the issuer has answered. Move-only; the blinding
// is wiped. To ask again after an answer was lost, send the same request again; what comes is the
// same token.
class PendingToken final {
 public:
  // RFC 9578 §6.1. INVALID_ARGUMENT for a key that no honest issuer has (BlindRsaBlinding::Create).
  // Whether the key is the one that everybody has is for the caller to know.
  static absl::StatusOr<PendingToken> Begin(const TokenChallenge& challenge,
                                            const crypto::BlindRsaPublicKey& key);
  // The same with what Begin draws: for the published vectors only.
  static absl::StatusOr<PendingToken> BeginWith(const TokenChallenge& challenge,
                                                const crypto::BlindRsaPublicKey& key,
                                                const Nonce& nonce, ByteView salt,
                                                const Secret& factor);

  const TokenRequest& request() const { return request_; }
  // The token, whose signature has been verified (RFC 9578 §6.3). INVALID_ARGUMENT or
  // UNAUTHENTICATED if the issuer answered wrongly: tell nobody which token it was, and draw
  // another.
  absl::StatusOr<Token> Finish(const TokenResponse& response) const;

 private:
  static absl::StatusOr<PendingToken> Of(const TokenInput& input,
                                         absl::StatusOr<crypto::BlindRsaBlinding> blinding);
  PendingToken(const TokenInput& input, const TokenRequest& request,
               crypto::BlindRsaBlinding&& blinding);
  TokenInput input_;
  TokenRequest request_;
  crypto::BlindRsaBlinding blinding_;
};

// The issuer's part (RFC 9578 §6.2), for somebody who may have a token. NOT_FOUND if the request is
// for another key, INVALID_ARGUMENT for a blinded message beyond the modulus, INTERNAL as
// BlindSign.
absl::StatusOr<TokenResponse> Issue(const crypto::BlindRsaSigner& key,
                                    const TokenRequest& request);

// Everything that a redeemer checks but the nullifier's being new (RFC 9577 §2.2, RFC 9578 §6.4):
// the token is for just this challenge, under just this key, and signed with it. UNAUTHENTICATED.
absl::Status VerifyToken(const Token& token, const TokenChallenge& challenge,
                         const crypto::BlindRsaPublicKey& key);

// What a redeemer remembers for as long as the key is in use, so that a token is used once:
// SHA-256("plumbline token v1" || TokenInput). Both parts have a fixed size. It leaves the
// authenticator out: whoever has one nonce signed twice has two authenticators and one nullifier.
// Nonce, challenge and key are all in it, so one store serves all purposes and epochs, and it says
// nothing of who drew the token. It counts only after VerifyToken.
Hash Nullifier(const Token& token);

}  // namespace plumbline::tokens
