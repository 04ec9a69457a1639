#include "common/crypto/blind_rsa.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "common/crypto/openssl.h"
#include "common/crypto/rsabssa.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kWrong = absl::StatusCode::kUnauthenticated;

const Bytes kMessage = ToBytes(AsBytes("the message"));

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

BlindRsaBlinding Blinded(ByteView message) {
  return *BlindRsaBlinding::Create(Key().public_key(), message);
}

BlindRsaNumber Sign(ByteView message) {
  const BlindRsaBlinding blinding = Blinded(message);
  return *blinding.Finalize(*Key().BlindSign(blinding.blinded_message()));
}

// Where the modulus lies in SubjectPublicKeyInfo.
constexpr size_t kModulusAt = kBlindRsaSpkiSize - 5 - kBlindRsaSize;

Bytes ModulusOf(const BlindRsaPublicKey& key) {
  return ToBytes(ByteView(key.Serialize()).subspan(kModulusAt, kBlindRsaSize));
}

Bytes SpkiWith(ByteView modulus) {
  Bytes out = Key().public_key().Serialize();
  std::copy(modulus.begin(), modulus.end(), out.begin() + kModulusAt);
  return out;
}

Owned<BIGNUM> Number(ByteView bytes) {
  return Owned<BIGNUM>(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Bytes Written(const BIGNUM* number, size_t size) {
  Bytes out(size);
  EXPECT_EQ(BN_bn2binpad(number, out.data(), static_cast<int>(size)), static_cast<int>(size));
  return out;
}

// number + modulus, if that has 2048 bits; nothing otherwise.
Bytes Plus(ByteView number, ByteView modulus) {
  const Owned<BIGNUM> sum = Number(number), n = Number(modulus);
  EXPECT_EQ(BN_add(sum.get(), sum.get(), n.get()), 1);
  if (BN_num_bytes(sum.get()) > static_cast<int>(kBlindRsaSize)) return {};
  return Written(sum.get(), kBlindRsaSize);
}

// A private key of these numbers, whether or not they belong together.
Owned<EVP_PKEY> PrivateKeyOf(std::initializer_list<std::pair<const char*, const BIGNUM*>> numbers) {
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  for (const auto& [name, number] : numbers) OSSL_PARAM_BLD_push_BN(builder.get(), name, number);
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* out = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_KEYPAIR, params.get()), 1);
  return Owned<EVP_PKEY>(out);
}

Owned<EVP_PKEY> PrivateKey(ByteView n, ByteView d) {
  const Bytes exponent = {1, 0, 1};
  return PrivateKeyOf({{OSSL_PKEY_PARAM_RSA_N, Number(n).get()},
                       {OSSL_PKEY_PARAM_RSA_E, Number(exponent).get()},
                       {OSSL_PKEY_PARAM_RSA_D, Number(d).get()}});
}

// A key of another sort than ours. `pss_hash` makes it one for RSASSA-PSS alone, with that hash.
Owned<EVP_PKEY> OtherSort(int bits, uint32_t exponent, const EVP_MD* pss_hash = nullptr) {
  const Owned<EVP_PKEY_CTX> context(
      EVP_PKEY_CTX_new_from_name(nullptr, pss_hash != nullptr ? "RSA-PSS" : "RSA", nullptr));
  const Owned<BIGNUM> e(BN_new());
  EVP_PKEY* out = nullptr;
  EXPECT_EQ(BN_set_word(e.get(), exponent), 1);
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()), 1);
  if (pss_hash != nullptr) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_keygen_md(context.get(), pss_hash), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context.get(), pss_hash), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context.get(), EVP_MD_get_size(pss_hash)), 1);
  }
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &out), 1);
  return Owned<EVP_PKEY>(out);
}

