#include "client/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/files/saved_file.h"
#include "client/files/spool.h"
#include "client/terminal_text.h"
#include "common/identity/grant.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

absl::Status Unreadable(const std::string& path, absl::string_view why) {
  return Refuse(absl::StatusCode::kInvalidArgument, "file_unreadable", absl::StrCat(path, " cannot be sent: ", why));
}

absl::Status NotAFile() {
  return Refuse(absl::StatusCode::kNotFound, "not_a_file",
                "there is no such file; `plumbline files` lists them, and only the device that sent one can take it back");
}

// May the same upload succeed later?
bool IsForGood(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) || identity::ReasonOf(status) == "file_changed";
}

FileTransfer::Attachment AttachmentOf(const FileUpload& upload) {
  return {upload.read_capability, upload.owner_capability,
          FileShape::Of(static_cast<uint64_t>(upload.source_size)).sealed_size};
}

}  // namespace

// A file of this device while it is read. Whoever changes it meanwhile is noticed by size or time.
struct Files::Source {
  int fd = -1;
  struct stat info {};
  ~Source() {
    if (fd >= 0) close(fd);
  }
  int64_t size() const { return info.st_size; }
  int64_t mtime() const { return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec; }
  absl::Status Open(const std::string& path) {
    fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not hold this up
    if (fd < 0 || fstat(fd, &info) != 0) return Unreadable(path, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) return Unreadable(path, "it is not a regular file; pack a folder first, as with tar or zip");
    if (static_cast<uint64_t>(info.st_size) <= kMaxFile) return absl::OkStatus();
    return Refuse(absl::StatusCode::kInvalidArgument, "file_too_large",
                  absl::StrCat(path, " has ", info.st_size, " bytes and a file may have ", kMaxFile,
                               "; pack it, or send it in parts"));
  }
};

std::string Files::SpoolPath(int64_t id, const char* kind) const { return absl::StrCat(folder_, "/", id, ".", kind); }

absl::StatusOr<FileUpload> Files::NewUpload(FileUpload upload) {
  upload.key = Secret::Random(kFileKeySize);
  upload.read_capability = identity::RandomFixed<32>();
  upload.owner_capability = identity::RandomFixed<32>();
  upload.sealed_hash.reset();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  if (upload.id != 0) RETURN_IF_ERROR(stores_.files.RemoveUpload(change, upload.id));
  ASSIGN_OR_RETURN(upload.id, stores_.files.AddUpload(change, upload));
  RETURN_IF_ERROR(change.Commit());
  return upload;
}

absl::StatusOr<FileUpload> Files::WithFreshKey(FileUpload upload) {
  unlink(SpoolPath(upload.id, "upload").c_str());
  return NewUpload(std::move(upload));
}

absl::Status Files::Seal(FileUpload& upload) {
  const auto changed = [&] {
    return Refuse(absl::StatusCode::kAborted, "file_changed",
                  absl::StrCat(upload.source, " changed while it was read: nothing was sent. Send it again when nothing writes "
                               "to it"));
  };
  Source source;
  RETURN_IF_ERROR(source.Open(upload.source));
  if (source.size() != upload.source_size || source.mtime() != upload.source_mtime) return changed();
  const FileShape shape = FileShape::Of(static_cast<uint64_t>(upload.source_size));
  const FileCipher cipher(upload.key.view(), shape);
  ASSIGN_OR_RETURN(const std::unique_ptr<Spool> spool, Spool::Open(SpoolPath(upload.id, "upload")));
  RETURN_IF_ERROR(spool->Truncate(0));
  for (uint32_t index = 0; index < shape.chunks(); ++index) {
    Bytes content(shape.file_chunk(index));
    for (size_t done = 0; done < content.size();) {
      const ssize_t got = read(source.fd, content.data() + done, content.size() - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Unreadable(upload.source, std::strerror(errno));
      if (got == 0) return changed();
      done += static_cast<size_t>(got);
    }
    RETURN_IF_ERROR(spool->Append(cipher.Seal(index, content)));
  }
  if (fstat(source.fd, &source.info) != 0) return Unreadable(upload.source, std::strerror(errno));
  if (source.size() != upload.source_size || source.mtime() != upload.source_mtime) return changed();
  RETURN_IF_ERROR(spool->Sync());
  ASSIGN_OR_RETURN(upload.sealed_hash, spool->HashAll());
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.files.MarkSealed(change, upload.id, *upload.sealed_hash));
  return change.Commit();
}

