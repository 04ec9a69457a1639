#include "common/backup/restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/backup/archive.h"
#include "common/backup/disk.h"
#include "common/backup/take.h"
#include "common/codec.h"
#include "common/identity/reason.h"

namespace plumbline::backup {
namespace {

using identity::Refuse;

constexpr char kPartial[] = "restore.partial";  // in the data folder

std::string In(const Subject& subject, const std::string& name) { return absl::StrCat(subject.data_dir(), "/", name); }

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// The databases where the service has them, and what SQLite keeps beside them: a log that another one left would be taken for
// their own.
std::vector<std::string> DatabaseFiles(const Subject& subject) {
  std::vector<std::string> out;
  for (const std::string& name : subject.databases()) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) out.push_back(absl::StrCat(In(subject, name), suffix));
  }
  return out;
}

absl::Status RemoveDatabases(const Subject& subject) {
  for (const std::string& path : DatabaseFiles(subject)) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return DiskError("cannot remove", path);
  }
  return absl::OkStatus();
}

absl::Status CheckNoKeys(const Subject& subject) {
  const std::string keys = In(subject, subject.keys_file());
  if (!IsThere(keys)) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "already_initialised",
                absl::StrCat(keys, " is there, and a service's keys are never replaced; restore into another data_dir, or move this "
                                   "folder away whole"));
}

absl::Status Inconsistent(absl::string_view what) {
  return Refuse(absl::StatusCode::kDataLoss, "backup_damaged",
                absl::StrCat("the backup contradicts itself: ", what, "; use another one, and keep this one as evidence"));
}

absl::Status ReadFile(ArchiveReader& archive, const File& file, const std::string& path) {
  const Descriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.get() < 0) return DiskError("cannot make", path);
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  Bytes piece(kChunk);
  for (uint64_t left = file.size; left > 0;) {
    const std::span<uint8_t> now(piece.data(), static_cast<size_t>(std::min<uint64_t>(left, piece.size())));
    RETURN_IF_ERROR(archive.Read(now));
    crypto_hash_sha256_update(&hash, now.data(), now.size());
    RETURN_IF_ERROR(WriteAll(out.get(), now, path));
    left -= now.size();
  }
  std::array<uint8_t, 32> sum;
  crypto_hash_sha256_final(&hash, sum.data());
  if (sum != file.sha256) return Inconsistent(absl::StrCat(file.name, " is not the file that it names"));
  return fsync(out.get()) == 0 ? absl::OkStatus() : DiskError("cannot sync", path);
}

absl::StatusOr<Manifest> ReadManifestOf(ArchiveReader& archive) {
  Bytes head(4);
  RETURN_IF_ERROR(archive.Read(head));
  ASSIGN_OR_RETURN(const uint32_t size, Reader(head).U32());
  if (size > kMaxManifest) return Inconsistent("it does not say what is in it");
  Bytes encoded(size);
  RETURN_IF_ERROR(archive.Read(encoded));
  absl::StatusOr<Manifest> manifest = ParseManifest(encoded);
  if (absl::IsInvalidArgument(manifest.status())) return Inconsistent("it does not say what is in it");
  return manifest;
}

absl::Status CheckWhose(const Subject& subject, const Manifest& manifest) {
  const absl::string_view made = identity::ServiceName(manifest.service), wanted = identity::ServiceName(subject.service());
  if (made != wanted) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "backup_wrong_service",
                  absl::StrCat("this is a backup of the service \"", made, "\", not of \"", wanted, "\"; restore it with that one's program"));
  }
  if (manifest.domain != subject.domain()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "backup_wrong_organisation",
                  absl::StrCat("this is a backup of ", manifest.domain, ", and the configuration is of ", subject.domain(),
                               "; use the right backup, or correct organisation_domain"));
  }
  return absl::OkStatus();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  return rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus() : DiskError("cannot put in place", to);
}

// The keys as they are in the backup. Its passphrase is that of the time when the backup was made.
absl::StatusOr<std::unique_ptr<OpenedKeys>> OpenKeysOf(const Subject& subject, const std::string& folder) {
  absl::StatusOr<std::unique_ptr<OpenedKeys>> keys = subject.OpenKeys(folder);
  if (!absl::IsPermissionDenied(keys.status())) return keys;
  return Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                "the service's passphrase does not open the keys in the backup; give the one that it had when the backup was made "
                "(--passphrase-file)");
}

}  // namespace

absl::StatusOr<WorkFolder> PrepareDataFolder(const Subject& subject) {
  if (mkdir(subject.data_dir().c_str(), 0700) != 0 && errno != EEXIST) return DiskError("cannot make", subject.data_dir());
  const std::string partial = In(subject, kPartial);
  RETURN_IF_ERROR(CheckNoKeys(subject));
  // Only a restore makes that folder, and only where there was no database: one that is beside it is what the restore left.
  const bool interrupted = IsThere(partial);
  for (const std::string& path : DatabaseFiles(subject)) {
    if (interrupted || !IsThere(path)) continue;
    return Refuse(absl::StatusCode::kFailedPrecondition, "data_dir_in_use",
                  absl::StrCat(path, " is there without its keys; move it away first"));
  }
  ASSIGN_OR_RETURN(WorkFolder out, WorkFolder::Make(partial));
  RETURN_IF_ERROR(CheckNoKeys(subject));  // another restore may have ended since
  RETURN_IF_ERROR(RemoveDatabases(subject));
  return out;
}