Secret Pkcs8(const EVP_PKEY* key) {
  const Owned<PKCS8_PRIV_KEY_INFO> info(EVP_PKEY2PKCS8(key));
  return Secret::Take(ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
}

// Without the "0x" that the numbers of the file have.
Bytes HexNumber(const nlohmann::json& text) {
  return testing::FromHex(absl::string_view(text.get_ref<const std::string&>()).substr(2));
}

// RFC 9474, appendix A: the four variants, under one key of 4096 bits.
TEST(BlindRsaVector, GoesThroughEachStepOfEveryVariant) {
  LOAD_VECTORS_OR_SKIP(const nlohmann::json cases, "blind-rsa/rfc9474.json.gz");
  ASSERT_EQ(cases.size(), 4u);
  for (const auto& test_case : cases) {
    SCOPED_TRACE(test_case["name"]);
    const Bytes n = HexNumber(test_case["n"]), salt = testing::FromHex(test_case["salt"]),
                message = testing::FromHex(test_case["input_msg"]),
                blind_signature = testing::FromHex(test_case["blind_sig"]);
    ASSERT_EQ(salt.size(), HexNumber(test_case["sLen"])[0]);
    ASSERT_EQ(message, Concat({testing::FromHex(test_case["msg_prefix"]),
                               testing::FromHex(test_case["msg"])}));
    if (test_case.contains("encoded_msg")) {
      ASSERT_OK_AND_ASSIGN(const Bytes encoded, rsabssa::EncodePss(message, salt, 4095));
      EXPECT_EQ(ToHex(encoded), test_case["encoded_msg"]);
    }
    const Owned<BN_CTX> context(BN_CTX_new());
    const Owned<BIGNUM> inverse = Number(HexNumber(test_case["inv"])),
                        factor(
                            BN_mod_inverse(nullptr, inverse.get(), Number(n).get(), context.get()));
    ASSERT_OK_AND_ASSIGN(
        const rsabssa::Blinded blinded,
        rsabssa::Blind(n, message, salt, Secret::CopyOf(Written(factor.get(), n.size()))));
    EXPECT_EQ(ToHex(blinded.message), test_case["blinded_msg"]);
    EXPECT_EQ(ToBytes(blinded.inverse.view()), Written(inverse.get(), n.size()));
    const Owned<EVP_PKEY> key = PrivateKey(n, HexNumber(test_case["d"]));
    ASSERT_OK_AND_ASSIGN(const Bytes signed_blindly,
                         rsabssa::BlindSign(key.get(), blinded.message));
    EXPECT_EQ(signed_blindly, blind_signature);
    ASSERT_OK_AND_ASSIGN(
        const Bytes signature,
        rsabssa::Finalize(n, message, salt.size(), blind_signature, blinded.inverse));
    EXPECT_EQ(ToHex(signature), test_case["sig"]);
    EXPECT_OK(rsabssa::Verify(n, message, salt.size(), signature));
    EXPECT_THAT(rsabssa::Verify(n, message, 48 - salt.size(), signature), StatusIs(kWrong));
  }
}

TEST(BlindRsa, VerifiesWhatWasSignedBlindly) {
  for (size_t size = 0; size < 300; size += 31) {
    const Bytes message = RandomBytes(size);
    EXPECT_OK(Key().public_key().Verify(message, Sign(message))) << size;
  }
}

// OpenSSL, which is told nothing but our SubjectPublicKeyInfo.
TEST(BlindRsa, SignaturesAreRsassaPssToOthers) {
  const Bytes spki = Key().public_key().Serialize();
  const BlindRsaNumber signature = Sign(kMessage);
  const unsigned char* cursor = spki.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(spki.size())));
  ASSERT_NE(key, nullptr);
  EXPECT_TRUE(EVP_PKEY_is_a(key.get(), "RSA-PSS"));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), signature.data(), signature.size(), kMessage.data(),
                             kMessage.size()),
            1);
}

TEST(BlindRsa, RefusesEveryFlippedBitOfASignature) {
  const BlindRsaNumber signature = Sign(kMessage);
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    BlindRsaNumber changed = signature;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_THAT(Key().public_key().Verify(kMessage, changed), StatusIs(kWrong)) << bit;
  }
}

