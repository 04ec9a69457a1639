#include "common/crypto/blind_rsa.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/crypto/rsabssa.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kMaxPkcs8 = 2048;

// SEQUENCE { SEQUENCE { id-RSASSA-PSS, SEQUENCE { [0] SHA-384, [1] MGF1 of SHA-384, [2] 48 } },
// BIT STRING { SEQUENCE { INTEGER modulus, INTEGER 65537 } } }: up to the modulus, and after it.
constexpr uint8_t kBeforeModulus[] = {
    0x30, 0x82, 0x01, 0x52, 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
    0x01, 0x01, 0x0a, 0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
    0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86,
    0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
    0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30, 0x03, 0x82, 0x01,
    0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
constexpr uint8_t kAfterModulus[] = {0x02, 0x03, 0x01, 0x00, 0x01};
static_assert(sizeof kBeforeModulus + kBlindRsaSize + sizeof kAfterModulus == kBlindRsaSpkiSize);

BlindRsaNumber ToNumber(ByteView bytes) {
  BlindRsaNumber out;
  CHECK(bytes.size() == out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Secret EncodePkcs8(const EVP_PKEY* key) {
  const Owned<PKCS8_PRIV_KEY_INFO> info(EVP_PKEY2PKCS8(key));
  CHECK(info != nullptr);
  return Secret::Take(ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
}

// Whatever is behind it, and however it is encoded: Parse compares.
Owned<EVP_PKEY> DecodePkcs8(ByteView der) {
  const unsigned char* cursor = der.data();
  const Owned<PKCS8_PRIV_KEY_INFO> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(der.size())));
  if (info == nullptr) return nullptr;
  return Owned<EVP_PKEY>(EVP_PKCS82PKEY(info.get()));
}

// A number of the key, or nothing.
Owned<BIGNUM> Part(const EVP_PKEY* key, const char* name) {
  BIGNUM* out = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &out) != 1) out = nullptr;
  return Owned<BIGNUM>(out);
}

bool HasBits(const Owned<BIGNUM>& number, size_t bits) {
  return number != nullptr && BN_num_bits(number.get()) == static_cast<int>(bits);
}

// The form, cheap to see; whether the numbers belong together is EVP_PKEY_check's to say. Two
// primes of this size leave no room for a third.
bool HasOurForm(const EVP_PKEY* key) {
  if (!EVP_PKEY_is_a(key, "RSA")) return false;
  const Owned<BIGNUM> e = Part(key, OSSL_PKEY_PARAM_RSA_E);
  return HasBits(Part(key, OSSL_PKEY_PARAM_RSA_N), 8 * kBlindRsaSize) && e != nullptr &&
         BN_is_word(e.get(), rsabssa::kPublicExponent) &&
         HasBits(Part(key, OSSL_PKEY_PARAM_RSA_FACTOR1), 4 * kBlindRsaSize) &&
         HasBits(Part(key, OSSL_PKEY_PARAM_RSA_FACTOR2), 4 * kBlindRsaSize);
}

bool IsValid(EVP_PKEY* key) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context != nullptr && EVP_PKEY_check(context.get()) == 1;
}

BlindRsaNumber ModulusOf(const EVP_PKEY* key) {
  BlindRsaNumber out;
  const Owned<BIGNUM> n = Part(key, OSSL_PKEY_PARAM_RSA_N);
  CHECK(n != nullptr && BN_bn2binpad(n.get(), out.data(), out.size()) == kBlindRsaSize);
  return out;
}

}  // namespace

absl::StatusOr<BlindRsaPublicKey> BlindRsaPublicKey::Parse(ByteView spki) {
  BlindRsaPublicKey out;
  if (spki.size() == kBlindRsaSpkiSize)
    out.modulus_ = ToNumber(spki.subspan(sizeof kBeforeModulus, kBlindRsaSize));
  if (spki.size() != kBlindRsaSpkiSize || !Equal(out.Serialize(), spki)) {
    return absl::InvalidArgumentError(
        "not an RSASSA-PSS key of 2048 bits for SHA-384 with salt 48 and exponent 65537");
  }
  return FromModulus(out.modulus_);
}

