// A file's bytes under a key of its own, chunk by chunk (docs/protocols/files.md): a STREAM construction over
// ChaCha20-Poly1305 (RFC 8439). A chunk opens only at its own place of its own file, so truncation, extension, exchange,
// reordering and repetition are all refused.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr uint64_t kMaxFile = uint64_t{2} << 30;  // bytes; what a delivery server takes is its policy, usually less
inline constexpr size_t kFileKeySize = 32;
inline constexpr size_t kChunkSize = 64 * 1024;  // sealed bytes; the last chunk may be shorter
inline constexpr size_t kChunkTag = 16;
inline constexpr size_t kChunkContent = kChunkSize - kChunkTag;

// How large a file is before and after. The second follows from the first: the least Padmé size that holds it.
struct FileShape {
  uint64_t size = 0;         // of the file, at most kMaxFile
  uint64_t sealed_size = 0;  // of all chunks together, padding included

  // `size` is at most kMaxFile.
  static FileShape Of(uint64_t size);
  uint32_t chunks() const { return static_cast<uint32_t>((sealed_size + kChunkSize - 1) / kChunkSize); }
  size_t sealed_chunk(uint32_t index) const;  // bytes
  size_t file_chunk(uint32_t index) const;    // bytes of the file in it; the rest is zeros
  bool operator==(const FileShape&) const = default;
};

// One file's key at work. A key seals one content only: whoever changes the content takes another key.
class FileCipher final {
 public:
  // `key` is kFileKeySize bytes.
  FileCipher(ByteView key, const FileShape& shape);

  // `content`: the file's shape.file_chunk(index) bytes. Returns shape.sealed_chunk(index) bytes.
  Bytes Seal(uint32_t index, ByteView content) const;
  // The file's bytes of this chunk. UNAUTHENTICATED if `sealed` is not this file's chunk of this index, or its padding is not
  // zeros.
  absl::StatusOr<Bytes> Open(uint32_t index, ByteView sealed) const;

 private:
  const Secret key_;
  const FileShape shape_;
  const Bytes associated_;
};

}  // namespace plumbline::client
