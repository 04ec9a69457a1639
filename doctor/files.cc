#include "doctor/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/crypto/sealed_file.h"
#include "doctor/words.h"

namespace plumbline::doctor {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kSealed = crypto::kSealedFileMagic;
constexpr absl::string_view kPlaintext("SQLite format 3\0", 16);
constexpr off_t kLeastPassphrase = 12;
constexpr char kAsRoot[] = "Run this as root, or as the service's user.";

// What is at a path; if nothing can be said it has been reported, under `check`.
std::optional<struct stat> Look(absl::string_view check, const Service& service,
                                const std::string& path, absl::string_view remedy, Report& report) {
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) return info;
  if (errno == EACCES || errno == EPERM) {
    report.NotChecked(check, service.title, absl::StrCat(path, " cannot be seen."), kAsRoot);
  } else {
    report.Failed(check, service.title, absl::StrCat(path, ": ", std::strerror(errno), "."),
                  remedy);
  }
  return std::nullopt;
}

// The first bytes of a regular file; none if it cannot be read.
std::optional<std::string> Head(const std::string& path, size_t size) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string out(size, '\0');
  const ssize_t got = read(fd, out.data(), size);
  close(fd);
  if (got < 0) return std::nullopt;
  out.resize(static_cast<size_t>(got));
  return out;
}

std::string Mode(const struct stat& info) { return absl::StrFormat("%04o", info.st_mode & 07777); }

// A secret file: regular, its owner's alone. False if something was reported.
bool IsPrivate(absl::string_view check, const Service& service, const std::string& path,
               const struct stat& info, Report& report) {
  if (!S_ISREG(info.st_mode)) {
    report.Failed(check, service.title, absl::StrCat(path, " is not a regular file."),
                  "Put the file itself there.");
    return false;
  }
  if ((info.st_mode & 077) != 0) {
    report.Failed(
        check, service.title,
        absl::StrCat(path, " has mode ", Mode(info), ": others than its owner can use it."),
        absl::StrCat("Run: chmod 600 ", path,
                     " ; if others had it for long, take what it protects for known."));
    return false;
  }
  return true;
}

bool BelongsTo(absl::string_view check, const Service& service, const std::string& path,
               const struct stat& info, uid_t owner, bool or_root, Report& report) {
  if (info.st_uid == owner || (or_root && info.st_uid == 0)) return true;
  report.Failed(check, service.title,
                absl::StrCat(path, " belongs to another user than ", service.data_dir, "."),
                absl::StrCat("Run: chown --reference=", service.data_dir, " ", path));
  return false;
}

void CheckKeys(const Service& service, uid_t owner, Report& report) {
  constexpr char kCheck[] = "files.keys";
  const std::string& path = service.key_file;
  const auto info =
      Look(kCheck, service, path, "Run the service's init, or restore the file.", report);
  if (!info || !IsPrivate(kCheck, service, path, *info, report)) return;
  if (!BelongsTo(kCheck, service, path, *info, owner, /*or_root=*/false, report)) return;
  const std::optional<std::string> head = Head(path, kSealed.size());
  if (!head) {
    report.NotChecked(kCheck, service.title,
                      absl::StrCat(path, " is private, but whether it is sealed cannot be seen."),
                      kAsRoot);
  } else if (*head != kSealed) {
    report.Failed(kCheck, service.title, absl::StrCat(path, " is not a sealed file."),
                  "Restore it from a backup; keys that lay there in the clear are known.");
  } else {
    report.Ok(kCheck, service.title,
              absl::StrCat(path, " is sealed and its owner's alone (", Mode(*info), ")."));
  }
}

void CheckPassphrase(const Service& service, uid_t owner, Report& report) {
  constexpr char kCheck[] = "files.passphrase";
  const std::string& path = service.passphrase_file;
  const auto info =
      Look(kCheck, service, path, "Put it back; the service does not start again.", report);
  if (!info || !IsPrivate(kCheck, service, path, *info, report)) return;
  if (!BelongsTo(kCheck, service, path, *info, owner, /*or_root=*/true, report)) return;
  if (info->st_size < kLeastPassphrase) {
    report.Failed(kCheck, service.title, absl::StrCat(path, " is empty or too short."),
                  "Restore the passphrase, one line of at least 12 bytes.");
  } else if (absl::StartsWith(path, service.data_dir + "/")) {
    report.Warning(
        kCheck, service.title,
        absl::StrCat(path, " is in the data folder: a copy of that folder opens itself."),
        "Move it elsewhere and correct passphrase_file.");
  } else {
    report.Ok(kCheck, service.title,
              absl::StrCat(path, " is its owner's alone (", Mode(*info), ")."));
  }
}

void CheckRootKey(const Service& service, Report& report) {
  constexpr char kCheck[] = "files.root_key";
  if (service.root_key_file.empty()) return;
  struct stat info;
  if (lstat(service.root_key_file.c_str(), &info) != 0) {
    if (errno == ENOENT) report.Ok(kCheck, service.title, "the root's key is not on this machine.");
    return;
  }
  report.Warning(kCheck, service.title,
                 absl::StrCat("the root's key is on this machine: ", service.root_key_file, "."),
                 "Move it to two offline media in two places; only ceremonies need it.");
}