absl::StatusOr<WorkFolder> PrepareScratch() {
  std::error_code failed;
  std::string path = (std::filesystem::temp_directory_path(failed) / "plumbline-check-XXXXXX").string();
  if (failed || mkdtemp(path.data()) == nullptr) return DiskError("cannot make", path);
  return WorkFolder::Make(path);
}

absl::StatusOr<std::unique_ptr<db::Database>> Unpacked::OpenMain() const {
  return db::Database::Open(folder_ / subject_->databases()[0], keys_->DatabaseKeys()[0], {.create = false});
}

absl::Status Unpacked::CheckNames() const {
  // Keys, what else there was, databases: in this order, so that one content has one form.
  std::vector<std::string> must = subject_->databases(), may = subject_->other_files();
  must.insert(must.begin(), subject_->keys_file());
  may.insert(may.begin(), subject_->keys_file());
  may.insert(may.end(), must.begin() + 1, must.end());
  auto known = may.begin();
  for (const File& file : manifest_.files) {
    known = std::find(known, may.end(), file.name);
    if (known == may.end()) return Inconsistent(absl::StrCat(file.name, " does not belong to this service"));
    std::erase(must, file.name);
  }
  return must.empty() ? absl::OkStatus() : Inconsistent(absl::StrCat(must[0], " is missing"));
}

absl::Status Unpacked::ReadFrom(const std::string& from, const crypto::SealedBoxKeyPair& key) {
  ASSIGN_OR_RETURN(ArchiveReader archive, ArchiveReader::Open(from, key));
  ASSIGN_OR_RETURN(manifest_, ReadManifestOf(archive));
  RETURN_IF_ERROR(CheckWhose(*subject_, manifest_));
  RETURN_IF_ERROR(CheckNames());
  for (const File& file : manifest_.files) {
    RETURN_IF_ERROR(ReadFile(archive, file, folder_ / file.name));
    // The first file is the keys: what they do not vouch for is not read on.
    if (file.name != subject_->keys_file()) continue;
    ASSIGN_OR_RETURN(keys_, OpenKeysOf(*subject_, folder_.path()));
    if (!CheckProof(manifest_, keys_->DatabaseKeys()[0]).ok()) {
      return Refuse(absl::StatusCode::kUnauthenticated, "backup_not_of_these_keys",
                    "this was not made by the service whose keys are in it; use another one, and keep this one as evidence");
    }
  }
  return archive.Done();
}

absl::Status Unpacked::Check() {
  const std::vector<db::Key> keys = keys_->DatabaseKeys();
  const std::vector<std::string> names = subject_->databases();
  for (size_t i = 0; i < names.size(); ++i) {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(folder_ / names[i], keys[i], {.create = false}));
    RETURN_IF_ERROR(database->CheckIntegrity());
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> main, OpenMain());
  ASSIGN_OR_RETURN(const std::vector<LogState> logs, VerifyLogs(*keys_, *main));
  return logs == manifest_.logs ? absl::OkStatus() : Inconsistent("its logs are not as far as it says");
}

absl::StatusOr<Unpacked> Unpack(const Subject& subject, const std::string& from, const crypto::SealedBoxKeyPair& key,
                                WorkFolder folder) {
  Unpacked out(subject, std::move(folder));
  RETURN_IF_ERROR(out.ReadFrom(from, key));
  RETURN_IF_ERROR(out.Check());
  return out;
}

absl::Status Install(const Subject& subject, Unpacked unpacked, const Clock& clock) {
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> main, unpacked.OpenMain());
    ASSIGN_OR_RETURN(const audit::LogKey log_key, unpacked.keys().AuditKey());
    ASSIGN_OR_RETURN(audit::AuditLog log, audit::AuditLog::Open(*main, clock, log_key));
    audit::Entry entry;
    entry.event = audit::Event::kServiceRestored;
    entry.actor = "operator";
    entry.details["backup_time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", unpacked.manifest().time, absl::UTCTimeZone());
    for (const LogState& each : unpacked.manifest().logs) entry.details[each.origin] = absl::StrCat(each.size);
    RETURN_IF_ERROR(log.Append(entry).status());
    RETURN_IF_ERROR(unpacked.keys().PrepareRestored(*main));
    RETURN_IF_ERROR(main->Checkpoint());  // all of it is in the one file, on disk
  }
  RETURN_IF_ERROR(SyncDirectory(unpacked.folder_.path()));
  absl::Status placed;
  const std::vector<std::string> others = subject.other_files();
  for (const File& file : unpacked.manifest().files) {
    if (std::count(others.begin(), others.end(), file.name) > 0 && !IsThere(unpacked.folder_ / file.name)) continue;
    if (placed.ok() && file.name != subject.keys_file()) placed = Rename(unpacked.folder_ / file.name, In(subject, file.name));
  }
  if (placed.ok()) placed = SyncDirectory(subject.data_dir());
  // Last: a service is there once its keys are.
  if (placed.ok()) placed = Rename(unpacked.folder_ / subject.keys_file(), In(subject, subject.keys_file()));
  if (placed.ok()) return SyncDirectory(subject.data_dir());
  (void)RemoveDatabases(subject);  // as before; what cannot be removed goes with the next restore
  return placed;
}

}  // namespace plumbline::backup