TEST(BlindRsa, RefusesEveryFlippedBitOfAMessage) {
  const BlindRsaNumber signature = Sign(kMessage);
  for (size_t bit = 0; bit < kMessage.size() * 8; ++bit) {
    Bytes changed = kMessage;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_THAT(Key().public_key().Verify(changed, signature), StatusIs(kWrong)) << bit;
  }
  EXPECT_THAT(Key().public_key().Verify({}, signature), StatusIs(kWrong));
}

TEST(BlindRsa, RefusesEveryFlippedBitOfAKey) {
  const BlindRsaNumber signature = Sign(kMessage);
  const Bytes spki = Key().public_key().Serialize();
  for (size_t bit = 0; bit < spki.size() * 8; ++bit) {
    Bytes changed = spki;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const absl::StatusOr<BlindRsaPublicKey> other = BlindRsaPublicKey::Parse(changed);
    const bool in_modulus = bit / 8 >= kModulusAt && bit / 8 < kModulusAt + kBlindRsaSize;
    EXPECT_TRUE(in_modulus || !other.ok()) << bit;
    if (!other.ok()) continue;
    EXPECT_THAT(other->Verify(kMessage, signature), StatusIs(kWrong)) << bit;
  }
}

TEST(BlindRsa, RefusesAnotherKey) {
  EXPECT_THAT(OtherKey().public_key().Verify(kMessage, Sign(kMessage)), StatusIs(kWrong));
}

TEST(BlindRsa, RefusesOtherLengths) {
  const BlindRsaNumber signature = Sign(kMessage);
  const BlindRsaBlinding blinding = Blinded(kMessage);
  for (size_t size = 0; size <= 2 * kBlindRsaSize; ++size) {
    if (size == kBlindRsaSize) continue;
    SCOPED_TRACE(size);
    Bytes other(signature.begin(), signature.end()), padded(size);
    other.resize(size);
    EXPECT_THAT(Key().public_key().Verify(kMessage, other), StatusIs(kInvalid));
    EXPECT_THAT(blinding.Finalize(other), StatusIs(kInvalid));
    EXPECT_THAT(Key().BlindSign(padded), StatusIs(kInvalid));
  }
}

// A salt of another length is another scheme (RFC 9474 §5).
TEST(BlindRsa, RefusesSaltsOfAnotherLength) {
  const Bytes n = ModulusOf(Key().public_key());
  for (const size_t size : {0, 1, 32, 47, 49, 64}) {
    SCOPED_TRACE(size);
    ASSERT_OK_AND_ASSIGN(const rsabssa::Blinded blinded,
                         rsabssa::Blind(n, kMessage, Bytes(size, 7), rsabssa::RandomFactor(n)));
    ASSERT_OK_AND_ASSIGN(const BlindRsaNumber answer, Key().BlindSign(blinded.message));
    ASSERT_OK_AND_ASSIGN(const Bytes signature,
                         rsabssa::Finalize(n, kMessage, size, answer, blinded.inverse));
    EXPECT_THAT(Key().public_key().Verify(kMessage, signature), StatusIs(kWrong));
    EXPECT_THAT(BlindRsaBlinding::CreateWith(Key().public_key(), kMessage, Bytes(size, 7),
                                             rsabssa::RandomFactor(n)),
                StatusIs(kInvalid));
  }
}

