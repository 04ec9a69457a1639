#include "common/tokens/issuance.h"

#include <gtest/gtest.h>

#include "tests/common/tokens/published.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::tokens {
namespace {

using crypto::BlindRsaPublicKey;
using crypto::BlindRsaSecretKey;
using ::plumbline::testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kWrong = absl::StatusCode::kUnauthenticated;

Bytes Hex(absl::string_view text) { return testing::FromHex(text); }

// Made once: a key takes a while.
const BlindRsaSecretKey& Key() {
  static const auto* const key = new BlindRsaSecretKey(BlindRsaSecretKey::Generate());
  return *key;
}
const BlindRsaSecretKey& OtherKey() {
  static const auto* const key = new BlindRsaSecretKey(BlindRsaSecretKey::Generate());
  return *key;
}

TokenChallenge Challenge(absl::string_view origin = "delivery.example") {
  return *TokenChallenge::Create("issuer.example", origin);
}

PendingToken Pending() { return *PendingToken::Begin(Challenge(), Key().public_key()); }

Token Draw() {
  const PendingToken pending = Pending();
  return *pending.Finish(*Issue(Key(), pending.request()));
}

absl::Status Verify(const Token& token) {
  return VerifyToken(token, Challenge(), Key().public_key());
}

TEST(Tokens, AreThoseOfTheRfc) {
  ASSERT_OK_AND_ASSIGN(const BlindRsaPublicKey key, BlindRsaPublicKey::Parse(Hex(kPublishedKey)));
  EXPECT_EQ(ToHex(key.Serialize()), kPublishedKey);
  for (const PublishedToken& published : kPublishedTokens) {
    SCOPED_TRACE(published.nonce);
    ASSERT_OK_AND_ASSIGN(const TokenChallenge challenge,
                         TokenChallenge::Parse(Hex(published.challenge)));
    EXPECT_EQ(ToHex(challenge.Encode()), published.challenge);
    ASSERT_OK_AND_ASSIGN(const Token expected, ParseToken(Hex(published.token)));
    EXPECT_EQ(ToHex(expected.input.nonce), published.nonce);
    ASSERT_OK_AND_ASSIGN(
        const PendingToken pending,
        PendingToken::BeginWith(challenge, key, expected.input.nonce, Hex(published.salt),
                                Secret::CopyOf(Hex(published.blind))));
    EXPECT_EQ(ToHex(Encode(pending.request())), published.request);
    ASSERT_OK_AND_ASSIGN(const TokenResponse response, ParseTokenResponse(Hex(published.response)));
    ASSERT_OK_AND_ASSIGN(const Token token, pending.Finish(response));
    EXPECT_EQ(ToHex(Encode(token)), published.token);
    EXPECT_OK(VerifyToken(expected, challenge, key));
  }
}

TEST(Tokens, AreDrawnAndVerified) {
  const PendingToken pending = Pending();
  ASSERT_OK_AND_ASSIGN(const TokenRequest request, ParseTokenRequest(Encode(pending.request())));
  ASSERT_OK_AND_ASSIGN(const TokenResponse issued, Issue(Key(), request));
  ASSERT_OK_AND_ASSIGN(const TokenResponse response, ParseTokenResponse(Encode(issued)));
  ASSERT_OK_AND_ASSIGN(const Token drawn, pending.Finish(response));
  ASSERT_OK_AND_ASSIGN(const Token token, ParseToken(Encode(drawn)));
  EXPECT_EQ(token, drawn);
  EXPECT_OK(Verify(token));
  EXPECT_EQ(token.input.challenge_digest, Challenge().Digest());
  EXPECT_EQ(token.input.token_key_id, Sha256(Key().public_key().Serialize()));
  EXPECT_EQ(request.truncated_token_key_id, token.input.token_key_id[31]);
}

TEST(Tokens, RefuseEveryChangedByte) {
  const Bytes wire = Encode(Draw());
  ASSERT_EQ(wire.size(), kTokenSize);
  for (size_t i = 0; i < wire.size(); ++i) {
    for (const uint8_t bit : {0x01, 0x80}) {
      Bytes changed = wire;
      changed[i] ^= bit;
      const auto token = ParseToken(changed);
      EXPECT_EQ(token.ok(), i >= 2) << i;
      if (!token.ok()) continue;
      EXPECT_THAT(Verify(*token), StatusIs(kWrong)) << i;
    }
  }
}

TEST(Tokens, RefuseAnotherChallenge) {
  const Token token = Draw();
  EXPECT_THAT(VerifyToken(token, Challenge("directory.example"), Key().public_key()),
              StatusIs(kWrong));
  const auto context =
      TokenChallenge::Create("issuer.example", "delivery.example", RedemptionContext{});
  EXPECT_THAT(VerifyToken(token, *context, Key().public_key()), StatusIs(kWrong));
  const auto issuer = TokenChallenge::Create("other.example", "delivery.example");
  EXPECT_THAT(VerifyToken(token, *issuer, Key().public_key()), StatusIs(kWrong));
}

TEST(Tokens, RefuseAnotherKey) {
  EXPECT_THAT(VerifyToken(Draw(), Challenge(), OtherKey().public_key()), StatusIs(kWrong));
}

// The right key signs an input that names another challenge, or another key: what the digest and
// the key id in a token are for.
TEST(Tokens, RefuseASignedInputThatIsNotThisChallengesAndThisKeys) {
  const auto sign = [](const TokenInput& input) {
    const auto blinding = *crypto::BlindRsaBlinding::Create(Key().public_key(), Encode(input));
    return Token{.input = input,
                 .authenticator = *blinding.Finalize(*Key().BlindSign(blinding.blinded_message()))};
  };
  const TokenInput input = Draw().input;
  EXPECT_OK(Verify(sign(input)));
  TokenInput other_challenge = input, other_key = input;
  other_challenge.challenge_digest = Challenge("directory.example").Digest();
  other_key.token_key_id = TokenKeyId(OtherKey().public_key());
  EXPECT_THAT(Verify(sign(other_challenge)), StatusIs(kWrong));
  EXPECT_THAT(Verify(sign(other_key)), StatusIs(kWrong));
}

TEST(Tokens, RefuseASignatureOfAnother) {
  Token token = Draw();
  token.authenticator = Draw().authenticator;
  EXPECT_THAT(Verify(token), StatusIs(kWrong));
}

TEST(Tokens, MessagesOfOtherLengthsAreRefused) {
  const PendingToken pending = Pending();
  const TokenResponse response = *Issue(Key(), pending.request());
  const Bytes token = Encode(*pending.Finish(response)), request = Encode(pending.request()),
              answer = Encode(response);
  EXPECT_EQ(token.size(), 354u);
  EXPECT_EQ(request.size(), 259u);
  EXPECT_EQ(answer.size(), 256u);
  const auto resized = [](Bytes wire, size_t size) {
    wire.resize(size);
    return wire;
  };
  for (size_t size = 0; size < 400; ++size) {
    SCOPED_TRACE(size);
    EXPECT_EQ(ParseToken(resized(token, size)).ok(), size == token.size());
    EXPECT_EQ(ParseTokenRequest(resized(request, size)).ok(), size == request.size());
    EXPECT_EQ(ParseTokenResponse(resized(answer, size)).ok(), size == answer.size());
  }
}

TEST(Tokens, RequestsOfOtherTypesAreRefused) {
  Bytes request = Encode(Pending().request());
  for (const uint8_t type : {0, 1, 3, 0xff}) {
    request[1] = type;
    EXPECT_THAT(ParseTokenRequest(request), StatusIs(kInvalid));
  }
}

// Another key's byte is refused; another blinded message gets an answer that is of no use.
TEST(Tokens, RefuseEveryChangedByteOfARequest) {
  const PendingToken pending = Pending();
  const Bytes wire = Encode(pending.request());
  for (size_t i = 0; i < wire.size(); ++i) {
    Bytes changed = wire;
    changed[i] ^= 1;
    const auto request = ParseTokenRequest(changed);
    EXPECT_EQ(request.ok(), i >= 2) << i;
    if (!request.ok()) continue;
    const auto response = Issue(Key(), *request);
    if (i == 2) {
      EXPECT_THAT(response, StatusIs(absl::StatusCode::kNotFound));
      continue;
    }
    if (!response.ok()) {  // beyond the modulus: only by a change in front
      EXPECT_THAT(response, StatusIs(kInvalid));
      EXPECT_LT(i, 3u + 8u);
      continue;
    }
    EXPECT_THAT(pending.Finish(*response), StatusIs(kWrong)) << i;
  }
}

TEST(Tokens, EveryTruncatedKeyIdButItsOwnIsRefusedByAnIssuer) {
  TokenRequest request = Pending().request();
  for (int id = 0; id < 256; ++id) {
    request.truncated_token_key_id = static_cast<uint8_t>(id);
    EXPECT_EQ(Issue(Key(), request).ok(), id == TokenKeyId(Key().public_key())[31]) << id;
  }
}

TEST(Tokens, ABlindedMessageBeyondTheModulusIsRefused) {
  TokenRequest request = Pending().request();
  request.blinded_message.fill(0xff);
  EXPECT_THAT(Issue(Key(), request), StatusIs(kInvalid));
}

TEST(Tokens, RefuseAnIssuerWhoAnswersWrongly) {
  const PendingToken pending = Pending(), another = Pending();
  const TokenResponse response = *Issue(Key(), pending.request());
  EXPECT_OK(pending.Finish(response));
  EXPECT_THAT(pending.Finish(*Issue(Key(), another.request())), StatusIs(kWrong));
  EXPECT_THAT(pending.Finish(TokenResponse{}), StatusIs(kWrong));
  EXPECT_THAT(pending.Finish(TokenResponse{.blind_signature = pending.request().blinded_message}),
              StatusIs(kWrong));
  TokenResponse too_large;
  too_large.blind_signature.fill(0xff);
  EXPECT_THAT(pending.Finish(too_large), StatusIs(kInvalid));
  for (size_t i = 0; i < kTokenResponseSize; ++i) {
    TokenResponse changed = response;
    changed.blind_signature[i] ^= 1;
    EXPECT_FALSE(pending.Finish(changed).ok()) << i;
  }
}

// One challenge and one key: what the issuer sees of two tokens and what the redeemer sees of them
// have nothing in common, and neither has one token with the next.
TEST(Tokens, HaveNothingInCommonWithTheirRequests) {
  const PendingToken one = Pending(), two = Pending();
  EXPECT_NE(one.request(), two.request());
  const TokenResponse answer = *Issue(Key(), one.request());
  const Token first = *one.Finish(answer), second = *two.Finish(*Issue(Key(), two.request()));
  EXPECT_NE(first.input.nonce, second.input.nonce);
  EXPECT_NE(first.authenticator, second.authenticator);
  EXPECT_NE(first.authenticator, answer.blind_signature);
  EXPECT_NE(first.authenticator, one.request().blinded_message);
}

TEST(Tokens, AreTheSameWhenAskedForTwice) {
  const PendingToken pending = Pending();
  EXPECT_EQ(*pending.Finish(*Issue(Key(), pending.request())),
            *pending.Finish(*Issue(Key(), pending.request())));
}

TEST(Nullifiers, AreTheHashOfTheSignedInput) {
  const Token token = Draw();
  const Bytes hashed = Concat({AsBytes("plumbline token v1"), Encode(token.input)});
  EXPECT_EQ(hashed.size(), 18u + 98u);
  EXPECT_EQ(Nullifier(token), Sha256(hashed));
}

// Signed twice, with other salts: two authenticators that verify, and one use.
TEST(Nullifiers, AreOneForANonceThatWasSignedTwice) {
  const auto draw = [](const Nonce& nonce, uint8_t salt) {
    const auto pending = PendingToken::BeginWith(Challenge(), Key().public_key(), nonce,
                                                 Bytes(crypto::kBlindRsaSaltSize, salt),
                                                 Secret::CopyOf(Bytes(1, 2)));
    return *pending->Finish(*Issue(Key(), pending->request()));
  };
  Nonce nonce{}, other_nonce{};
  other_nonce[31] = 1;
  const Token one = draw(nonce, 1), two = draw(nonce, 2), other = draw(other_nonce, 1);
  EXPECT_OK(Verify(one));
  EXPECT_OK(Verify(two));
  EXPECT_NE(one.authenticator, two.authenticator);
  EXPECT_EQ(Nullifier(one), Nullifier(two));
  EXPECT_NE(Nullifier(one), Nullifier(other));
}

TEST(Nullifiers, DifferWithEachFieldThatIsSigned) {
  const Token token = Draw();
  Token nonce = token, challenge = token, key = token;
  nonce.input.nonce[0] ^= 1;
  challenge.input.challenge_digest[0] ^= 1;
  key.input.token_key_id[0] ^= 1;
  for (const Token& other : {nonce, challenge, key}) EXPECT_NE(Nullifier(other), Nullifier(token));
}

}  // namespace
}  // namespace plumbline::tokens
