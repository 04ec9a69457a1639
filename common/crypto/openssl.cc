#include "common/crypto/openssl.h"

#include <openssl/err.h>

#include "common/check.h"

namespace plumbline::crypto {

Owned<BIO> ReadBio(ByteView bytes) {
  static const uint8_t kNothing = 0;
  Owned<BIO> bio(BIO_new_mem_buf(bytes.empty() ? &kNothing : bytes.data(),
                                 static_cast<int>(bytes.size())));
  CHECK(bio != nullptr);
  return bio;
}

Secret TakeBio(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  CHECK(size >= 0);
  Secret out = Secret::CopyOf(ByteView(reinterpret_cast<uint8_t*>(data), static_cast<size_t>(size)));
  OPENSSL_cleanse(data, static_cast<size_t>(size));
  return out;
}

void ForgetOpensslErrors() { ERR_clear_error(); }

}  // namespace plumbline::crypto