// A number and the same with the modulus added say the same to whoever does not look.
TEST(BlindRsa, RefusesNumbersThatAreNotBelowTheModulus) {
  // Below three quarters of 2^2048, so that every third number or more has a second spelling in 2048 bits: itself plus the modulus.
  BlindRsaSecretKey key = BlindRsaSecretKey::Generate();
  while (ModulusOf(key.public_key()).front() >= 0xc0) key = BlindRsaSecretKey::Generate();
  const Bytes n = ModulusOf(key.public_key());
  int signatures = 0, answers = 0;
  for (uint8_t i = 0; i < 200; ++i) {
    const Bytes message(1, i);
    const BlindRsaBlinding blinding = *BlindRsaBlinding::Create(key.public_key(), message);
    ASSERT_OK_AND_ASSIGN(const BlindRsaNumber answer, key.BlindSign(blinding.blinded_message()));
    ASSERT_OK_AND_ASSIGN(const BlindRsaNumber signature, blinding.Finalize(answer));
    const Bytes signature_too_large = Plus(signature, n), answer_too_large = Plus(answer, n);
    if (!signature_too_large.empty()) {
      ++signatures;
      EXPECT_THAT(key.public_key().Verify(message, signature_too_large), StatusIs(kWrong));
    }
    if (!answer_too_large.empty()) {
      ++answers;
      EXPECT_THAT(blinding.Finalize(answer_too_large), StatusIs(kInvalid));
    }
  }
  EXPECT_GT(signatures, 0);
  EXPECT_GT(answers, 0);
  EXPECT_THAT(key.BlindSign(n), StatusIs(kInvalid));
  EXPECT_THAT(key.BlindSign(Plus(Bytes(1, 2), n)), StatusIs(kInvalid));
  EXPECT_THAT(key.BlindSign(Bytes(kBlindRsaSize, 0xff)), StatusIs(kInvalid));
  Bytes below = n;
  below.back() -= 1;
  EXPECT_OK(key.BlindSign(below));
}

TEST(BlindRsa, RefusesASignerWhoAnswersWrongly) {
  const BlindRsaBlinding blinding = Blinded(kMessage), another = Blinded(kMessage);
  ASSERT_OK_AND_ASSIGN(const BlindRsaNumber answer, Key().BlindSign(blinding.blinded_message()));
  ASSERT_OK_AND_ASSIGN(const BlindRsaNumber for_another,
                       Key().BlindSign(another.blinded_message()));
  EXPECT_OK(blinding.Finalize(answer));
  EXPECT_THAT(blinding.Finalize(for_another), StatusIs(kWrong));
  EXPECT_THAT(blinding.Finalize(Sign(kMessage)), StatusIs(kWrong));
  EXPECT_THAT(blinding.Finalize(blinding.blinded_message()), StatusIs(kWrong));
  EXPECT_THAT(blinding.Finalize(Bytes(kBlindRsaSize)), StatusIs(kWrong));
  for (size_t i = 0; i < kBlindRsaSize; ++i) {
    BlindRsaNumber changed = answer;
    changed[i] ^= 1;
    EXPECT_FALSE(blinding.Finalize(changed).ok()) << i;
  }
  const auto by_other_key = OtherKey().BlindSign(blinding.blinded_message());
  if (!by_other_key.ok()) return;  // beyond the other modulus
  EXPECT_FALSE(blinding.Finalize(*by_other_key).ok());
}

// A private operation that went wrong: with Chinese remainders, its result would give the primes
// away.
TEST(BlindRsa, KeepsAResultThatDoesNotVerify) {
  const BlindRsaBlinding blinding = Blinded(kMessage);
  const Owned<EVP_PKEY> broken =
      PrivateKey(ModulusOf(Key().public_key()), Bytes(kBlindRsaSize - 1, 5));
  EXPECT_THAT(rsabssa::BlindSign(broken.get(), blinding.blinded_message()),
              StatusIs(absl::StatusCode::kInternal));
}

// The signer sees neither the message nor twice the same, even if it is asked for the same thing.
TEST(BlindRsa, BlindsEachTimeAnew) {
  const BlindRsaBlinding one = Blinded(kMessage), two = Blinded(kMessage);
  EXPECT_NE(one.blinded_message(), two.blinded_message());
  ASSERT_OK_AND_ASSIGN(const BlindRsaNumber first,
                       one.Finalize(*Key().BlindSign(one.blinded_message())));
  ASSERT_OK_AND_ASSIGN(const BlindRsaNumber second,
                       two.Finalize(*Key().BlindSign(two.blinded_message())));
  EXPECT_NE(first, second);

  const Bytes n = ModulusOf(Key().public_key()), salt(kBlindRsaSaltSize, 1),
              other_salt(kBlindRsaSaltSize, 2);
  const Secret factor = rsabssa::RandomFactor(n);
  const auto blinded = [&](ByteView with_salt, const Secret& with_factor) {
    return BlindRsaBlinding::CreateWith(Key().public_key(), kMessage, with_salt, with_factor)
        ->blinded_message();
  };
  EXPECT_EQ(blinded(salt, factor), blinded(salt, factor));
  EXPECT_NE(blinded(salt, factor), blinded(other_salt, factor));
  EXPECT_NE(blinded(salt, factor), blinded(salt, rsabssa::RandomFactor(n)));
  Secret none(kBlindRsaSize);
  none.span().back() = 1;  // hides nothing: what is left is the encoded message
  EXPECT_EQ(ToBytes(blinded(salt, none)), *rsabssa::EncodePss(kMessage, salt, 2047));
}

