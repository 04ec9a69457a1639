#include "client/files/saved_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "client/files/spool.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status Exists(const std::string& path) {
  return identity::Refuse(absl::StatusCode::kAlreadyExists, "file_exists",
                          absl::StrCat(path, " is there already and stays as it is; give another path"));
}

}  // namespace

absl::Status CheckFree(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0 ? Exists(path) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SavedFile>> SavedFile::Create(const std::string& path) {
  RETURN_IF_ERROR(CheckFree(path));
  const std::string folder = FolderOf(path);
  // Without a name, a crash leaves nothing readable behind.
  int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  std::string temporary;
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {  // a file system that cannot
    temporary = absl::StrCat(folder, "/.plumbline-", ToHex(RandomBytes(8)), ".part");
    fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  }
  if (fd < 0) return DiskFailure("make a file in", folder, errno);
  return std::unique_ptr<SavedFile>(new SavedFile(path, std::move(temporary), fd));
}

SavedFile::~SavedFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
  close(fd_);
}

absl::Status SavedFile::Append(ByteView bytes) {
  return WriteAll(fd_, bytes) ? absl::OkStatus() : DiskFailure("write", path_, errno);
}

absl::Status SavedFile::Commit() {
  if (fsync(fd_) != 0) return DiskFailure("write", path_, errno);
  // Both fail where the name is taken.
  const int named = temporary_.empty()
                        ? linkat(AT_FDCWD, absl::StrCat("/proc/self/fd/", fd_).c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW)
                        : static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(),
                                                   RENAME_NOREPLACE));
  if (named != 0) return errno == EEXIST ? Exists(path_) : DiskFailure("name", path_, errno);
  temporary_.clear();
  const std::string folder = FolderOf(path_);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : DiskFailure("write", folder, error);
}

}  // namespace plumbline::client
