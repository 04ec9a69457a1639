#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/crypto/passphrase.h"

namespace plumbline::config {
namespace {

constexpr size_t kMaxFile = crypto::kMaxPassphraseSize + 2;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status CheckOwnership(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " belongs to another user; chown it to this one"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " can be read by others; run: chmod 600 ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Secret> ReadPassphraseFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return absl::NotFoundError(absl::StrCat("the passphrase file ", path, " cannot be opened; check the path and who may read it"));
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0) return absl::UnavailableError(absl::StrCat(path, " cannot be examined"));
  RETURN_IF_ERROR(CheckOwnership(path, info));

  Secret content(kMaxFile + 1);
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file.get(), content.span().data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxFile) return absl::InvalidArgumentError(absl::StrCat(path, " is too long to be a passphrase"));
  ByteView line = content.view().first(size);
  if (!line.empty() && line.back() == '\n') line = line.first(line.size() - 1);
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (std::find(line.begin(), line.end(), uint8_t{'\n'}) != line.end()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has more than one line; a passphrase is one line"));
  }
  RETURN_IF_ERROR(crypto::CheckPassphrase(line));
  return Secret::CopyOf(line);
}

}  // namespace plumbline::config
