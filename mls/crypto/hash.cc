#include "mls/crypto/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "common/check.h"

namespace plumbline::mls {
namespace {

struct MdCtxFree {
  void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); }
};
using MdCtx = std::unique_ptr<EVP_MD_CTX, MdCtxFree>;

struct Algorithm {
  const EVP_MD* md;
  size_t size;   // of the digest
  size_t block;  // of the compression function: what HMAC pads its key to
};

const Algorithm& AlgorithmOf(HashId hash) {
  static const std::array<Algorithm, 3> kAlgorithms = {{
      {EVP_MD_fetch(nullptr, "SHA256", nullptr), 32, 64},
      {EVP_MD_fetch(nullptr, "SHA384", nullptr), 48, 128},
      {EVP_MD_fetch(nullptr, "SHA512", nullptr), 64, 128},
  }};
  const size_t index = static_cast<size_t>(hash) - 1;
  CHECK(index < kAlgorithms.size() && kAlgorithms[index].md != nullptr);
  return kAlgorithms[index];
}

void Sum(const Algorithm& algorithm, ByteView data, std::span<uint8_t> out) {
  unsigned int size = 0;
  CHECK(EVP_Digest(data.data(), data.size(), out.data(), &size, algorithm.md, nullptr) == 1 && size == algorithm.size);
}

}  // namespace

size_t HashSize(HashId hash) { return AlgorithmOf(hash).size; }

Bytes Digest(HashId hash, ByteView data) {
  const Algorithm& algorithm = AlgorithmOf(hash);
  Bytes out(algorithm.size);
  Sum(algorithm, data, out);
  return out;
}

Secret Hmac(HashId hash, ByteView key, std::initializer_list<ByteView> parts) {
  const Algorithm& algorithm = AlgorithmOf(hash);
  Secret pad(algorithm.block);
  if (key.size() > algorithm.block) {
    Sum(algorithm, key, pad.span().first(algorithm.size));
  } else {
    std::copy(key.begin(), key.end(), pad.span().begin());
  }
  Secret digest(algorithm.size);
  unsigned int size = 0;
  const MdCtx ctx(EVP_MD_CTX_new());
  CHECK(ctx != nullptr);
  for (uint8_t& byte : pad.span()) byte ^= 0x36;
  CHECK(EVP_DigestInit_ex2(ctx.get(), algorithm.md, nullptr) == 1);
  CHECK(EVP_DigestUpdate(ctx.get(), pad.view().data(), pad.size()) == 1);
  for (ByteView part : parts) CHECK(EVP_DigestUpdate(ctx.get(), part.data(), part.size()) == 1);
  CHECK(EVP_DigestFinal_ex(ctx.get(), digest.span().data(), &size) == 1 && size == algorithm.size);
  for (uint8_t& byte : pad.span()) byte ^= 0x36 ^ 0x5c;
  CHECK(EVP_DigestInit_ex2(ctx.get(), nullptr, nullptr) == 1);
  CHECK(EVP_DigestUpdate(ctx.get(), pad.view().data(), pad.size()) == 1);
  CHECK(EVP_DigestUpdate(ctx.get(), digest.view().data(), digest.size()) == 1);
  CHECK(EVP_DigestFinal_ex(ctx.get(), digest.span().data(), &size) == 1 && size == algorithm.size);
  return digest;
}

Secret HkdfExtract(HashId hash, ByteView salt, std::initializer_list<ByteView> ikm) { return Hmac(hash, salt, ikm); }

Secret HkdfExpand(HashId hash, ByteView prk, ByteView info, size_t size) {
  CHECK(size <= MaxHkdfSize(hash));
  Secret out(size);
  Secret block;
  uint8_t counter = 1;
  for (size_t done = 0; done < size; ++counter) {
    block = Hmac(hash, prk, {block.view(), info, ByteView(&counter, 1)});
    const size_t take = std::min(block.size(), size - done);
    std::copy_n(block.view().begin(), take, out.span().begin() + static_cast<ptrdiff_t>(done));
    done += take;
  }
  return out;
}

}  // namespace plumbline::mls
