#include "mls/crypto/cipher_suite.h"

#include <gtest/gtest.h>

#include <algorithm>

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
  const Bytes longer_key = Concat({pair.public_key, Bytes{0}});
  const Bytes longer_signature = Concat({signature, Bytes{0}});
  EXPECT_THAT(suite().VerifyWithLabel(longer_key, "A", content, signature), StatusIs(kInvalid));
  EXPECT_THAT(suite().VerifyWithLabel(pair.public_key, "A", content, longer_signature), StatusIs(kInvalid));
  for (size_t i = 0; i < signature.size(); ++i) {  // in DER the lengths too
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
  for (size_t bit = 0; bit < sealed.kem_output.size() * 8; bit += 7) {
    sealed.kem_output[bit / 8] ^= 1 << (bit % 8);
    EXPECT_THAT(open("A", context), StatusIs(kInvalid)) << bit;
    sealed.kem_output[bit / 8] ^= 1 << (bit % 8);
  }
}

TEST_P(CipherSuiteTest, RefusesMalformedHpkeInputs) {
  const HpkeKeyPair pair = suite().GenerateHpkeKeyPair();
  const size_t right = pair.public_key.size();
  for (size_t size : {size_t{0}, right - 1, right + 1}) {
    Bytes key = pair.public_key;
    key.resize(size, 9);
    EXPECT_THAT(suite().EncryptWithLabel(key, "A", {}, {}), StatusIs(kInvalid)) << size;
    EXPECT_THAT(suite().CheckHpkePublicKey(key), StatusIs(kInvalid)) << size;
    const HpkeCiphertext sealed = {key, Bytes(16)};
    EXPECT_THAT(suite().DecryptWithLabel(pair.private_key, pair.public_key, "A", {}, sealed), StatusIs(kInvalid));
  }
  const HpkeCiphertext no_tag = {pair.public_key, Bytes(15)};
  EXPECT_THAT(suite().DecryptWithLabel(pair.private_key, pair.public_key, "A", {}, no_tag), StatusIs(kInvalid));
  EXPECT_THAT(suite().DeriveHpkeKeyPair(Bytes(31)), StatusIs(kInvalid));
  EXPECT_OK(suite().CheckHpkePublicKey(pair.public_key));
}

// RFC 9420 takes key material of hash_size() bytes, however long a private key is.
TEST_P(CipherSuiteTest, DerivesTheSameKeyPairFromTheSameMaterial) {
  const Bytes material(suite().hash_size(), 7);
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair first, suite().DeriveHpkeKeyPair(material));
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair second, suite().DeriveHpkeKeyPair(material));
  EXPECT_EQ(first.public_key, second.public_key);
  ASSERT_OK_AND_ASSIGN(const Bytes derived, suite().HpkePublicKey(first.private_key));
  EXPECT_EQ(derived, first.public_key);
}

TEST_P(CipherSuiteTest, RefusesSignatureKeysOfTheWrongSize) {
  const SignatureKeyPair pair = suite().GenerateSignatureKeyPair();
  EXPECT_OK(suite().CheckSignaturePublicKey(pair.public_key));
  ASSERT_OK_AND_ASSIGN(const Bytes derived, suite().SignaturePublicKey(pair.private_key));
  EXPECT_EQ(derived, pair.public_key);
  Bytes shorter = pair.public_key;
  shorter.pop_back();
  EXPECT_THAT(suite().CheckSignaturePublicKey(shorter), StatusIs(kInvalid));
  const SignaturePrivateKey short_key = {Secret(pair.private_key.bytes.size() - 1)};
  EXPECT_THAT(suite().Sign(short_key, {}), StatusIs(kInvalid));
  EXPECT_THAT(suite().SignaturePublicKey(short_key), StatusIs(kInvalid));
}

TEST(EdwardsSuites, RefuseHpkePrivateKeysOfTheWrongSize) {
  for (const uint16_t id : {1, 4}) {
    const CipherSuite& suite = **CipherSuite::Get(id);
    const HpkeKeyPair pair = suite.GenerateHpkeKeyPair();
    const HpkePrivateKey shorter = {Secret::CopyOf(pair.private_key.bytes.view().subspan(1))};
    EXPECT_THAT(suite.HpkePublicKey(shorter), StatusIs(kInvalid));
    const HpkeCiphertext sealed = {pair.public_key, Bytes(16)};
    EXPECT_THAT(suite.DecryptWithLabel(shorter, pair.public_key, "A", {}, sealed), StatusIs(kInvalid));
  }
}

