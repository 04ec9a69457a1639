// Files of conversations: sealed, uploaded, announced in a message; fetched, checked, saved (docs/protocols/files.md).
//
// What is written down before it matters, so that a client killed at any moment goes on and never seals two contents under one
// key: the key and capabilities; then the sealed copy as a whole, whose bytes alone are sent; then, in one Change, the message
// and the end of the upload.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/conversations.h"
#include "client/files/file_reference.h"
#include "client/files/file_transfer.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

// What is heard of uploads that go on; each may be null.
struct UploadWatch {
  std::function<void(const FileUpload&, uint64_t done, uint64_t total)> progress;
  std::function<void(const FileUpload&, int64_t message)> complete;  // written down in the history, to be sent like a text
  std::function<void(const FileUpload&, const absl::Status&)> given_up;
  std::function<bool()> pause;  // asked between pieces: true leaves off there
};

// Used from one thread.
class Files final {
 public:
  // `folder`: where sealed copies wait. Everything else outlives this.
  Files(Stores& stores, Conversations& conversations, FileTransfer& transfer, const Clock& clock, std::string server,
        std::string folder)
      : stores_(stores), conversations_(conversations), transfer_(transfer), clock_(clock), server_(std::move(server)),
        folder_(std::move(folder)) {}

  // Uploads the file at `path` and writes its message down in `conversation`, to be sent like a text. Returns the message's
  // history id. The same file again while its upload is not complete goes on with that one; if the file has changed since, the
  // old upload is given up and another begins under another key.
  //   INVALID_ARGUMENT file_too_large, file_unreadable (also what is no regular file), file_name_unusable
  //   ABORTED file_changed: it changed while it was read. FAILED_PRECONDITION, RESOURCE_EXHAUSTED: the disk
  //   UNAVAILABLE: kept, Resume goes on. What the server refuses for good: as it says, and the upload is given up
  absl::StatusOr<int64_t> Send(const std::string& conversation, const std::string& path, const std::string& media_type,
                               const FileProgress& progress);

  // Goes on with every upload that was begun. What cannot go on (the file is gone or has changed before its copy was complete,
  // or the server refuses it for good) becomes a notice in its conversation. Fails with the first that may go on later. True if
  // it left off because of `pause`.
  absl::StatusOr<bool> Resume(const UploadWatch& watch);

  // The file of a message. NOT_FOUND not_a_file; INVALID_ARGUMENT file_malformed.
  absl::StatusOr<FileReference> Find(int64_t history_id);

  // Fetches the file of a message and saves it at `path`; a folder, or empty for the present one: under its own name, made
  // safe. Returns where it is. Nothing has that name before all of it was checked.
  //   ALREADY_EXISTS file_exists; NOT_FOUND not_a_file, file_expired; FAILED_PRECONDITION file_damaged, file_elsewhere,
  //   file_unwritable; RESOURCE_EXHAUSTED disk_full; UNAVAILABLE: what was fetched is kept for the next time
  absl::StatusOr<std::string> Save(int64_t history_id, const std::string& path, const FileProgress& progress);

  // Deletes a file that was sent from the server before its time. NOT_FOUND not_a_file (or not sent from this device);
  // OK also if it is not there any more.
  absl::Status TakeBack(int64_t history_id);

 private:
  struct Source;
  std::string SpoolPath(int64_t id, const char* kind) const;
  absl::StatusOr<FileUpload> NewUpload(FileUpload upload);
  // Reads the source into a sealed copy. ABORTED file_changed; INVALID_ARGUMENT file_unreadable.
  absl::Status Seal(FileUpload& upload);
  absl::StatusOr<int64_t> Complete(const FileUpload& upload, const FileProgress& progress,
                                   const std::function<bool()>& pause = nullptr);
  absl::Status GiveUp(const FileUpload& upload, const absl::Status* why);
  absl::StatusOr<FileUpload> WithFreshKey(FileUpload upload);
  void RemoveStrayCopies(const std::vector<FileUpload>& pending) const;
  absl::Status SaveChunks(const FileReference& file, const Spool& spool, const std::string& path);

  Stores& stores_;
  Conversations& conversations_;
  FileTransfer& transfer_;
  const Clock& clock_;
  const std::string server_;
  const std::string folder_;
};

}  // namespace plumbline::client
