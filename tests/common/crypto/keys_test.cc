// Ed25519 with labels, sealed boxes, HKDF, fingerprints.
#include <gtest/gtest.h>

#include "common/crypto/ed25519.h"
#include "common/crypto/fingerprint.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/sealed_box.h"
#include "tests/status_matchers.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

Bytes FromHex(absl::string_view hex) {
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

const Bytes kMessage = ToBytes(AsBytes("the message"));

TEST(Ed25519, VerifiesWhatItSigned) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  EXPECT_OK(key.public_key().Verify("label", kMessage, key.Sign("label", kMessage)));
}

TEST(Ed25519, ASignatureForOneLabelIsWorthlessForAnother) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  const Bytes signature = key.Sign("grant", kMessage);
  EXPECT_THAT(key.public_key().Verify("record", kMessage, signature), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Ed25519, MovingBytesBetweenLabelAndMessageBreaksTheSignature) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  const Bytes signature = key.Sign("ab", AsBytes("c"));
  EXPECT_THAT(key.public_key().Verify("a", AsBytes("bc"), signature), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Ed25519, RefusesEveryFlippedBit) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  const Bytes signature = key.Sign("label", kMessage);
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    Bytes changed = signature;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(key.public_key().Verify("label", kMessage, changed).ok()) << bit;
  }
}

TEST(Ed25519, RefusesSignaturesOfAnotherLength) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  for (const size_t size : {0, 1, 63, 65}) {
    EXPECT_THAT(key.public_key().Verify("label", kMessage, Bytes(size)), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(Ed25519, RefusesPublicKeysOfSmallOrderWrongLengthOrNonCanonicalForm) {
  Bytes identity(32);
  identity[0] = 1;
  EXPECT_THAT(Ed25519PublicKey::Parse(identity), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Ed25519PublicKey::Parse(Bytes(32)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Ed25519PublicKey::Parse(Bytes(32, 0xff)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Ed25519PublicKey::Parse(Bytes(31)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Ed25519, ASeedGivesTheSameKeyAgain) {
  const Ed25519KeyPair key = Ed25519KeyPair::Generate();
  ASSERT_OK_AND_ASSIGN(const Ed25519KeyPair again, Ed25519KeyPair::FromSeed(Secret::CopyOf(key.seed())));
  EXPECT_EQ(again.public_key(), key.public_key());
  EXPECT_THAT(Ed25519KeyPair::FromSeed(Secret(31)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SealedBox, OpensForItsKeyOnly) {
  const SealedBoxKeyPair key = SealedBoxKeyPair::Generate();
  ASSERT_OK_AND_ASSIGN(const Bytes box, key.public_key().Seal(kMessage));
  EXPECT_EQ(box.size(), kMessage.size() + kSealedBoxOverhead);
  ASSERT_OK_AND_ASSIGN(const Secret opened, key.Open(box));
  EXPECT_TRUE(Equal(opened.view(), kMessage));
  EXPECT_THAT(SealedBoxKeyPair::Generate().Open(box), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(SealedBox, RefusesEveryTruncationAndChange) {
  const SealedBoxKeyPair key = SealedBoxKeyPair::Generate();
  ASSERT_OK_AND_ASSIGN(const Bytes box, key.public_key().Seal(kMessage));
  for (size_t n = 0; n < box.size(); ++n) {
    EXPECT_FALSE(key.Open(ByteView(box).first(n)).ok()) << n;
    Bytes changed = box;
    changed[n] ^= 0x40;
    EXPECT_FALSE(key.Open(changed).ok()) << n;
  }
}

TEST(SealedBox, RefusesKeysOfSmallOrder) {
  Bytes one(32);
  one[0] = 1;
  EXPECT_THAT(SealedBoxPublicKey::Parse(Bytes(32)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SealedBoxPublicKey::Parse(one), StatusIs(absl::StatusCode::kInvalidArgument));
}

// RFC 5869 appendix A, cases 1 and 3.
TEST(Hkdf, MatchesThePublishedVectors) {
  const Bytes key_material(22, 0x0b);
  EXPECT_EQ(ToHex(HkdfSha256(key_material, FromHex("000102030405060708090a0b0c"), FromHex("f0f1f2f3f4f5f6f7f8f9"), 42).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(ToHex(HkdfSha256(key_material, {}, {}, 42).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// RFC 4231 §4.3.
TEST(Hmac, MatchesThePublishedVector) {
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Fingerprint, ReadsBackItsOwnTextHoweverItIsTyped) {
  const Fingerprint print = Fingerprint::Of(AsBytes("root"));
  const std::string text = print.ToText();
  EXPECT_EQ(text.size(), 79u);
  std::string shouted;
  for (const char c : text) shouted += c == ' ' ? ':' : static_cast<char>(std::toupper(c));
  for (const std::string& typed : {text, shouted, "  " + text + " ", ToHex(print.view())}) {
    ASSERT_OK_AND_ASSIGN(const Fingerprint read, Fingerprint::FromText(typed));
    EXPECT_EQ(read, print);
  }
}

TEST(Fingerprint, RefusesAnythingElseAndSaysWhy) {
  const std::string hex = ToHex(Fingerprint::Of(AsBytes("root")).view());
  EXPECT_THAT(Fingerprint::FromText(hex.substr(1)), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("63")));
  EXPECT_THAT(Fingerprint::FromText(hex + "0"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("65")));
  EXPECT_THAT(Fingerprint::FromText(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Fingerprint::FromText("g" + hex.substr(1)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Fingerprint::FromText(std::string(100000, ' ')), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Fingerprint::FromBytes(Bytes(31)), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::crypto
