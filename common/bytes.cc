#include "common/bytes.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>

#include "common/check.h"

namespace plumbline {

Bytes Concat(std::initializer_list<ByteView> parts) {
  size_t size = 0;
  for (ByteView part : parts) size += part.size();
  Bytes out;
  out.reserve(size);
  for (ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

bool Equal(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool ConstantTimeEqual(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string ToHex(ByteView view) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(view.size() * 2);
  for (uint8_t byte : view) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 0x0f]);
  }
  return out;
}

Bytes RandomBytes(size_t size) {
  Bytes out(size);
  if (size > 0) randombytes_buf(out.data(), out.size());  // an empty vector may have no address
  return out;
}

std::array<uint8_t, 32> Sha256(ByteView data) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<uint8_t, 32> digest;
  unsigned int size = 0;
  CHECK(EVP_Digest(data.data(), data.size(), digest.data(), &size, kSha256, nullptr) == 1);
  CHECK(size == digest.size());
  return digest;
}

}  // namespace plumbline