absl::StatusOr<int64_t> Files::Complete(const FileUpload& upload, const FileProgress& progress,
                                        const std::function<bool()>& pause) {
  const FileTransfer::Attachment attachment = AttachmentOf(upload);
  uint32_t expires_day = 0;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Spool> spool, Spool::Open(SpoolPath(upload.id, "upload")));
    ASSIGN_OR_RETURN(const uint64_t size, spool->Size());
    if (size != attachment.size) {
      return Refuse(absl::StatusCode::kAborted, "file_changed",
                    "the sealed copy in this device's folder is gone or damaged: the file was not sent; send it again");
    }
    ASSIGN_OR_RETURN(expires_day, transfer_.Upload(attachment, *spool, progress, pause));
  }
  FileReference file;
  file.name = upload.name;
  file.media_type = upload.media_type;
  file.shape = FileShape::Of(static_cast<uint64_t>(upload.source_size));
  file.key = Secret::CopyOf(upload.key.view());
  file.read_capability = upload.read_capability;
  file.sealed_hash = *upload.sealed_hash;
  file.server = server_;
  file.expires_day = expires_day;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  ASSIGN_OR_RETURN(const int64_t id, conversations_.AddContent(change, upload.conversation, EntryKind::kMessage, kFileMediaType, Encode(file)));
  RETURN_IF_ERROR(stores_.files.AddOwn(change, {id, Sha256(upload.read_capability), upload.owner_capability}));
  RETURN_IF_ERROR(stores_.files.RemoveUpload(change, upload.id));
  RETURN_IF_ERROR(change.Commit());
  unlink(SpoolPath(upload.id, "upload").c_str());
  return id;
}

absl::Status Files::GiveUp(const FileUpload& upload, const absl::Status* why) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.files.RemoveUpload(change, upload.id));
  if (why != nullptr) {
    std::string reason = identity::ReasonOf(*why);
    if (reason.empty()) reason = "file_not_sent";
    RETURN_IF_ERROR(conversations_.AddNotice(change, upload.conversation, reason,
                                             absl::StrCat("The file ", SafeFileName(upload.name), " was not sent: ",
                                                          identity::TextOf(*why), ".")));
  }
  RETURN_IF_ERROR(change.Commit());
  unlink(SpoolPath(upload.id, "upload").c_str());
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Files::Send(const std::string& conversation, const std::string& path, const std::string& media_type,
                                    const FileProgress& progress) {
  FileUpload wanted;
  {
    Source source;
    RETURN_IF_ERROR(source.Open(path));
    wanted.source_size = source.size();
    wanted.source_mtime = source.mtime();
  }
  char* const absolute = realpath(path.c_str(), nullptr);
  if (absolute == nullptr) return Unreadable(path, std::strerror(errno));
  wanted.source = absolute;
  std::free(absolute);
  wanted.conversation = conversation;
  wanted.media_type = media_type;
  wanted.name = path.substr(path.rfind('/') + 1);
  if (wanted.name.size() > kMaxFileName || !IsUtf8(wanted.name)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "file_name_unusable", "the file's name is not UTF-8; rename it");
  }
  ASSIGN_OR_RETURN(std::vector<FileUpload> pending, stores_.files.Uploads());
  std::optional<FileUpload> upload;
  for (FileUpload& begun : pending) {
    if (begun.conversation != conversation || begun.source != wanted.source) continue;
    const bool same = begun.source_size == wanted.source_size && begun.source_mtime == wanted.source_mtime;
    if (same && !upload.has_value()) {
      upload = std::move(begun);
    } else {
      RETURN_IF_ERROR(GiveUp(begun, nullptr));  // what the server has of it expires
    }
  }
  if (!upload.has_value()) {
    ASSIGN_OR_RETURN(upload, NewUpload(std::move(wanted)));
  } else if (!upload->sealed_hash.has_value()) {
    ASSIGN_OR_RETURN(upload, WithFreshKey(*std::move(upload)));
  }
  absl::Status status = upload->sealed_hash.has_value() ? absl::OkStatus() : Seal(*upload);
  absl::StatusOr<int64_t> id = status.ok() ? Complete(*upload, progress) : absl::StatusOr<int64_t>(status);
  const bool local = !upload->sealed_hash.has_value();  // not even a copy: nothing is left to go on with
  if (!id.ok() && (local || IsForGood(id.status()))) RETURN_IF_ERROR(GiveUp(*upload, nullptr));
  return id;
}

void Files::RemoveStrayCopies(const std::vector<FileUpload>& pending) const {
  std::set<std::string> wanted;
  for (const FileUpload& upload : pending) wanted.insert(absl::StrCat(upload.id, ".upload"));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::EndsWith(name, ".upload") && wanted.count(name) == 0) unlink(entry.path().c_str());
  }
}