// Every file of the data folder, so that a copy or an export beside the database is found too.
void CheckDatabases(const Service& service, Report& report) {
  constexpr char kCheck[] = "files.databases";
  if (service.databases.empty()) return;
  for (const std::string& path : service.databases) {
    if (!Look(kCheck, service, path, "Restore it, or start the service for the first time.",
              report)) {
      return;
    }
  }
  std::error_code error;
  std::vector<std::string> plain;
  size_t looked_at = 0;
  for (fs::directory_iterator each(service.data_dir, error), end; !error && each != end;
       each.increment(error)) {
    std::error_code unknown;
    if (!fs::is_regular_file(each->symlink_status(unknown)) || each->path() == service.key_file ||
        each->path() == service.passphrase_file || each->path() == service.root_key_file) {
      continue;
    }
    const std::optional<std::string> head = Head(each->path().string(), kPlaintext.size());
    if (!head) error = std::make_error_code(std::errc::permission_denied);
    if (head == kPlaintext) plain.push_back(each->path().string());
    ++looked_at;
  }
  if (!plain.empty()) {
    std::sort(plain.begin(), plain.end());
    report.Failed(
        kCheck, service.title,
        absl::StrCat("a database that anybody can read: ", absl::StrJoin(plain, ", "), "."),
        "Find out who made it, move it off the machine and destroy it there.");
  } else if (error) {
    report.NotChecked(kCheck, service.title,
                      absl::StrCat(service.data_dir, " cannot be read: ", error.message(), "."),
                      kAsRoot);
  } else {
    report.Ok(
        kCheck, service.title,
        absl::StrCat("no file of ", looked_at, " in the data folder is a plaintext database."));
  }
}

}  // namespace

void CheckFiles(const Service& service, Report& report) {
  constexpr char kCheck[] = "files.folder";
  const std::string& path = service.data_dir;
  struct stat info;
  if (stat(path.c_str(), &info) != 0 && (errno == EACCES || errno == EPERM)) {
    report.NotChecked(kCheck, service.title, absl::StrCat(path, " cannot be seen."), kAsRoot);
    return;
  }
  if (stat(path.c_str(), &info) != 0) {
    report.Failed(kCheck, service.title, absl::StrCat(path, ": ", std::strerror(errno), "."),
                  "Correct data_dir, or run the service's init.");
    return;
  }
  if (!S_ISDIR(info.st_mode) || (info.st_mode & 077) != 0) {
    report.Failed(kCheck, service.title,
                  absl::StrCat(path, " is open to others than its owner (", Mode(info), ")."),
                  absl::StrCat("Run: chmod 700 ", path));
  } else {
    report.Ok(kCheck, service.title,
              absl::StrCat(path, " is its owner's alone (", Mode(info), ")."));
  }
  CheckKeys(service, info.st_uid, report);
  CheckPassphrase(service, info.st_uid, report);
  CheckRootKey(service, report);
  CheckDatabases(service, report);
}

void JudgeSpace(const Service& service, const Space& space, Report& report) {
  const double share = space.all_bytes == 0 ? 0
                                            : static_cast<double>(space.free_bytes) /
                                                  static_cast<double>(space.all_bytes);
  const std::string found = absl::StrFormat("%.0f %% of the disk is free (%.1f GB).", share * 100,
                                            static_cast<double>(space.free_bytes) / 1e9);
  constexpr char kRemedy[] = "Make room or a larger disk: a full one stops acknowledgements.";
  if (share < kDiskFailed) {
    report.Failed("disk.space", service.title, found, kRemedy);
  } else if (share < kDiskWarning) {
    report.Warning("disk.space", service.title, found, kRemedy);
  } else {
    report.Ok("disk.space", service.title, found);
  }
}

void CheckSpace(const Service& service, Report& report) {
  struct statvfs info;
  if (statvfs(service.data_dir.c_str(), &info) != 0) {
    report.NotChecked("disk.space", service.title,
                      absl::StrCat(service.data_dir, ": ", std::strerror(errno), "."), kAsRoot);
    return;
  }
  JudgeSpace(service,
             {uint64_t{info.f_bavail} * info.f_frsize, uint64_t{info.f_blocks} * info.f_frsize},
             report);
}

void CheckBackups(const std::string& folder, absl::Time now, Report& report) {
  constexpr char kCheck[] = "backups.age";
  if (folder.empty()) {
    report.NotChecked(kCheck, "", "no folder with backups is given.",
                      "Give it with --backups FOLDER.");
    return;
  }
  std::error_code error;
  std::string newest;
  absl::Time made = absl::InfinitePast();
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    struct stat info;
    const std::string path = each->path().string();
    if (!absl::EndsWith(path, ".plbk") || lstat(path.c_str(), &info) != 0 ||
        !S_ISREG(info.st_mode) || absl::TimeFromTimespec(info.st_mtim) < made) {
      continue;
    }
    newest = each->path().filename().string();
    made = absl::TimeFromTimespec(info.st_mtim);
  }
  constexpr char kRemedy[] = "Make one now, and look why the regular one was not made.";
  if (error) {
    report.Failed(kCheck, folder, absl::StrCat("it cannot be read: ", error.message(), "."),
                  "Correct the folder, or run this as a user that may read it.");
    return;
  }
  if (newest.empty()) {
    report.Failed(kCheck, folder, "there is no backup (*.plbk).", kRemedy);
    return;
  }
  const absl::Duration age = now - made;
  const std::string found = absl::StrCat("the newest, ", newest, ", is ", AgeText(age), " old.");
  if (age > kBackupFailed) {
    report.Failed(kCheck, folder, found, kRemedy);
  } else if (age > kBackupWarning) {
    report.Warning(kCheck, folder, found, kRemedy);
  } else if (age < -absl::Minutes(1)) {
    report.Warning(kCheck, folder,
                   absl::StrCat("the newest, ", newest, ", has a time in the future."),
                   "Look at this machine's clock, and at what wrote the file.");
  } else {
    report.Ok(kCheck, folder, found);
  }
}

}  // namespace plumbline::doctor
