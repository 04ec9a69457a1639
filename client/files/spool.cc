#include "client/files/spool.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::client {

absl::Status DiskFailure(absl::string_view what, const std::string& path, int error) {
  const std::string text = absl::StrCat("cannot ", what, " ", path, " (", std::strerror(error), ")");
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return identity::Refuse(absl::StatusCode::kResourceExhausted, "disk_full",
                            absl::StrCat(text, "; make room and give the command again"));
  }
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "file_unwritable",
                          absl::StrCat(text, "; look at that folder and its permissions, or choose another"));
}

bool WriteAll(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return DiskFailure("make", folder, errno);
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return DiskFailure("open", path, errno);
  return std::unique_ptr<Spool>(new Spool(path, fd));
}

Spool::~Spool() { close(fd_); }

absl::StatusOr<uint64_t> Spool::Size() const {
  struct stat info;
  if (fstat(fd_, &info) != 0) return DiskFailure("look at", path_, errno);
  return static_cast<uint64_t>(info.st_size);
}

absl::Status Spool::Append(ByteView bytes) {
  return WriteAll(fd_, bytes) ? absl::OkStatus() : DiskFailure("write", path_, errno);
}

absl::StatusOr<Bytes> Spool::ReadAt(uint64_t offset, size_t size) const {
  Bytes bytes(size);
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(fd_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return DiskFailure("read", path_, errno);
    if (got == 0) return absl::OutOfRangeError("the sealed copy of a file is shorter than it should be");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

absl::Status Spool::Truncate(uint64_t size) {
  return ftruncate(fd_, static_cast<off_t>(size)) == 0 ? absl::OkStatus() : DiskFailure("shorten", path_, errno);
}

absl::Status Spool::Sync() {
  if (fsync(fd_) != 0) return DiskFailure("write", path_, errno);
  const std::string folder = path_.substr(0, path_.rfind('/'));
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : DiskFailure("write", folder, error);
}

absl::StatusOr<identity::Hash> Spool::HashAll() const {
  constexpr size_t kStep = 256 * 1024;
  ASSIGN_OR_RETURN(const uint64_t size, Size());
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (uint64_t offset = 0; offset < size; offset += kStep) {
    ASSIGN_OR_RETURN(const Bytes part, ReadAt(offset, static_cast<size_t>(std::min<uint64_t>(kStep, size - offset))));
    crypto_hash_sha256_update(&state, part.data(), part.size());
  }
  identity::Hash hash;
  crypto_hash_sha256_final(&state, hash.data());
  return hash;
}

}  // namespace plumbline::client
