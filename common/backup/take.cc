#include "common/backup/take.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/audit/audit_log.h"
#include "common/backup/archive.h"
#include "common/backup/disk.h"
#include "common/backup/key.h"
#include "common/backup/work_folder.h"
#include "common/codec.h"
#include "common/identity/reason.h"

namespace plumbline::backup {
namespace {

using identity::Refuse;

constexpr size_t kMaxSmallFile = 4 << 20;  // bytes of sealed keys and the like
constexpr int kMoments = 5;                // times it is copied again

absl::Status Exists(const std::string& path) {
  return Refuse(absl::StatusCode::kAlreadyExists, "backup_exists", absl::StrCat(path, " is there already; choose another name"));
}

// Hands the content of a file to `visit` in pieces.
absl::Status ForEachPiece(const std::string& path, const std::function<absl::Status(ByteView)>& visit) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Bytes piece(kChunk);
  while (true) {
    const ssize_t got = file.get() < 0 ? -1 : read(file.get(), piece.data(), piece.size());
    if (got < 0) return DiskError("cannot read", path);
    if (got == 0) return absl::OkStatus();
    RETURN_IF_ERROR(visit(ByteView(piece).first(static_cast<size_t>(got))));
  }
}

absl::StatusOr<File> Describe(const WorkFolder& folder, const std::string& name) {
  File out{.name = name};
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  RETURN_IF_ERROR(ForEachPiece(folder / name, [&](ByteView piece) {
    crypto_hash_sha256_update(&hash, piece.data(), piece.size());
    out.size += piece.size();
    return absl::OkStatus();
  }));
  crypto_hash_sha256_final(&hash, out.sha256.data());
  return out;
}

absl::Status WriteSmallFile(const std::string& path, ByteView content) {
  const Descriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.get() < 0) return DiskError("cannot make", path);
  RETURN_IF_ERROR(WriteAll(out.get(), content, path));
  return fsync(out.get()) == 0 ? absl::OkStatus() : DiskError("cannot sync", path);
}

