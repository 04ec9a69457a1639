// The container of a backup: a stream of bytes that only the holder of one key can read, and that nobody can change, cut, extend
// or put into another order. Written and read in pieces, so its size is bounded by the disk alone.
//
//   struct {
//     opaque magic[8] = "PLBK0001";
//     opaque recipient[32];      /* X25519: whose it is, so that a wrong key is named as such */
//     opaque sealed_key[80];     /* crypto_box_seal to it: 32 random bytes, the stream's key */
//     opaque stream_header[24];  /* crypto_secretstream_xchacha20poly1305 */
//   } Header;                    /* additional data of every chunk */
//   Archive = Header *chunk      /* each 65,536 bytes and 17 of tag and authenticator, the last 1 to 65,536 and 17 */
//
// The last chunk alone has TAG_FINAL, the others TAG_MESSAGE. A content has one form but for the random bytes.
#pragma once

#include <sodium.h>

#include <string>

#include "common/bytes.h"
#include "common/crypto/sealed_box.h"
#include "common/file.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::backup {

inline constexpr size_t kChunk = 64 << 10;  // bytes of content
inline constexpr size_t kArchiveHeader = 8 + 32 + 80 + crypto_secretstream_xchacha20poly1305_HEADERBYTES;

// Not thread-safe. Whoever does not reach Finish() removes the file. The content is not secret by itself: sealed keys and encrypted
// databases.
class ArchiveWriter final {
 public:
  // Makes `path`, 0600. ALREADY_EXISTS if it is there; RESOURCE_EXHAUSTED disk_full; UNAVAILABLE.
  static absl::StatusOr<ArchiveWriter> Create(const std::string& path, const crypto::SealedBoxPublicKey& recipient);
  ArchiveWriter(ArchiveWriter&&) = default;

  // RESOURCE_EXHAUSTED disk_full; UNAVAILABLE. After a failure the file is of no use.
  absl::Status Write(ByteView content);
  // The end: on disk when it returns OK. INVALID_ARGUMENT if nothing was written.
  absl::Status Finish();

 private:
  ArchiveWriter(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)), state_(sizeof(State)) {}
  using State = crypto_secretstream_xchacha20poly1305_state;
  State* state() { return reinterpret_cast<State*>(state_.span().data()); }
  absl::Status Push(ByteView chunk, uint8_t tag);

  std::string path_;
  Descriptor file_;
  Secret state_;
  Bytes header_;
  Bytes waiting_;  // content that has no chunk yet, at most kChunk
};

// Not thread-safe. What it hands out is authentic, and is in its place; that it is all of it only Done() tells.
class ArchiveReader final {
 public:
  // NOT_FOUND and other codes of the file; DATA_LOSS backup_damaged; PERMISSION_DENIED backup_key_wrong if it was made for another
  // key, which it names.
  static absl::StatusOr<ArchiveReader> Open(const std::string& path, const crypto::SealedBoxKeyPair& key);
  ArchiveReader(ArchiveReader&&) = default;

  // Fills `out`. DATA_LOSS backup_damaged if the archive was cut off, changed, or ends before that; UNAVAILABLE.
  absl::Status Read(std::span<uint8_t> out);
  // OK if and only if all was read.
  absl::Status Done() const;

 private:
  ArchiveReader(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)), state_(sizeof(State)) {}
  using State = crypto_secretstream_xchacha20poly1305_state;
  State* state() { return reinterpret_cast<State*>(state_.span().data()); }
  absl::Status ReadHeader(const crypto::SealedBoxKeyPair& key);
  absl::Status Pull();
  absl::Status ReadAll(std::span<uint8_t> out);
  absl::Status Damaged() const;

  std::string path_;
  Descriptor file_;
  Secret state_;
  uint64_t left_ = 0;  // bytes of the file behind what was read
  Bytes header_;
  Bytes chunk_;      // content
  size_t used_ = 0;  // of it
};

}  // namespace plumbline::backup
