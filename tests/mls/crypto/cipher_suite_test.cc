#include "mls/crypto/cipher_suite.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::mls {
namespace {

using testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class CipherSuiteTest : public ::testing::TestWithParam<SuiteId> {
 protected:
  const CipherSuite& suite() const { return **CipherSuite::Get(static_cast<uint16_t>(GetParam())); }
};

TEST_P(CipherSuiteTest, SignsAndVerifiesUnderOneLabelOnly) {
  const SignatureKeyPair pair = suite().GenerateSignatureKeyPair();
  const Bytes content = {1, 2, 3};
  ASSERT_OK_AND_ASSIGN(Bytes signature, suite().SignWithLabel(pair.private_key, "A", content));
  EXPECT_OK(suite().VerifyWithLabel(pair.public_key, "A", content, signature));
  EXPECT_THAT(suite().VerifyWithLabel(pair.public_key, "B", content, signature), StatusIs(kInvalid));
  EXPECT_THAT(suite().VerifyWithLabel(pair.public_key, "A", Bytes{1, 2}, signature), StatusIs(kInvalid));
  EXPECT_THAT(suite().VerifyWithLabel(Bytes(31), "A", content, signature), StatusIs(kInvalid));
  for (size_t i = 0; i < signature.size(); ++i) {
    signature[i] ^= 1;
    EXPECT_THAT(suite().VerifyWithLabel(pair.public_key, "A", content, signature), StatusIs(kInvalid)) << i;
    signature[i] ^= 1;
  }
}

TEST_P(CipherSuiteTest, EncryptsToOneLabelAndContextAndRefusesEveryFlippedBit) {
  const HpkeKeyPair pair = suite().GenerateHpkeKeyPair();
  const Bytes context = {9};
  const Bytes plaintext = {1, 2, 3, 4};
  ASSERT_OK_AND_ASSIGN(HpkeCiphertext sealed, suite().EncryptWithLabel(pair.public_key, "A", context, plaintext));
  const auto open = [&](absl::string_view label, ByteView with) {
    return suite().DecryptWithLabel(pair.private_key, pair.public_key, label, with, sealed);
  };
  ASSERT_OK_AND_ASSIGN(const Secret opened, open("A", context));
  EXPECT_EQ(ToBytes(opened.view()), plaintext);
  EXPECT_THAT(open("B", context), StatusIs(kInvalid));
  EXPECT_THAT(open("A", Bytes{8}), StatusIs(kInvalid));
  for (size_t bit = 0; bit < sealed.ciphertext.size() * 8; ++bit) {
    sealed.ciphertext[bit / 8] ^= 1 << (bit % 8);
    EXPECT_THAT(open("A", context), StatusIs(kInvalid)) << bit;
    sealed.ciphertext[bit / 8] ^= 1 << (bit % 8);
  }
  for (size_t bit = 0; bit < sealed.kem_output.size() * 8; ++bit) {
    sealed.kem_output[bit / 8] ^= 1 << (bit % 8);
    EXPECT_THAT(open("A", context), StatusIs(kInvalid)) << bit;
    sealed.kem_output[bit / 8] ^= 1 << (bit % 8);
  }
}

TEST_P(CipherSuiteTest, RefusesMalformedHpkeInputs) {
  const HpkeKeyPair pair = suite().GenerateHpkeKeyPair();
  for (size_t size : {0u, 31u, 33u}) {
    EXPECT_THAT(suite().EncryptWithLabel(Bytes(size, 9), "A", {}, {}), StatusIs(kInvalid)) << size;
    EXPECT_THAT(suite().CheckHpkePublicKey(Bytes(size, 9)), StatusIs(kInvalid)) << size;
    const HpkeCiphertext sealed = {Bytes(size, 9), Bytes(16)};
    EXPECT_THAT(suite().DecryptWithLabel(pair.private_key, pair.public_key, "A", {}, sealed), StatusIs(kInvalid));
  }
  const HpkeCiphertext no_tag = {pair.public_key, Bytes(15)};
  EXPECT_THAT(suite().DecryptWithLabel(pair.private_key, pair.public_key, "A", {}, no_tag), StatusIs(kInvalid));
  EXPECT_THAT(suite().DeriveHpkeKeyPair(Bytes(31)), StatusIs(kInvalid));
  EXPECT_OK(suite().CheckHpkePublicKey(pair.public_key));
}

// A public key that forces the all-zero secret is refused on arrival and on use (RFC 9180 §7.1.4).
TEST_P(CipherSuiteTest, RefusesPointsOfSmallOrder) {
  Bytes p_plus_one(32, 0xff);
  p_plus_one[0] = 0xee;
  p_plus_one[31] = 0x7f;
  Bytes one(32);
  one[0] = 1;
  Bytes zero_with_top_bit(32);
  zero_with_top_bit[31] = 0x80;
  for (const Bytes& point : {Bytes(32), one, p_plus_one, zero_with_top_bit}) {
    EXPECT_THAT(suite().CheckHpkePublicKey(point), StatusIs(kInvalid)) << ToHex(point);
    EXPECT_THAT(suite().EncryptWithLabel(point, "A", {}, {}), StatusIs(kInvalid)) << ToHex(point);
  }
}

TEST_P(CipherSuiteTest, AeadRefusesEveryFlippedBitAndATruncatedTag) {
  const Bytes key = RandomBytes(suite().aead_key_size());
  const Bytes nonce = RandomBytes(suite().aead_nonce_size());
  const Bytes aad = {5};
  Bytes sealed = suite().Seal(key, nonce, aad, Bytes{1, 2, 3});
  EXPECT_OK(suite().Open(key, nonce, aad, sealed));
  EXPECT_THAT(suite().Open(key, nonce, Bytes{6}, sealed), StatusIs(kInvalid));
  Bytes other_nonce = nonce;
  other_nonce[11] ^= 1;
  EXPECT_THAT(suite().Open(key, other_nonce, aad, sealed), StatusIs(kInvalid));
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_THAT(suite().Open(key, nonce, aad, ByteView(sealed).first(size)), StatusIs(kInvalid)) << size;
  }
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    sealed[bit / 8] ^= 1 << (bit % 8);
    EXPECT_THAT(suite().Open(key, nonce, aad, sealed), StatusIs(kInvalid)) << bit;
    sealed[bit / 8] ^= 1 << (bit % 8);
  }
}

TEST_P(CipherSuiteTest, VerifiesATagOfTheFullLengthOnly) {
  const Bytes key(32, 1);
  const Bytes data = {1};
  const Bytes tag = suite().Mac(key, data);
  EXPECT_TRUE(suite().MacVerify(key, data, tag));
  for (size_t size = 0; size < tag.size(); ++size) {
    EXPECT_FALSE(suite().MacVerify(key, data, ByteView(tag).first(size))) << size;
  }
  EXPECT_FALSE(suite().MacVerify(key, Bytes{2}, tag));
}

INSTANTIATE_TEST_SUITE_P(EverySuite, CipherSuiteTest, ::testing::ValuesIn(CipherSuite::Supported()));

TEST(CipherSuite, UnknownNumberIsUnimplemented) {
  EXPECT_THAT(CipherSuite::Get(0x0002), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(CipherSuite::Get(0x0a0a), StatusIs(absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace plumbline::mls