// The sealed keys and other small files as they are.
absl::Status CopySmallFiles(const Subject& subject, const WorkFolder& folder, std::vector<std::string>& names) {
  std::vector<std::string> wanted = subject.other_files();
  wanted.insert(wanted.begin(), subject.keys_file());
  for (const std::string& name : wanted) {
    const absl::StatusOr<Secret> content = ReadSecretFile(absl::StrCat(subject.data_dir(), "/", name), kMaxSmallFile);
    if (absl::IsNotFound(content.status())) {
      if (name != subject.keys_file()) continue;
      return Refuse(absl::StatusCode::kFailedPrecondition, "not_initialised",
                    absl::StrCat("there is no ", subject.data_dir(), "/", name, "; there is nothing to back up"));
    }
    RETURN_IF_ERROR(content.status());
    RETURN_IF_ERROR(WriteSmallFile(folder / name, content->view()));
    names.push_back(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<db::Database>> OpenBesideService(const Subject& subject, const std::string& name, const db::Key& key) {
  absl::StatusOr<std::unique_ptr<db::Database>> database =
      db::Database::Open(absl::StrCat(subject.data_dir(), "/", name), key, {.create = false, .exclusive = false});
  if (!absl::IsNotFound(database.status())) return database;
  return Refuse(absl::StatusCode::kFailedPrecondition, "store_missing",
                absl::StrCat("there is no ", subject.data_dir(), "/", name, "; start the service once, then back it up"));
}

absl::Status RecordFirst(db::Database& main, const OpenedKeys& keys, const crypto::SealedBoxPublicKey& recipient, const Clock& clock) {
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(audit::AuditLog log, audit::AuditLog::Open(main, clock, log_key));
  audit::Entry entry;
  entry.event = audit::Event::kBackupTaken;
  entry.actor = "operator";
  entry.details["recipient"] = RecipientText(recipient);
  return log.Append(entry).status();
}

struct Copied {
  std::vector<std::string> names;
  db::Key main_key;
};

// Everything into `folder`, in place of what is there, with the logs into `manifest`. Recorded first where `recipient` is given.
absl::StatusOr<Copied> CopyAll(const Subject& subject, const WorkFolder& folder, const crypto::SealedBoxPublicKey* recipient,
                               const Clock& clock, Manifest& manifest) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(CopySmallFiles(subject, folder, names));
  // From the copy, so that what is in the backup opens its databases whatever becomes of the file meanwhile.
  ASSIGN_OR_RETURN(const std::unique_ptr<OpenedKeys> keys, subject.OpenKeys(folder.path()));
  std::vector<db::Key> database_keys = keys->DatabaseKeys();
  const std::vector<std::string> databases = subject.databases();
  std::vector<std::unique_ptr<db::Database>> live;
  for (size_t i = 0; i < databases.size(); ++i) {
    ASSIGN_OR_RETURN(live.emplace_back(), OpenBesideService(subject, databases[i], database_keys[i]));
  }
  if (recipient != nullptr) RETURN_IF_ERROR(RecordFirst(*live[0], *keys, *recipient, clock));
  for (size_t i = 0; i < databases.size(); ++i) {
    unlink((folder / databases[i]).c_str());
    RETURN_IF_ERROR(live[i]->BackupTo(folder / databases[i], database_keys[i]));
    names.push_back(databases[i]);
  }
  live.clear();  // the service has them to itself again
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> main,
                   db::Database::Open(folder / databases[0], database_keys[0], {.create = false}));
  RETURN_IF_ERROR(subject.CheckMoment(folder.path(), *main));
  ASSIGN_OR_RETURN(manifest.logs, VerifyLogs(*keys, *main));
  RETURN_IF_ERROR(main->Checkpoint());
  return Copied{std::move(names), std::move(database_keys[0])};
}

absl::Status WriteArchive(const std::string& path, const crypto::SealedBoxPublicKey& recipient, const Manifest& manifest,
                          const WorkFolder& folder) {
  ASSIGN_OR_RETURN(ArchiveWriter archive, ArchiveWriter::Create(path, recipient));
  const Bytes encoded = Encode(manifest);
  Writer size;
  RETURN_IF_ERROR(archive.Write(size.U32(static_cast<uint32_t>(encoded.size())).view()));
  RETURN_IF_ERROR(archive.Write(encoded));
  for (const File& file : manifest.files) {
    RETURN_IF_ERROR(ForEachPiece(folder / file.name, [&](ByteView piece) { return archive.Write(piece); }));
  }
  return archive.Finish();
}

constexpr char kNameFormat[] = "%E4Y%m%dT%H%M%SZ";
constexpr absl::string_view kExtension = ".plbk";

std::string NameAt(absl::Time time) { return absl::StrCat(absl::FormatTime(kNameFormat, time, absl::UTCTimeZone()), kExtension); }

bool IsTakenName(const std::string& name) {
  absl::string_view stem = name;
  absl::Time time;
  return absl::ConsumeSuffix(&stem, kExtension) && absl::ParseTime(kNameFormat, stem, &time, nullptr) && NameAt(time) == name;
}

// All but the `keep` newest, of which `newest` is one whatever the clock has done since.
absl::Status RemoveOld(const std::string& folder, const std::string& newest, size_t keep) {
  std::error_code error;
  std::vector<std::string> others;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    const std::string name = each->path().filename();
    if (IsTakenName(name) && name != newest && each->is_regular_file(error)) others.push_back(name);
  }
  if (error) return Refuse(absl::StatusCode::kUnavailable, "backups_not_removed", absl::StrCat(folder, ": ", error.message()));
  std::sort(others.begin(), others.end(), std::greater<>());
  for (size_t i = keep - 1; i < others.size(); ++i) {
    if (!std::filesystem::remove(absl::StrCat(folder, "/", others[i]), error) && error) {
      return Refuse(absl::StatusCode::kUnavailable, "backups_not_removed",
                    absl::StrCat("the backup is taken, but ", folder, "/", others[i], " cannot be removed: ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<LogState>> VerifyLogs(const OpenedKeys& keys, db::Database& main) {
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(main, log_key.verifier()));
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, reader.Verify());
  std::vector<LogState> out = {{checkpoint.origin, checkpoint.size, checkpoint.root}};
  ASSIGN_OR_RETURN(std::vector<LogState> others, keys.CheckLogs(main));
  for (LogState& other : others) out.push_back(std::move(other));
  return out;
}

absl::StatusOr<Manifest> Take(const Subject& subject, const crypto::SealedBoxPublicKey& recipient, const std::string& out,
                              const Clock& clock) {
  if (access(out.c_str(), F_OK) == 0) return Exists(out);
  ASSIGN_OR_RETURN(const WorkFolder folder, WorkFolder::Make(absl::StrCat(DirectoryOf(out), "/plumbline-",
                                                                          identity::ServiceName(subject.service()), ".partial")));
  const absl::Time now = absl::FromUnixSeconds(absl::ToUnixSeconds(clock.Now()));
  Manifest manifest{.service = subject.service(), .domain = subject.domain(), .time = now};
  absl::StatusOr<Copied> copied = CopyAll(subject, folder, &recipient, clock, manifest);
  for (int i = 0; i < kMoments && absl::IsAborted(copied.status()); ++i) copied = CopyAll(subject, folder, nullptr, clock, manifest);
  if (absl::IsAborted(copied.status())) {
    return Refuse(absl::StatusCode::kUnavailable, "backup_busy", "the service replaces its keys faster than they can be copied; try again");
  }
  RETURN_IF_ERROR(copied.status());
  for (const std::string& name : copied->names) {
    ASSIGN_OR_RETURN(manifest.files.emplace_back(), Describe(folder, name));
  }
  Prove(manifest, copied->main_key);
  const std::string written = folder / "archive";
  RETURN_IF_ERROR(WriteArchive(written, recipient, manifest, folder));
  if (link(written.c_str(), out.c_str()) != 0) {
    if (errno == EEXIST) return Exists(out);
    return DiskError("cannot name the backup", out);
  }
  RETURN_IF_ERROR(SyncDirectory(DirectoryOf(out)));
  return manifest;
}

absl::StatusOr<TakenInto> TakeInto(const Subject& subject, const crypto::SealedBoxPublicKey& recipient, const std::string& folder,
                                   size_t keep, const Clock& clock) {
  const std::string name = NameAt(clock.Now());
  TakenInto out{.path = absl::StrCat(folder, "/", name), .manifest = {}};
  ASSIGN_OR_RETURN(out.manifest, Take(subject, recipient, out.path, clock));
  RETURN_IF_ERROR(RemoveOld(folder, name, std::max<size_t>(keep, 1)));
  return out;
}

}  // namespace plumbline::backup
