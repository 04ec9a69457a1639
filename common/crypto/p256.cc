#include "common/crypto/p256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/check.h"
#include "common/crypto/openssl.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kMaxKeySize = 4096;
constexpr size_t kPointSize = 65;
// SubjectPublicKeyInfo up to the point.
constexpr uint8_t kSpkiPrefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

bool IsP256(const EVP_PKEY* key) {
  char group[32];
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &size) == 1 &&
         absl::string_view(group, size) == SN_X9_62_prime256v1;
}

Secret EncodePkcs8(const EVP_PKEY* key) {
  const Owned<PKCS8_PRIV_KEY_INFO> info(EVP_PKEY2PKCS8(key));
  CHECK(info != nullptr);
  return Secret::Take(ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
}

Owned<EVP_PKEY> Decode(ByteView der) {
  const unsigned char* cursor = der.data();
  Owned<PKCS8_PRIV_KEY_INFO> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(der.size())));
  if (info == nullptr || cursor != der.data() + der.size()) return nullptr;
  return Owned<EVP_PKEY>(EVP_PKCS82PKEY(info.get()));
}

absl::Status Refused() {
  ForgetOpensslErrors();
  return absl::InvalidArgumentError("not an unencrypted P-256 private key in PKCS#8");
}

}  // namespace

bool IsP256Spki(ByteView spki) {
  return spki.size() == sizeof kSpkiPrefix + kPointSize && Equal(spki.first(sizeof kSpkiPrefix), kSpkiPrefix) &&
         spki[sizeof kSpkiPrefix] == 0x04;
}

absl::StatusOr<Bytes> P256Spki(ByteView point) {
  const absl::Status refused = absl::InvalidArgumentError("not an uncompressed point of P-256");
  if (point.size() != kPointSize || point[0] != 0x04) return refused;
  Bytes out = Concat({ByteView(kSpkiPrefix), point});
  const unsigned char* cursor = out.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(out.size())));
  if (key != nullptr && IsP256(key.get())) return out;
  ForgetOpensslErrors();
  return refused;
}

P256PrivateKey P256PrivateKey::Generate() {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  P256PrivateKey out;
  out.der_ = EncodePkcs8(key.get());
  out.spki_ = ToDer(key.get(), i2d_PUBKEY);
  return out;
}

absl::StatusOr<P256PrivateKey> P256PrivateKey::FromDer(ByteView pkcs8) {
  if (pkcs8.empty() || pkcs8.size() > kMaxKeySize) return Refused();
  const Owned<EVP_PKEY> key = Decode(pkcs8);
  if (key == nullptr || !IsP256(key.get())) return Refused();
  Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_pairwise_check(context.get()) != 1) return Refused();
  P256PrivateKey out;
  out.der_ = Secret::CopyOf(pkcs8);
  out.spki_ = ToDer(key.get(), i2d_PUBKEY);
  return out;
}

absl::StatusOr<P256PrivateKey> P256PrivateKey::FromPem(const Secret& pem) {
  if (pem.size() > kMaxKeySize) return Refused();
  const Owned<BIO> bio = ReadBio(pem.view());
  const Owned<PKCS8_PRIV_KEY_INFO> info(
      PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio.get(), nullptr, nullptr, nullptr));
  if (info == nullptr) return Refused();
  const Secret der = Secret::Take(ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
  return FromDer(der.view());
}

Secret P256PrivateKey::ToPem() const {
  const Owned<EVP_PKEY> key = Decode(der_.view());
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(key != nullptr && bio != nullptr);
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return TakeBio(bio.get());
}

absl::StatusOr<Bytes> P256PrivateKey::Sign(ByteView message) const {
  const Owned<EVP_PKEY> key = Decode(der_.view());
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  CHECK(key != nullptr && context != nullptr);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
  Bytes out(static_cast<size_t>(EVP_PKEY_get_size(key.get())));
  size_t size = out.size();
  CHECK(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  return out;
}

absl::Status VerifyP256(ByteView spki, ByteView message, ByteView signature) {
  const unsigned char* cursor = spki.data();
  Owned<EVP_PKEY> key;
  if (IsP256Spki(spki)) key.reset(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(spki.size())));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  if (key == nullptr || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1) {
    ForgetOpensslErrors();
    return absl::InvalidArgumentError("not a P-256 public key");
  }
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1) return absl::OkStatus();
  ForgetOpensslErrors();
  return absl::UnauthenticatedError("the signature does not verify");
}

}  // namespace plumbline::crypto