// Two signatures and the two requests that they came of: nothing that the signer can compute says
// which is whose, since for each pair there is a factor. (Here the signer finds it; it is always
// there.)
TEST(BlindRsa, EverySignatureMayHaveComeOfEveryRequest) {
  const Bytes n = ModulusOf(Key().public_key());
  const Owned<BIGNUM> modulus = Number(n);
  const Owned<BN_CTX> context(BN_CTX_new());
  const BlindRsaBlinding one = Blinded(kMessage);
  const Bytes salt(kBlindRsaSaltSize, 3);
  ASSERT_OK_AND_ASSIGN(
      const BlindRsaBlinding two,
      BlindRsaBlinding::CreateWith(Key().public_key(), kMessage, salt, rsabssa::RandomFactor(n)));
  const Owned<BIGNUM> signature = Number(*two.Finalize(*Key().BlindSign(two.blinded_message()))),
                      answer = Number(*Key().BlindSign(one.blinded_message()));
  const Owned<BIGNUM> inverse(
      BN_mod_inverse(nullptr, signature.get(), modulus.get(), context.get()));
  ASSERT_EQ(BN_mod_mul(answer.get(), answer.get(), inverse.get(), modulus.get(), context.get()), 1);
  ASSERT_OK_AND_ASSIGN(
      const BlindRsaBlinding crossed,
      BlindRsaBlinding::CreateWith(Key().public_key(), kMessage, salt,
                                   Secret::CopyOf(Written(answer.get(), kBlindRsaSize))));
  EXPECT_EQ(crossed.blinded_message(), one.blinded_message());
}

TEST(BlindRsa, RefusesFactorsThatHideNothingOrCannotBeTakenOff) {
  const Bytes n = ModulusOf(Key().public_key()), salt(kBlindRsaSaltSize);
  const auto with = [&](const BlindRsaPublicKey& key, ByteView factor) {
    return BlindRsaBlinding::CreateWith(key, kMessage, salt, Secret::CopyOf(factor));
  };
  EXPECT_THAT(with(Key().public_key(), {}), StatusIs(kInvalid));
  EXPECT_THAT(with(Key().public_key(), Bytes(kBlindRsaSize)), StatusIs(kInvalid));
  EXPECT_THAT(with(Key().public_key(), n), StatusIs(kInvalid));
  EXPECT_THAT(with(Key().public_key(), Bytes(kBlindRsaSize, 0xff)), StatusIs(kInvalid));
  // 2^2048 - 1 has the divisors 3, 5 and 17. One message in three is divisible by 3, without any
  // factor.
  ASSERT_OK_AND_ASSIGN(const BlindRsaPublicKey smooth,
                       BlindRsaPublicKey::Parse(SpkiWith(Bytes(kBlindRsaSize, 0xff))));
  EXPECT_THAT(with(smooth, Bytes(1, 3)), StatusIs(kInvalid));
  EXPECT_THAT(with(smooth, Bytes(1, 51)), StatusIs(kInvalid));
  int refused = 0;
  for (uint8_t i = 0; i < 60; ++i) {
    const Bytes message(1, i);
    if (!BlindRsaBlinding::CreateWith(smooth, message, salt, Secret::CopyOf(Bytes(1, 2))).ok())
      ++refused;
  }
  EXPECT_GT(refused, 10);
  EXPECT_LT(refused, 50);
}

