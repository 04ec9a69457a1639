#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/db/database.h"
#include "common/db/sqlite.h"

namespace plumbline::db {
namespace {

// The database and what SQLite keeps beside it.
void RemoveFiles(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock"}) unlink((path + suffix).c_str());
}

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot sync ", path));
}

}  // namespace

absl::Status Database::CopyInto(Database& target) {
  sqlite3_backup* copy = sqlite3_backup_init(target.connection_, "main", connection_, "main");
  if (copy == nullptr) return FromSqlite(target.connection_, sqlite3_errcode(target.connection_));
  const int step = sqlite3_backup_step(copy, -1);
  const int finish = sqlite3_backup_finish(copy);
  if (step != SQLITE_DONE) return FromSqlite(target.connection_, step);
  if (finish != SQLITE_OK) return FromSqlite(target.connection_, finish);
  return absl::OkStatus();
}

absl::Status Database::BackupTo(const std::string& path, const Key& key) {
  if (access(path.c_str(), F_OK) == 0) {
    return absl::AlreadyExistsError(absl::StrCat("backup_exists: ", path, " is there already; choose another name"));
  }
  const std::string temporary = path + ".partial";
  RemoveFiles(temporary);
  absl::Status done = [&]() -> absl::Status {
    // Opened like any store of ours: keyed, written once and checked for encryption before anything is copied into it.
    // The copy interface itself would write plain text into an unkeyed target without an error.
    ASSIGN_OR_RETURN(std::unique_ptr<Database> target, Open(temporary, key));
    RETURN_IF_ERROR(CopyInto(*target));
    RETURN_IF_ERROR(target->Checkpoint());
    target.reset();
    ASSIGN_OR_RETURN(target, Open(temporary, key, OpenOptions{.create = false}));  // checks again that it is encrypted
    RETURN_IF_ERROR(target->CheckIntegrity());
    RETURN_IF_ERROR(target->Checkpoint());
    target.reset();
    RETURN_IF_ERROR(SyncFile(temporary));
    if (link(temporary.c_str(), path.c_str()) != 0) {
      return absl::UnavailableError(absl::StrCat("cannot name the backup ", path, ": ", std::strerror(errno)));
    }
    const size_t slash = path.rfind('/');
    return SyncFile(slash == std::string::npos ? "." : path.substr(0, slash + 1));
  }();
  RemoveFiles(temporary);
  return done;
}

}  // namespace plumbline::db
