// A lock file that keeps a second process away from a database.
#pragma once

#include <memory>
#include <string>

#include "common/db/database.h"

namespace plumbline::db {

// Held until destroyed, or until the process ends however it ends.
class Database::FileLock final {
 public:
  // FAILED_PRECONDITION if it is held, by whomever; UNAVAILABLE if the file cannot be made.
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace plumbline::db
