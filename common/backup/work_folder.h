// A folder for what is not finished yet, so that nothing unfinished has the name of something finished.
#pragma once

#include <string>

#include "common/file.h"
#include "common/status.h"

namespace plumbline::backup {

// Made empty and 0700, locked against a second process, removed with all that is in it when destroyed. What a process that was
// killed left there goes with the next one. Move-only.
class WorkFolder final {
 public:
  // FAILED_PRECONDITION backup_running if another process has it, folder_unusable if it is not this user's alone; RESOURCE_EXHAUSTED
  // disk_full; UNAVAILABLE.
  static absl::StatusOr<WorkFolder> Make(const std::string& path);
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, "")), lock_(std::move(other.lock_)) {}
  ~WorkFolder();

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  WorkFolder(std::string path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;  // empty: moved from
  Descriptor lock_;
};

}  // namespace plumbline::backup
