#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/crypto/passphrase.h"

namespace plumbline::config {
namespace {

// What is in the file: for its refusals.
struct Kind {
  absl::string_view name;  // of the reason ids too: <name>_file_open
  size_t limit;            // bytes
};
constexpr Kind kPassphrase = {"passphrase", crypto::kMaxPassphraseSize}, kPin = {"pin", 255};

absl::Status CannotRead(const Kind& kind, const std::string& path) {
  const int error = errno;
  const std::string text = absl::StrCat("cannot read the ", kind.name, " file ", path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

absl::Status CheckOwner(const struct stat& info, const Kind& kind, const std::string& path) {
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("the ", kind.name, " file ", path, " is not a regular file"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        kind.name, "_file_open: ", path, " can be read or changed by others than its owner; run: chmod 600 ", path));
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(kind.name, "_file_owner: ", path, " belongs to another user; it must be this service's or root's"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadUpTo(int fd, size_t limit, const Kind& kind, const std::string& path) {
  Secret buffer(limit);
  size_t have = 0;
  while (have < limit) {
    const ssize_t got = read(fd, buffer.span().data() + have, limit - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(kind, path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return Secret::CopyOf(buffer.view().first(have));
}

absl::StatusOr<Secret> ReadLine(const Kind& kind, const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return CannotRead(kind, path);
  struct stat info;
  absl::Status usable = fstat(fd, &info) == 0 ? CheckOwner(info, kind, path) : CannotRead(kind, path);
  absl::StatusOr<Secret> content = usable.ok() ? ReadUpTo(fd, kind.limit + 3, kind, path) : usable;
  close(fd);
  RETURN_IF_ERROR(content.status());
  ByteView line = content->view();
  if (!line.empty() && line.back() == '\n') line = line.first(line.size() - 1);
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (line.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(kind.name, "_file_empty: ", path, " holds no ", kind.name, "; write one line"));
  }
  if (std::find_if(line.begin(), line.end(), [](uint8_t c) { return c == '\n' || c == '\r' || c == 0; }) != line.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kind.name, "_file_lines: ", path, " holds more than one line; keep only the ", kind.name));
  }
  return Secret::CopyOf(line);
}

}  // namespace

absl::StatusOr<Secret> ReadPassphraseFile(const std::string& path) {
  ASSIGN_OR_RETURN(Secret out, ReadLine(kPassphrase, path));
  RETURN_IF_ERROR(crypto::CheckPassphrase(out.view()));
  return out;
}

absl::StatusOr<Secret> ReadPinFile(const std::string& path) {
  ASSIGN_OR_RETURN(Secret out, ReadLine(kPin, path));
  if (out.size() > kPin.limit) return absl::InvalidArgumentError(absl::StrCat("pin_file_long: ", path, " holds more than 255 bytes; keep only the PIN"));
  return out;
}

}  // namespace plumbline::config