TEST(BlindRsa, RefusesModuliThatAreTooSmallOrEven) {
  for (const size_t size : {1, 48, 97}) {
    EXPECT_THAT(rsabssa::Blind(Bytes(size, 0xff), kMessage, Bytes(48), Secret::CopyOf(Bytes(1, 2))),
                StatusIs(kInvalid))
        << size;
  }
  EXPECT_THAT(rsabssa::EncodePss(kMessage, Bytes(48), 8 * 97), StatusIs(kInvalid));
  EXPECT_OK(rsabssa::EncodePss(kMessage, Bytes(48), 8 * 98));
  EXPECT_THAT(rsabssa::Blind(Bytes(256, 0xfe), kMessage, Bytes(48), Secret::CopyOf(Bytes(1, 3))),
              StatusIs(kInvalid));
}

TEST(BlindRsaPublicKey, IsWrittenAsItWasRead) {
  const Bytes spki = Key().public_key().Serialize();
  ASSERT_EQ(spki.size(), kBlindRsaSpkiSize);
  ASSERT_OK_AND_ASSIGN(const BlindRsaPublicKey key, BlindRsaPublicKey::Parse(spki));
  EXPECT_EQ(key, Key().public_key());
  EXPECT_EQ(key.Serialize(), spki);
  EXPECT_NE(key, OtherKey().public_key());
}

TEST(BlindRsaPublicKey, RefusesOtherLengths) {
  const Bytes spki = Key().public_key().Serialize();
  for (size_t size = 0; size < spki.size(); ++size)
    EXPECT_THAT(BlindRsaPublicKey::Parse(ByteView(spki).first(size)), StatusIs(kInvalid)) << size;
  EXPECT_THAT(BlindRsaPublicKey::Parse(Concat({spki, Bytes(1)})), StatusIs(kInvalid));
}

TEST(BlindRsaPublicKey, RefusesOtherModuli) {
  Bytes even = ModulusOf(Key().public_key()), small = even;
  even.back() ^= 1;
  small.front() &= 0x7f;
  for (const Bytes& modulus : {even, small, Bytes(kBlindRsaSize), Bytes(kBlindRsaSize, 0xfe)})
    EXPECT_THAT(BlindRsaPublicKey::Parse(SpkiWith(modulus)), StatusIs(kInvalid));
}

bool IsAKeyToOthers(ByteView spki) {
  const unsigned char* cursor = spki.data();
  return Owned<EVP_PKEY>(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(spki.size()))) != nullptr;
}

// All are keys to OpenSSL. Of our modulus: the usual algorithm, and RSASSA-PSS without its
// parameters, which RFC 9578 §6.5 wants stated. Then other hashes, exponents and sizes.
TEST(BlindRsaPublicKey, RefusesOtherAlgorithmsAndParameters) {
  const Bytes spki = Key().public_key().Serialize();
  const ByteView bits = ByteView(spki).subspan(kModulusAt - 14);
  const Bytes usual = Hex("30820122300d06092a864886f70d0101010500"),
              bare = Hex("30820120300b06092a864886f70d01010a");
  for (const Bytes& other : {Concat({usual, bits}), Concat({bare, bits}),
                             ToDer(OtherSort(2048, 65537, EVP_sha384()).get(), i2d_PUBKEY),
                             ToDer(OtherSort(2048, 65537, EVP_sha256()).get(), i2d_PUBKEY),
                             ToDer(OtherSort(2048, 3, EVP_sha384()).get(), i2d_PUBKEY),
                             ToDer(OtherSort(2048, 65539, EVP_sha384()).get(), i2d_PUBKEY),
                             ToDer(OtherSort(1024, 65537, EVP_sha384()).get(), i2d_PUBKEY),
                             ToDer(OtherSort(2056, 65537, EVP_sha384()).get(), i2d_PUBKEY)}) {
    SCOPED_TRACE(ToHex(other));
    EXPECT_TRUE(IsAKeyToOthers(other));
    EXPECT_THAT(BlindRsaPublicKey::Parse(other), StatusIs(kInvalid));
  }
}

