// A file on its way to the place where a person wants it. Until it is complete it has no name there, and it never takes the
// place of another.
#pragma once

#include <memory>
#include <string>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::client {

// Not thread-safe. Destroyed without Commit() it leaves nothing.
class SavedFile final {
 public:
  // For `path`. ALREADY_EXISTS file_exists; RESOURCE_EXHAUSTED disk_full; FAILED_PRECONDITION file_unwritable.
  static absl::StatusOr<std::unique_ptr<SavedFile>> Create(const std::string& path);
  ~SavedFile();
  SavedFile(const SavedFile&) = delete;
  SavedFile& operator=(const SavedFile&) = delete;

  absl::Status Append(ByteView bytes);
  // On return with OK the whole file is on disk under its name (0600). Codes as Create.
  absl::Status Commit();

 private:
  SavedFile(std::string path, std::string temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  const std::string path_;
  std::string temporary_;  // empty: the file has no name at all yet
  const int fd_;
};

// ALREADY_EXISTS file_exists if there is something at `path`.
absl::Status CheckFree(const std::string& path);

}  // namespace plumbline::client
