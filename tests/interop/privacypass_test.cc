// Our tokens and those of privacypass-ts: client and issuer of either make, and who verifies.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/tokens/issuance.h"
#include "tests/interop/node_peer.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {
namespace {

using crypto::BlindRsaPublicKey;
using crypto::BlindRsaSecretKey;
using nlohmann::json;
using tokens::PendingToken;
using tokens::Token;
using tokens::TokenChallenge;

class PrivacyPass : public ::testing::Test {
 public:
  static void TearDownTestSuite() { peer_.reset(); }

 protected:
  void SetUp() override {
    if (const std::string why = WhyNoPeer("privacypass", "@cloudflare/privacypass-ts");
        !why.empty()) {
      GTEST_SKIP() << why;
    }
    if (peer_ == nullptr) peer_ = std::make_unique<NodePeer>("privacypass");
  }

  json Ask(const std::string& op, json more = json::object()) {
    const absl::StatusOr<json> answer = peer_->Ask(op, std::move(more));
    EXPECT_OK(answer);
    return answer.ok() ? *answer : json::object();
  }
  static Bytes Hex(const json& answer, const char* name) { return FromHex(answer.value(name, "")); }

  static TokenChallenge Challenge() {
    return *TokenChallenge::Create("issuer.example", "delivery.example,directory.example:8443");
  }
  Bytes TheirRequest(const BlindRsaPublicKey& key) {
    return Hex(Ask("request",
                   {{"challenge", ToHex(Challenge().Encode())}, {"key", ToHex(key.Serialize())}}),
               "request");
  }
  bool TheyVerify(const Token& token) {
    return Ask("verify", {{"token", ToHex(Encode(token))}}).value("valid", false);
  }

  static inline std::unique_ptr<NodePeer> peer_;  // one for all tests
};

TEST_F(PrivacyPass, ChallengesAreEncodedAlike) {
  const tokens::RedemptionContext context{1, 2, 3};
  const auto theirs = [&](const json& origins, ByteView with) {
    return ToHex(
        Hex(Ask("challenge",
                {{"issuer", "issuer.example"}, {"origins", origins}, {"context", ToHex(with)}}),
            "challenge"));
  };
  EXPECT_EQ(
      theirs(json::array({"a.example", "b.example:1"}), context),
      ToHex(TokenChallenge::Create("issuer.example", "a.example,b.example:1", context)->Encode()));
  EXPECT_EQ(theirs(json::array({"a.example"}), {}),
            ToHex(TokenChallenge::Create("issuer.example", "a.example")->Encode()));
  EXPECT_EQ(theirs(json::array(), {}),
            ToHex(TokenChallenge::Create("issuer.example", "")->Encode()));
}

TEST_F(PrivacyPass, OurClientDrawsFromTheirIssuer) {
  const json made = Ask("newIssuer");
  ASSERT_OK_AND_ASSIGN(const BlindRsaPublicKey key, BlindRsaPublicKey::Parse(Hex(made, "key")));
  EXPECT_EQ(ToHex(tokens::TokenKeyId(key)), made.value("keyId", ""));
  ASSERT_OK_AND_ASSIGN(const PendingToken pending, PendingToken::Begin(Challenge(), key));
  const Bytes answer =
      Hex(Ask("issue", {{"request", ToHex(Encode(pending.request()))}}), "response");
  ASSERT_OK_AND_ASSIGN(const tokens::TokenResponse response, tokens::ParseTokenResponse(answer));
  ASSERT_OK_AND_ASSIGN(Token token, pending.Finish(response));
  EXPECT_OK(VerifyToken(token, Challenge(), key));
  EXPECT_TRUE(TheyVerify(token));
  token.input.nonce[0] ^= 1;
  EXPECT_FALSE(TheyVerify(token));
}

TEST_F(PrivacyPass, TheirClientDrawsFromOurIssuer) {
  const BlindRsaSecretKey key = BlindRsaSecretKey::Generate();
  ASSERT_OK_AND_ASSIGN(const tokens::TokenRequest request,
                       tokens::ParseTokenRequest(TheirRequest(key.public_key())));
  ASSERT_OK_AND_ASSIGN(const tokens::TokenResponse response, Issue(key, request));
  const json finished = Ask("finish", {{"response", ToHex(Encode(response))}});
  ASSERT_OK_AND_ASSIGN(const Token token, tokens::ParseToken(Hex(finished, "token")));
  EXPECT_OK(VerifyToken(token, Challenge(), key.public_key()));
}

// The same key on both sides: for one request there is one answer.
TEST_F(PrivacyPass, IssuersWithOneKeyAnswerAlike) {
  const BlindRsaSecretKey key = BlindRsaSecretKey::Generate();
  const json theirs = Ask("issuerWith", {{"pkcs8", ToHex(key.pkcs8())}});
  EXPECT_EQ(Hex(theirs, "key"), key.public_key().Serialize());
  const Bytes request = TheirRequest(key.public_key());
  ASSERT_OK_AND_ASSIGN(const tokens::TokenResponse ours,
                       Issue(key, *tokens::ParseTokenRequest(request)));
  EXPECT_EQ(Hex(Ask("issue", {{"request", ToHex(request)}}), "response"), Encode(ours));
}

TEST_F(PrivacyPass, TheirClientRefusesAWrongAnswer) {
  const BlindRsaSecretKey key = BlindRsaSecretKey::Generate();
  const Bytes request = TheirRequest(key.public_key());
  tokens::TokenResponse response = *Issue(key, *tokens::ParseTokenRequest(request));
  response.blind_signature[200] ^= 1;
  EXPECT_FALSE(peer_->Ask("finish", {{"response", ToHex(Encode(response))}}).ok());
}

}  // namespace
}  // namespace plumbline::interop
