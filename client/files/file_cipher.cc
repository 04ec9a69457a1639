#include "client/files/file_cipher.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "common/check.h"
#include "common/codec.h"
#include "common/identity/padme.h"

namespace plumbline::client {
namespace {

constexpr char kFileLabel[] = "plumbline file v1";
constexpr uint8_t kVersion = 1;

static_assert(kFileKeySize == crypto_aead_chacha20poly1305_IETF_KEYBYTES);
static_assert(kChunkTag == crypto_aead_chacha20poly1305_IETF_ABYTES);
using ChunkNonce = std::array<uint8_t, crypto_aead_chacha20poly1305_IETF_NPUBBYTES>;

// Zeros (the key is this file's alone), the index, whether it is the last.
ChunkNonce NonceOf(uint32_t index, bool last) {
  ChunkNonce nonce{};
  for (int i = 0; i < 4; ++i) nonce[7 + i] = static_cast<uint8_t>(index >> (24 - 8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

// struct { opaque label<V>; uint8 version = 1; uint32 chunk_size; uint64 size; uint64 sealed_size; } FileHeader;
Bytes HeaderOf(const FileShape& shape) {
  Writer out;
  out.Vector(AsBytes(kFileLabel)).U8(kVersion).U32(kChunkSize).U64(shape.size).U64(shape.sealed_size);
  return out.TakeBytes();
}

}  // namespace

FileShape FileShape::Of(uint64_t size) {
  CHECK(size <= kMaxFile);
  // Padding may add a chunk, whose tag has to fit too: from the second round on nothing changes any more.
  FileShape shape{size, identity::PadmeFileSize(size + kChunkTag)};
  while (shape.sealed_size - uint64_t{shape.chunks()} * kChunkTag < size) {
    shape.sealed_size = identity::PadmeFileSize(size + uint64_t{shape.chunks()} * kChunkTag);
  }
  return shape;
}

size_t FileShape::sealed_chunk(uint32_t index) const {
  return static_cast<size_t>(std::min<uint64_t>(kChunkSize, sealed_size - uint64_t{index} * kChunkSize));
}

size_t FileShape::file_chunk(uint32_t index) const {
  const uint64_t begin = uint64_t{index} * kChunkContent;
  if (begin >= size) return 0;
  return static_cast<size_t>(std::min<uint64_t>(sealed_chunk(index) - kChunkTag, size - begin));
}

FileCipher::FileCipher(ByteView key, const FileShape& shape)
    : key_(Secret::CopyOf(key)), shape_(shape), associated_(HeaderOf(shape)) {
  CHECK(key.size() == kFileKeySize);
}

Bytes FileCipher::Seal(uint32_t index, ByteView content) const {
  CHECK(index < shape_.chunks() && content.size() == shape_.file_chunk(index));
  Bytes sealed(shape_.sealed_chunk(index));
  std::copy(content.begin(), content.end(), sealed.begin());
  const ChunkNonce nonce = NonceOf(index, index + 1 == shape_.chunks());
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, sealed.data(), sealed.size() - kChunkTag,
                                            associated_.data(), associated_.size(), nullptr, nonce.data(), key_.view().data());
  return sealed;
}

absl::StatusOr<Bytes> FileCipher::Open(uint32_t index, ByteView sealed) const {
  if (index >= shape_.chunks() || sealed.size() != shape_.sealed_chunk(index)) {
    return absl::UnauthenticatedError("a chunk of a file has a wrong size");
  }
  Bytes content(sealed.size() - kChunkTag);
  const ChunkNonce nonce = NonceOf(index, index + 1 == shape_.chunks());
  if (crypto_aead_chacha20poly1305_ietf_decrypt(content.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                associated_.data(), associated_.size(), nonce.data(),
                                                key_.view().data()) != 0) {
    return absl::UnauthenticatedError("a chunk of a file is not what its sender made");
  }
  const size_t kept = shape_.file_chunk(index);
  if (std::any_of(content.begin() + static_cast<ptrdiff_t>(kept), content.end(), [](uint8_t b) { return b != 0; })) {
    return absl::UnauthenticatedError("the padding of a file is not zeros");
  }
  content.resize(kept);
  return content;
}

}  // namespace plumbline::client
