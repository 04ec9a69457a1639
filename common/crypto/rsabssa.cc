#include "common/crypto/rsabssa.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "common/check.h"
#include "common/crypto/openssl.h"

namespace plumbline::crypto::rsabssa {
namespace {

constexpr size_t kHashSize = 48;
using Hash = std::array<uint8_t, kHashSize>;

absl::Status Refused(absl::string_view why) {
  ForgetOpensslErrors();
  return absl::InvalidArgumentError(why);
}

Hash Sha384(ByteView data) {
  Hash out;
  CHECK(EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha384(), nullptr) == 1);
  return out;
}

// MGF1 (RFC 8017 §B.2.1) of `seed`, added to `target`.
void Mask(ByteView seed, std::span<uint8_t> target) {
  for (size_t block = 0; block * kHashSize < target.size(); ++block) {
    const uint8_t counter[] = {static_cast<uint8_t>(block >> 24), static_cast<uint8_t>(block >> 16),
                               static_cast<uint8_t>(block >> 8), static_cast<uint8_t>(block)};
    const Hash mask = Sha384(Concat({seed, counter}));
    const auto part = target.subspan(block * kHashSize);
    for (size_t i = 0; i < std::min(part.size(), mask.size()); ++i) part[i] ^= mask[i];
  }
}

Owned<BN_CTX> Context() {
  Owned<BN_CTX> out(BN_CTX_secure_new());
  CHECK(out != nullptr);
  return out;
}

Owned<BIGNUM> Number() {
  Owned<BIGNUM> out(BN_secure_new());
  CHECK(out != nullptr);
  return out;
}

Owned<BIGNUM> Number(ByteView bytes) {
  Owned<BIGNUM> out = Number();
  CHECK(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), out.get()) != nullptr);
  return out;
}

// One whose value no branch and no memory address may depend on.
Owned<BIGNUM> SecretNumber(ByteView bytes) {
  Owned<BIGNUM> out = Number(bytes);
  BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

Owned<BIGNUM> Exponent() {
  Owned<BIGNUM> out = Number();
  CHECK(BN_set_word(out.get(), kPublicExponent) == 1);
  return out;
}

void Write(const BIGNUM* number, std::span<uint8_t> out) {
  CHECK(BN_bn2binpad(number, out.data(), static_cast<int>(out.size())) ==
        static_cast<int>(out.size()));
}

bool IsBelow(ByteView number, ByteView modulus) {
  return number.size() == modulus.size() &&
         std::lexicographical_compare(number.begin(), number.end(), modulus.begin(), modulus.end());
}

Owned<EVP_PKEY> PublicKey(ByteView modulus) {
  const Owned<BIGNUM> n = Number(modulus), e = Exponent();
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  CHECK(params != nullptr && context != nullptr);
  EVP_PKEY* key = nullptr;
  CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) key = nullptr;
  return Owned<EVP_PKEY>(key);
}

using Operation = int (*)(EVP_PKEY_CTX*, unsigned char*, size_t*, const unsigned char*, size_t);

// x^e or x^d of an x below the modulus; false if OpenSSL will not.
bool Raise(EVP_PKEY* key, int (*init)(EVP_PKEY_CTX*), Operation operation, ByteView x,
           std::span<uint8_t> out) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  CHECK(context != nullptr);
  size_t size = out.size();
  return init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
         operation(context.get(), out.data(), &size, x.data(), x.size()) == 1 && size == out.size();
}

Bytes ModulusOf(const EVP_PKEY* key) {
  BIGNUM* n = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1);
  const Owned<BIGNUM> owned(n);
  Bytes out(static_cast<size_t>(BN_num_bytes(n)));
  Write(n, out);
  return out;
}

absl::Status DoesNotComeBack() {
  return absl::InternalError("a blind signature does not come back to what was signed");
}

}  // namespace

absl::StatusOr<Bytes> EncodePss(ByteView message, ByteView salt, size_t bits) {
  const size_t size = (bits + 7) / 8;
  if (size < kHashSize + salt.size() + 2) {
    return absl::InvalidArgumentError("the modulus is too small for hash and salt");
  }
  const uint8_t zeros[8] = {};
  const Hash hash = Sha384(Concat({zeros, Sha384(message), salt}));
  Bytes out(size);
  const auto block = std::span<uint8_t>(out).first(size - kHashSize - 1);
  block[block.size() - salt.size() - 1] = 0x01;
  std::copy(salt.begin(), salt.end(), block.end() - static_cast<ptrdiff_t>(salt.size()));
  Mask(hash, block);
  block[0] &= static_cast<uint8_t>(0xff >> (8 * size - bits));
  std::copy(hash.begin(), hash.end(), out.begin() + static_cast<ptrdiff_t>(block.size()));
  out.back() = 0xbc;
  return out;
}

