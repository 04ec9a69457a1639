#include "common/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace plumbline {
namespace {

absl::Status FromErrno(absl::string_view doing, const std::string& path) {
  const int error = errno;
  const std::string text = absl::StrCat(doing, " ", path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

absl::Status WriteAll(int fd, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FromErrno("cannot write", path);
    content = content.subspan(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return FromErrno("cannot write", path);
  return absl::OkStatus();
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Descriptor> WaitForTurn(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return FromErrno("cannot open", path);
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return FromErrno("cannot lock", path);
  }
  return file;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncDirectory(const std::string& directory) {
  const Descriptor open_directory(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open_directory.get() < 0 || fsync(open_directory.get()) != 0) return FromErrno("cannot sync the directory", directory);
  return absl::OkStatus();
}

namespace {

// With zeros, in place. OK if there is no such file.
absl::Status Overwrite(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) return absl::OkStatus();
  struct stat info;
  if (file.get() < 0 || fstat(file.get(), &info) != 0) return FromErrno("cannot overwrite", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  return WriteAll(file.get(), Bytes(static_cast<size_t>(info.st_size)), path);
}

}  // namespace

absl::StatusOr<Secret> ReadSecretFile(const std::string& path, size_t max_size) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return FromErrno("cannot read", path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return FromErrno("cannot read", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  if (info.st_size < 0 || static_cast<uint64_t>(info.st_size) > max_size) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is longer than ", max_size, " bytes"));
  }
  Secret out(static_cast<size_t>(info.st_size));
  size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = read(file.get(), out.span().data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno("cannot read", path);
    if (got == 0) return absl::UnavailableError(absl::StrCat(path, " became shorter while it was read"));
    have += static_cast<size_t>(got);
  }
  return out;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t max_size) {
  ASSIGN_OR_RETURN(const Secret content, ReadSecretFile(path, max_size));
  return ToString(content.view());
}

absl::Status WriteFileAtomically(const std::string& path, ByteView content, mode_t mode) {
  const std::string temporary = absl::StrCat(path, ".new-", ToHex(RandomBytes(6)));
  {
    const Descriptor file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (file.get() < 0) return FromErrno("cannot create", temporary);
    absl::Status written = WriteAll(file.get(), content, temporary);
    if (written.ok() && fchmod(file.get(), mode) != 0) written = FromErrno("cannot set the mode of", temporary);
    if (!written.ok()) {
      unlink(temporary.c_str());
      return written;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    absl::Status failed = FromErrno("cannot replace", path);
    unlink(temporary.c_str());
    return failed;
  }
  return SyncDirectory(DirectoryOf(path));
}

absl::Status ShredFile(const std::string& path) {
  RETURN_IF_ERROR(Overwrite(path));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return FromErrno("cannot remove", path);
  return SyncDirectory(DirectoryOf(path));
}

absl::Status ShredAndReplaceFile(const std::string& path, const std::string& replacement) {
  RETURN_IF_ERROR(Overwrite(path));
  if (rename(replacement.c_str(), path.c_str()) != 0) return FromErrno("cannot replace", path);
  return SyncDirectory(DirectoryOf(path));
}

}  // namespace plumbline
