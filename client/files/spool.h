// A sealed copy of a file in the client's folder: complete before its upload begins, or growing while it is fetched. It holds
// nothing that its key is not needed for. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "common/bytes.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::client {

// Failures here and below: RESOURCE_EXHAUSTED disk_full, UNAVAILABLE file_unwritable with the system's cause.
class Spool final {
 public:
  // Opens or makes `path` (0600), in a folder that is made (0700) if it is not there.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& path);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  absl::StatusOr<uint64_t> Size() const;
  absl::Status Append(ByteView bytes);
  // Exactly `size` bytes at `offset`. OUT_OF_RANGE if there are fewer.
  absl::StatusOr<Bytes> ReadAt(uint64_t offset, size_t size) const;
  absl::Status Truncate(uint64_t size);
  // On return with OK all of it, and its name, are on disk.
  absl::Status Sync();
  // SHA-256 of all of it.
  absl::StatusOr<identity::Hash> HashAll() const;

 private:
  Spool(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

// "disk_full" or "file_unwritable" of errno, with what could not be done.
absl::Status DiskFailure(absl::string_view what, const std::string& path, int error);

// Writes all of `bytes` to `fd`. False with errno set.
bool WriteAll(int fd, ByteView bytes);

}  // namespace plumbline::client