// The same key in encodings that are not DER, or whose modulus is a negative number.
TEST(BlindRsaPublicKey, RefusesOtherEncodings) {
  const Bytes spki = Key().public_key().Serialize();
  const Bytes body = ToBytes(ByteView(spki).subspan(4));
  Bytes indefinite = Concat({Hex("3080"), body, Hex("0000")});
  Bytes long_length = Concat({Hex("3083000152"), body});
  Bytes negative = spki;
  negative.erase(negative.begin() + kModulusAt - 1);
  for (const int at : {3, 70, 75, 79}) negative[static_cast<size_t>(at)] -= 1;
  for (const Bytes& other : {indefinite, long_length, negative})
    EXPECT_THAT(BlindRsaPublicKey::Parse(other), StatusIs(kInvalid));
}

TEST(BlindRsaSecretKey, IsWrittenAsItWasRead) {
  ASSERT_OK_AND_ASSIGN(const BlindRsaSecretKey key,
                       BlindRsaSecretKey::Parse(Secret::CopyOf(Key().pkcs8())));
  EXPECT_EQ(ToBytes(key.pkcs8()), ToBytes(Key().pkcs8()));
  EXPECT_EQ(key.public_key(), Key().public_key());
  const BlindRsaBlinding blinding = Blinded(kMessage);
  ASSERT_OK_AND_ASSIGN(const BlindRsaNumber answer, key.BlindSign(blinding.blinded_message()));
  EXPECT_EQ(answer, *Key().BlindSign(blinding.blinded_message()));
}

TEST(BlindRsaSecretKey, KeysDiffer) { EXPECT_NE(Key().public_key(), OtherKey().public_key()); }

TEST(BlindRsaSecretKey, RefusesOtherLengths) {
  const ByteView pkcs8 = Key().pkcs8();
  for (size_t size = 0; size < pkcs8.size(); ++size)
    EXPECT_THAT(BlindRsaSecretKey::Parse(Secret::CopyOf(pkcs8.first(size))), StatusIs(kInvalid))
        << size;
  EXPECT_THAT(BlindRsaSecretKey::Parse(Secret::CopyOf(Concat({pkcs8, Bytes(1)}))),
              StatusIs(kInvalid));
  EXPECT_THAT(BlindRsaSecretKey::Parse(Secret(1 << 20)), StatusIs(kInvalid));
}

TEST(BlindRsaSecretKey, RefusesOtherSortsOfKeys) {
  const Owned<EVP_PKEY> keys[] = {OtherSort(2048, 3), OtherSort(2048, 65539),
                                  OtherSort(1024, 65537), OtherSort(2056, 65537),
                                  OtherSort(2048, 65537, EVP_sha384())};
  for (const Owned<EVP_PKEY>& key : keys)
    EXPECT_THAT(BlindRsaSecretKey::Parse(Pkcs8(key.get())), StatusIs(kInvalid));
  EXPECT_THAT(BlindRsaSecretKey::Parse(Pkcs8(Owned<EVP_PKEY>(EVP_EC_gen("P-256")).get())),
              StatusIs(kInvalid));
  // Three primes.
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* out = nullptr;
  ASSERT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_keygen_primes(context.get(), 3), 1);
  ASSERT_EQ(EVP_PKEY_generate(context.get(), &out), 1);
  const Owned<EVP_PKEY> three(out);
  EXPECT_THAT(BlindRsaSecretKey::Parse(Pkcs8(three.get())), StatusIs(kInvalid));
  EXPECT_OK(BlindRsaSecretKey::Parse(Pkcs8(OtherSort(2048, 65537).get())));
}

