#include "common/backup/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/backup/disk.h"
#include "common/identity/reason.h"

namespace plumbline::backup {
namespace {

namespace fs = std::filesystem;
using identity::Refuse;

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return Refuse(absl::StatusCode::kFailedPrecondition, "folder_unusable",
                absl::StrCat("cannot work in ", path, ": ", why, "; make the folder above it, writable for this user alone, with room"));
}

}  // namespace

absl::StatusOr<WorkFolder> WorkFolder::Make(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno == ENOSPC ? DiskError("cannot make", path) : Unusable(path, std::strerror(errno));
  }
  Descriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (lock.get() < 0) return Unusable(path, std::strerror(errno));
  // Another process may have removed it since, and then the lock would be of a folder without a name.
  struct stat held = {}, named = {};
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || fstat(lock.get(), &held) != 0 || lstat(path.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "backup_running",
                  absl::StrCat("another backup or restore works in ", path, "; wait until it is done"));
  }
  if (held.st_uid != geteuid() || (held.st_mode & 077) != 0) return Unusable(path, "it is there, and others may write to it");
  WorkFolder out(path, std::move(lock));
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, failed)) fs::remove_all(entry.path(), failed);
  if (failed) return Unusable(path, failed.message());
  return out;
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;  // what cannot be removed now goes with the next one
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace plumbline::backup