absl::StatusOr<BlindRsaPublicKey> BlindRsaPublicKey::FromModulus(ByteView modulus) {
  if (modulus.size() != kBlindRsaSize || (modulus.front() & 0x80) == 0 || (modulus.back() & 1) == 0)
    return absl::InvalidArgumentError("an RSA modulus is odd and has 2048 bits");
  BlindRsaPublicKey out;
  out.modulus_ = ToNumber(modulus);
  return out;
}

Bytes BlindRsaPublicKey::Serialize() const {
  return Concat({kBeforeModulus, modulus_, kAfterModulus});
}

absl::Status BlindRsaPublicKey::Verify(ByteView message, ByteView signature) const {
  return rsabssa::Verify(modulus_, message, kBlindRsaSaltSize, signature);
}

BlindRsaSecretKey BlindRsaSecretKey::Generate() {
  BlindRsaSecretKey out;
  out.key_.reset(EVP_RSA_gen(8 * kBlindRsaSize), OpensslDeleter());
  CHECK(out.key_ != nullptr && HasOurForm(out.key_.get()));
  out.pkcs8_ = EncodePkcs8(out.key_.get());
  out.public_key_.modulus_ = ModulusOf(out.key_.get());
  return out;
}

absl::StatusOr<BlindRsaSecretKey> BlindRsaSecretKey::Parse(Secret&& pkcs8) {
  BlindRsaSecretKey out;
  out.pkcs8_ = std::move(pkcs8);
  Owned<EVP_PKEY> key;
  if (!out.pkcs8_.empty() && out.pkcs8_.size() <= kMaxPkcs8) key = DecodePkcs8(out.pkcs8_.view());
  if (key == nullptr || !HasOurForm(key.get()) || !(EncodePkcs8(key.get()) == out.pkcs8_) ||
      !IsValid(key.get())) {
    ForgetOpensslErrors();
    return absl::InvalidArgumentError(
        "not an unencrypted RSA private key of 2048 bits in PKCS#8, with exponent 65537");
  }
  out.key_ = std::move(key);
  out.public_key_.modulus_ = ModulusOf(out.key_.get());
  return out;
}

absl::StatusOr<BlindRsaNumber> BlindRsaSecretKey::BlindSign(ByteView blinded_message) const {
  CHECK(key_ != nullptr);
  ASSIGN_OR_RETURN(const Bytes signature, rsabssa::BlindSign(key_.get(), blinded_message));
  return ToNumber(signature);
}

absl::StatusOr<BlindRsaBlinding> BlindRsaBlinding::Create(const BlindRsaPublicKey& key,
                                                          ByteView message) {
  return CreateWith(key, message, RandomBytes(kBlindRsaSaltSize),
                    rsabssa::RandomFactor(key.modulus_));
}

absl::StatusOr<BlindRsaBlinding> BlindRsaBlinding::CreateWith(const BlindRsaPublicKey& key,
                                                              ByteView message, ByteView salt,
                                                              const Secret& factor) {
  if (salt.size() != kBlindRsaSaltSize)
    return absl::InvalidArgumentError("the salt of a blind RSA signature is 48 bytes long");
  ASSIGN_OR_RETURN(rsabssa::Blinded blinded, rsabssa::Blind(key.modulus_, message, salt, factor));
  BlindRsaBlinding out;
  out.key_ = key;
  out.message_ = ToBytes(message);
  out.blinded_message_ = ToNumber(blinded.message);
  out.inverse_ = std::move(blinded.inverse);
  return out;
}

absl::StatusOr<BlindRsaNumber> BlindRsaBlinding::Finalize(ByteView blind_signature) const {
  ASSIGN_OR_RETURN(
      const Bytes signature,
      rsabssa::Finalize(key_.modulus_, message_, kBlindRsaSaltSize, blind_signature, inverse_));
  return ToNumber(signature);
}

}  // namespace plumbline::crypto