// A prime of that many bits, below 5/8 of the largest.
Owned<BIGNUM> SmallPrime(int bits) {
  Owned<BIGNUM> out(BN_new());
  EXPECT_EQ(BN_rand(out.get(), bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
  BN_clear_bit(out.get(), bits - 2);
  BN_clear_bit(out.get(), bits - 3);
  while (BN_mod_word(out.get(), 65537) == 1 || BN_check_prime(out.get(), nullptr, nullptr) != 1)
    BN_add_word(out.get(), 2);
  return out;
}

// A valid key of two such primes: its modulus has a bit less than the two have.
Owned<EVP_PKEY> KeyOfSmallPrimes(int bits_of_p, int bits_of_q) {
  const Owned<BN_CTX> context(BN_CTX_new());
  const Owned<BIGNUM> p = SmallPrime(bits_of_p), q = SmallPrime(bits_of_q), p1(BN_dup(p.get())),
                      q1(BN_dup(q.get())), n(BN_new()), e(BN_new()), phi(BN_new()), dp(BN_new()),
                      dq(BN_new());
  BN_set_word(e.get(), 65537);
  BN_sub_word(p1.get(), 1);
  BN_sub_word(q1.get(), 1);
  BN_mul(n.get(), p.get(), q.get(), context.get());
  BN_mul(phi.get(), p1.get(), q1.get(), context.get());
  const Owned<BIGNUM> d(BN_mod_inverse(nullptr, e.get(), phi.get(), context.get())),
      inverse(BN_mod_inverse(nullptr, q.get(), p.get(), context.get()));
  BN_mod(dp.get(), d.get(), p1.get(), context.get());
  BN_mod(dq.get(), d.get(), q1.get(), context.get());
  Owned<EVP_PKEY> key = PrivateKeyOf({{OSSL_PKEY_PARAM_RSA_N, n.get()},
                                      {OSSL_PKEY_PARAM_RSA_E, e.get()},
                                      {OSSL_PKEY_PARAM_RSA_D, d.get()},
                                      {OSSL_PKEY_PARAM_RSA_FACTOR1, p.get()},
                                      {OSSL_PKEY_PARAM_RSA_FACTOR2, q.get()},
                                      {OSSL_PKEY_PARAM_RSA_EXPONENT1, dp.get()},
                                      {OSSL_PKEY_PARAM_RSA_EXPONENT2, dq.get()},
                                      {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, inverse.get()}});
  const Owned<EVP_PKEY_CTX> checking(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  EXPECT_EQ(EVP_PKEY_check(checking.get()), 1);
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), bits_of_p + bits_of_q - 1);
  return key;
}

// Two primes of 1024 bits with a modulus of 2047; a modulus of 2048 bits with a prime of 1025, or
// of half.
TEST(BlindRsaSecretKey, RefusesNumbersOfOtherSizes) {
  for (const auto& [p, q] : {std::pair(1024, 1024), {1025, 1024}, {1024, 1025}, {1537, 512}}) {
    EXPECT_THAT(BlindRsaSecretKey::Parse(Pkcs8(KeyOfSmallPrimes(p, q).get())), StatusIs(kInvalid))
        << p << " " << q;
  }
}

// One byte in each of the numbers: modulus, exponents, primes, what the Chinese remainders need.
TEST(BlindRsaSecretKey, RefusesNumbersThatDoNotBelongTogether) {
  const ByteView pkcs8 = Key().pkcs8();
  for (size_t i = 0; i < pkcs8.size(); i += 97) {
    Secret changed = Secret::CopyOf(pkcs8);
    changed.span()[i] ^= 0x04;
    EXPECT_THAT(BlindRsaSecretKey::Parse(std::move(changed)), StatusIs(kInvalid)) << i;
  }
}

// With an attribute behind the key: well-formed, and not what is written.
TEST(BlindRsaSecretKey, RefusesAttributes) {
  const Bytes attributes = Hex("a000");
  Bytes longer = Concat({Key().pkcs8(), attributes});
  const size_t size = longer.size() - 4;
  longer[2] = static_cast<uint8_t>(size >> 8);
  longer[3] = static_cast<uint8_t>(size);
  const unsigned char* cursor = longer.data();
  EXPECT_NE(Owned<PKCS8_PRIV_KEY_INFO>(
                d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(longer.size()))),
            nullptr);
  EXPECT_THAT(BlindRsaSecretKey::Parse(Secret::Take(std::move(longer))), StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::crypto
