#include "common/backup/disk.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::backup {

absl::Status DiskError(absl::string_view doing, const std::string& path) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    return identity::Refuse(absl::StatusCode::kResourceExhausted, "disk_full",
                            absl::StrCat("there is no room left for ", path, "; free space and try again"));
  }
  const std::string text = absl::StrCat(doing, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EEXIST) return absl::AlreadyExistsError(text);
  return absl::UnavailableError(text);
}

absl::Status WriteAll(int descriptor, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return DiskError("cannot write", path);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::backup
