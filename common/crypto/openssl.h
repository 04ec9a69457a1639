// Ownership of OpenSSL's objects, for the .cc files here and in common/rpc.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "common/bytes.h"
#include "common/secret.h"

namespace plumbline::crypto {

struct OpensslDeleter {
  void operator()(ASN1_OBJECT* p) const { ASN1_OBJECT_free(p); }
  void operator()(ASN1_STRING* p) const { ASN1_STRING_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(BIGNUM* p) const { BN_clear_free(p); }
  void operator()(BN_CTX* p) const { BN_CTX_free(p); }
  void operator()(EVP_KDF* p) const { EVP_KDF_free(p); }
  void operator()(EVP_KDF_CTX* p) const { EVP_KDF_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
  void operator()(PKCS8_PRIV_KEY_INFO* p) const { PKCS8_PRIV_KEY_INFO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(X509_REQ* p) const { X509_REQ_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(EXTENDED_KEY_USAGE* p) const { EXTENDED_KEY_USAGE_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
};

template <typename T>
using Owned = std::unique_ptr<T, OpensslDeleter>;

// A BIO that reads from borrowed bytes.
Owned<BIO> ReadBio(ByteView bytes);
// What a memory BIO holds, which is wiped before it is returned.
Secret TakeBio(BIO* bio);
// The whole DER of an object through its i2d function.
template <typename T, typename Encode>
Bytes ToDer(const T* object, Encode encode) {
  unsigned char* buffer = nullptr;
  const int size = encode(object, &buffer);
  if (size <= 0) return Bytes();
  Bytes out(buffer, buffer + size);
  OPENSSL_clear_free(buffer, static_cast<size_t>(size));
  return out;
}
// Empties this thread's OpenSSL error queue, so that one failure is not reported for another.
void ForgetOpensslErrors();

}  // namespace plumbline::crypto
