#include "common/crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/check.h"
#include "common/crypto/openssl.h"

namespace plumbline::crypto {
namespace {

OSSL_PARAM Octets(const char* name, ByteView bytes) {
  static const uint8_t kNothing = 0;  // OpenSSL refuses a null pointer even for no bytes
  const uint8_t* data = bytes.empty() ? &kNothing : bytes.data();
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(data), bytes.size());
}

}  // namespace

Secret HkdfSha256(ByteView key_material, ByteView salt, ByteView info, size_t size) {
  CHECK(size > 0 && size <= kMaxHkdfOutput);
  const Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      Octets(OSSL_KDF_PARAM_KEY, key_material), Octets(OSSL_KDF_PARAM_SALT, salt),
      Octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  Secret out(size);
  CHECK(EVP_KDF_derive(context.get(), out.span().data(), size, params) == 1);
  return out;
}

std::array<uint8_t, kSha256Size> HmacSha256(ByteView key, ByteView message) {
  static const uint8_t kNothing = 0;
  std::array<uint8_t, kSha256Size> out;
  CHECK(HMAC(EVP_sha256(), key.empty() ? &kNothing : key.data(), static_cast<int>(key.size()),
             message.empty() ? &kNothing : message.data(), message.size(), out.data(),
             nullptr) != nullptr);
  return out;
}

}  // namespace plumbline::crypto