// A public key that forces the all-zero secret is refused on arrival and on use (RFC 9180 §7.1.4).
TEST(X25519Suites, RefusePointsOfSmallOrder) {
  const CipherSuite& suite = **CipherSuite::Get(1);
  Bytes p_plus_one(32, 0xff);
  p_plus_one[0] = 0xee;
  p_plus_one[31] = 0x7f;
  Bytes one(32);
  one[0] = 1;
  Bytes zero_with_top_bit(32);
  zero_with_top_bit[31] = 0x80;
  for (const Bytes& point : {Bytes(32), one, p_plus_one, zero_with_top_bit}) {
    EXPECT_THAT(suite.CheckHpkePublicKey(point), StatusIs(kInvalid)) << ToHex(point);
    EXPECT_THAT(suite.EncryptWithLabel(point, "A", {}, {}), StatusIs(kInvalid)) << ToHex(point);
  }
}

TEST(X448Suites, RefusePointsOfSmallOrder) {
  const CipherSuite& suite = **CipherSuite::Get(4);
  Bytes one(56), p(56, 0xff), beyond(56);
  one[0] = 1;
  p[28] = 0xfe;
  Bytes below = p;
  below[0] = 0xfe;
  std::fill(beyond.begin() + 28, beyond.end(), uint8_t{0xff});
  for (const Bytes& point : {Bytes(56), one, below, p, beyond}) {
    EXPECT_THAT(suite.CheckHpkePublicKey(point), StatusIs(kInvalid)) << ToHex(point);
    EXPECT_THAT(suite.EncryptWithLabel(point, "A", {}, {}), StatusIs(kInvalid)) << ToHex(point);
  }
}

// Points that are not on the curve, the point at infinity, and compressed points (RFC 9420 §5.1.1).
TEST(NistSuites, RefuseWhatIsNoUncompressedPointOfTheCurve) {
  for (const uint16_t id : {2, 5, 7}) {
    SCOPED_TRACE(id);
    const CipherSuite& suite = **CipherSuite::Get(id);
    const Bytes good = suite.GenerateHpkeKeyPair().public_key;
    Bytes off_curve = good;
    off_curve.back() ^= 1;
    Bytes compressed(good.begin(), good.begin() + static_cast<ptrdiff_t>(good.size() / 2 + 1));
    compressed[0] = 2 + (good.back() & 1);
    Bytes hybrid = good;
    hybrid[0] = 6 + (good.back() & 1);
    Bytes beyond_field(good.size(), 0xff);
    beyond_field[0] = 4;
    Bytes zero(good.size());
    zero[0] = 4;
    for (const Bytes& point : {off_curve, compressed, hybrid, beyond_field, zero, Bytes{0}}) {
      EXPECT_THAT(suite.CheckHpkePublicKey(point), StatusIs(kInvalid)) << ToHex(point);
      EXPECT_THAT(suite.CheckSignaturePublicKey(point), StatusIs(kInvalid)) << ToHex(point);
      EXPECT_THAT(suite.EncryptWithLabel(point, "A", {}, {}), StatusIs(kInvalid)) << ToHex(point);
      EXPECT_THAT(suite.Verify(point, {}, Bytes(70)), StatusIs(kInvalid)) << ToHex(point);
    }
  }
}

TEST(NistSuites, RefuseScalarsOutsideTheirRange) {
  for (const uint16_t id : {2, 5, 7}) {
    SCOPED_TRACE(id);
    const CipherSuite& suite = **CipherSuite::Get(id);
    const size_t size = suite.GenerateHpkeKeyPair().private_key.bytes.size();
    for (const Bytes& scalar : {Bytes(size), Bytes(size, 0xff)}) {
      EXPECT_THAT(suite.HpkePublicKey({Secret::CopyOf(scalar)}), StatusIs(kInvalid));
      EXPECT_THAT(suite.Sign({Secret::CopyOf(scalar)}, {}), StatusIs(kInvalid));
      const HpkeKeyPair pair = suite.GenerateHpkeKeyPair();
      const HpkeCiphertext sealed = {pair.public_key, Bytes(16)};
      EXPECT_THAT(suite.DecryptWithLabel({Secret::CopyOf(scalar)}, pair.public_key, "A", {}, sealed), StatusIs(kInvalid));
    }
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
  for (const uint16_t id : {0x0000, 0x0008, 0xffff}) {
    EXPECT_THAT(CipherSuite::Get(id), StatusIs(absl::StatusCode::kUnimplemented));
  }
  for (uint16_t id = 1; id <= 7; ++id) EXPECT_EQ(static_cast<uint16_t>((*CipherSuite::Get(id))->id()), id);
  EXPECT_THAT(CipherSuite::Get(0x0a0a), StatusIs(absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace plumbline::mls
