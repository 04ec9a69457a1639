#include "common/db/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace plumbline::db {

absl::StatusOr<std::unique_ptr<Database::FileLock>> Database::FileLock::Acquire(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return absl::UnavailableError(absl::StrCat("cannot open the lock ", path, ": ", std::strerror(errno)));
  auto lock = std::unique_ptr<FileLock>(new FileLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store_already_open: another process has this store open (", path, "); end that one first"));
  }
  return lock;
}

Database::FileLock::~FileLock() { close(fd_); }

}  // namespace plumbline::db