Secret RandomFactor(ByteView modulus) {
  const Owned<BIGNUM> n = Number(modulus), r = Number();
  BN_set_flags(r.get(), BN_FLG_CONSTTIME);
  do {
    CHECK(BN_priv_rand_range(r.get(), n.get()) == 1);
  } while (BN_is_zero(r.get()));
  Secret out(modulus.size());
  Write(r.get(), out.span());
  return out;
}

absl::StatusOr<Blinded> Blind(ByteView modulus, ByteView message, ByteView salt,
                              const Secret& factor) {
  const Owned<BN_CTX> context = Context();
  const Owned<BIGNUM> n = Number(modulus), e = Exponent(), r = SecretNumber(factor.view());
  if (BN_cmp(r.get(), n.get()) >= 0)
    return absl::InvalidArgumentError("a blinding factor is below the modulus");
  const auto bits = static_cast<size_t>(BN_num_bits(n.get()));
  ASSIGN_OR_RETURN(const Bytes encoded, EncodePss(message, salt, bits - 1));
  // An encoded message is even, so an even modulus ends here as well; and zero has no inverse.
  const Owned<BIGNUM> m = SecretNumber(encoded), divisor = Number();
  CHECK(BN_gcd(divisor.get(), m.get(), n.get(), context.get()) == 1);
  const Owned<BIGNUM> inverse(BN_mod_inverse(nullptr, r.get(), n.get(), context.get()));
  if (!BN_is_one(divisor.get()) || inverse == nullptr) {
    return Refused("a modulus with a divisor that anybody can find");
  }
  const Owned<BIGNUM> x = Number(), z = Number();
  CHECK(BN_mod_exp(x.get(), r.get(), e.get(), n.get(), context.get()) == 1);
  CHECK(BN_mod_mul(z.get(), m.get(), x.get(), n.get(), context.get()) == 1);
  Blinded out{Bytes(modulus.size()), Secret(modulus.size())};
  Write(z.get(), out.message);
  Write(inverse.get(), out.inverse.span());
  return out;
}

absl::Status CheckBlinded(ByteView modulus, ByteView blinded_message) {
  if (IsBelow(blinded_message, modulus)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a blinded message is as long as the modulus and a number below it");
}

absl::Status CheckBlindSignature(ByteView modulus, ByteView blinded_message,
                                 ByteView blind_signature) {
  if (!IsBelow(blind_signature, modulus)) return DoesNotComeBack();
  const Owned<BN_CTX> context = Context();
  const Owned<BIGNUM> n = Number(modulus), z = Number(blind_signature), m = Number(),
                      e = Exponent();
  CHECK(BN_mod_exp(m.get(), z.get(), e.get(), n.get(), context.get()) == 1);
  Bytes back(modulus.size());
  Write(m.get(), back);
  return Equal(back, blinded_message) ? absl::OkStatus() : DoesNotComeBack();
}

absl::StatusOr<Bytes> BlindSign(evp_pkey_st* secret_key, ByteView blinded_message) {
  const Bytes modulus = ModulusOf(secret_key);
  RETURN_IF_ERROR(CheckBlinded(modulus, blinded_message));
  Secret signature(modulus.size());
  Bytes back(modulus.size());
  // A wrong result of the Chinese remainders would give the primes away.
  if (!Raise(secret_key, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, blinded_message,
             signature.span()) ||
      !Raise(secret_key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, signature.view(), back) ||
      !Equal(back, blinded_message)) {
    ForgetOpensslErrors();
    return DoesNotComeBack();
  }
  return ToBytes(signature.view());
}

absl::StatusOr<Bytes> Finalize(ByteView modulus, ByteView message, size_t salt_size,
                               ByteView blind_signature, const Secret& inverse) {
  if (!IsBelow(blind_signature, modulus)) {
    return absl::InvalidArgumentError(
        "a blind signature is as long as the modulus and a number below it");
  }
  const Owned<BN_CTX> context = Context();
  const Owned<BIGNUM> n = Number(modulus), z = Number(blind_signature), s = Number(),
                      inv = SecretNumber(inverse.view());
  CHECK(BN_mod_mul(s.get(), z.get(), inv.get(), n.get(), context.get()) == 1);
  Bytes signature(modulus.size());
  Write(s.get(), signature);
  RETURN_IF_ERROR(Verify(modulus, message, salt_size, signature));
  return signature;
}

absl::Status Verify(ByteView modulus, ByteView message, size_t salt_size, ByteView signature) {
  if (signature.size() != modulus.size())
    return absl::InvalidArgumentError("a blind RSA signature is as long as the modulus");
  const Owned<EVP_PKEY> key = PublicKey(modulus);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // owned by `context`
  CHECK(context != nullptr);
  if (key == nullptr ||
      EVP_DigestVerifyInit(context.get(), &options, EVP_sha384(), nullptr, key.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha384()) != 1 ||
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, static_cast<int>(salt_size)) != 1 ||
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) != 1) {
    ForgetOpensslErrors();
    return absl::UnauthenticatedError("the blind RSA signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::crypto::rsabssa