absl::StatusOr<bool> Files::Resume(const UploadWatch& watch) {
  ASSIGN_OR_RETURN(std::vector<FileUpload> pending, stores_.files.Uploads());
  absl::Status first;
  RemoveStrayCopies(pending);  // a crash between the end of an upload and its copy's
  for (FileUpload& upload : pending) {
    absl::StatusOr<int64_t> message = 0;
    if (!upload.sealed_hash.has_value()) {
      ASSIGN_OR_RETURN(upload, WithFreshKey(std::move(upload)));
      if (const absl::Status sealed = Seal(upload); !sealed.ok()) message = sealed;
    }
    bool paused = false;
    if (message.ok()) {
      message = Complete(upload,
                         [&](uint64_t done, uint64_t total) { if (watch.progress) watch.progress(upload, done, total); },
                         [&] { return paused = watch.pause && watch.pause(); });
    }
    if (paused) return true;
    if (message.ok()) {
      if (watch.complete) watch.complete(upload, *message);
      continue;
    }
    if (absl::IsUnavailable(message.status())) return message.status();  // it would be so for the others too
    if (IsForGood(message.status())) {
      RETURN_IF_ERROR(GiveUp(upload, &message.status()));
      if (watch.given_up) watch.given_up(upload, message.status());
    } else {
      first.Update(message.status());
    }
  }
  RETURN_IF_ERROR(first);
  return false;
}

absl::StatusOr<FileReference> Files::Find(int64_t history_id) {
  ASSIGN_OR_RETURN(const std::optional<Entry> entry, stores_.history.Find(history_id));
  if (!entry.has_value() || entry->kind != EntryKind::kMessage || entry->media_type != kFileMediaType) return NotAFile();
  return ParseFileReference(entry->body);
}

absl::Status Files::SaveChunks(const FileReference& file, const Spool& spool, const std::string& path) {
  const FileCipher cipher(file.key.view(), file.shape);
  ASSIGN_OR_RETURN(const std::unique_ptr<SavedFile> saved, SavedFile::Create(path));
  for (uint32_t index = 0; index < file.shape.chunks(); ++index) {
    ASSIGN_OR_RETURN(const Bytes sealed, spool.ReadAt(uint64_t{index} * kChunkSize, file.shape.sealed_chunk(index)));
    const absl::StatusOr<Bytes> content = cipher.Open(index, sealed);
    if (!content.ok()) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "file_damaged",
                    "the fetched copy in this device's folder changed while it was saved; nothing was saved, try again");
    }
    RETURN_IF_ERROR(saved->Append(*content));
  }
  return saved->Commit();
}

absl::StatusOr<std::string> Files::Save(int64_t history_id, const std::string& path, const FileProgress& progress) {
  ASSIGN_OR_RETURN(const FileReference file, Find(history_id));
  std::string target = path;
  struct stat info;
  if (target.empty()) {
    target = SafeFileName(file.name);
  } else if (stat(target.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    target = absl::StrCat(target, target.back() == '/' ? "" : "/", SafeFileName(file.name));
  }
  RETURN_IF_ERROR(CheckFree(target));
  // Connecting wherever a message says would tell its sender where and when this person reads.
  if (file.server != server_) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "file_elsewhere",
                  "the file is on another server than your organisation's, which this version does not fetch from; ask for it to "
                  "be sent again");
  }
  const std::string copy = SpoolPath(history_id, "download");
  ASSIGN_OR_RETURN(const std::unique_ptr<Spool> spool, Spool::Open(copy));
  ASSIGN_OR_RETURN(const uint64_t have, spool->Size());
  if (have < file.shape.sealed_size && identity::DayOf(clock_.Now()) > file.expires_day) {
    unlink(copy.c_str());
    return Refuse(absl::StatusCode::kNotFound, "file_expired",
                  "the server kept this file until its last day, which is over; ask for it to be sent again");
  }
  absl::Status status = transfer_.Download(file, *spool, progress);
  if (status.ok()) status = SaveChunks(file, *spool, target);
  // Kept only where the next attempt has use for it.
  const std::string reason = identity::ReasonOf(status);
  if (status.ok() || reason == "file_damaged" || reason == "file_expired") unlink(copy.c_str());
  RETURN_IF_ERROR(status);
  return target;
}

absl::Status Files::TakeBack(int64_t history_id) {
  ASSIGN_OR_RETURN(const FileReference file, Find(history_id));
  ASSIGN_OR_RETURN(const std::optional<OwnFile> own, stores_.files.FindOwn(history_id));
  if (!own.has_value()) return NotAFile();
  const absl::Status status = transfer_.Delete({file.read_capability, own->owner_capability, file.shape.sealed_size});
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.files.RemoveOwn(change, history_id));
  return change.Commit();
}

}  // namespace plumbline::client
