#include "common/secret.h"

namespace plumbline {

Secret Secret::Random(size_t size) {
  Secret out(size);
  randombytes_buf(out.bytes_.data(), size);
  return out;
}

Secret Secret::CopyOf(ByteView bytes) {
  Secret out;
  out.bytes_.assign(bytes.begin(), bytes.end());
  return out;
}

Secret Secret::Take(Bytes&& bytes) {
  Secret out = CopyOf(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  bytes.clear();
  return out;
}

Secret Secret::Take(std::string&& text) {
  Secret out = CopyOf(AsBytes(text));
  sodium_memzero(text.data(), text.size());
  text.clear();
  return out;
}

}  // namespace plumbline
