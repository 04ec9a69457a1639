// Files on their way out, and what is needed to take one back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/store/store.h"
#include "common/identity/attachment.h"
#include "common/secret.h"

namespace plumbline::client {

struct FileUpload {
  int64_t id = 0;
  std::string conversation;
  std::string source;         // absolute path
  int64_t source_size = 0;    // bytes; with the next: whether it is still the same file
  int64_t source_mtime = 0;   // nanoseconds
  std::string name;
  std::string media_type;
  Secret key;
  identity::Capability read_capability{}, owner_capability{};
  // Of the sealed copy in the client's folder, once it is complete: from then on its bytes are sent and no others.
  std::optional<identity::Hash> sealed_hash;
};

// A file that was sent: with this its owner can take it back.
struct OwnFile {
  int64_t history_id = 0;
  identity::AttachmentId attachment_id{};
  identity::Capability owner_capability{};
};

class FileStore final {
 public:
  explicit FileStore(Store& store) : store_(store) {}

  // Returns the upload's id; `upload.id` is not looked at.
  absl::StatusOr<int64_t> AddUpload(Change& change, const FileUpload& upload);
  absl::Status MarkSealed(Change& change, int64_t id, const identity::Hash& sealed_hash);
  absl::Status RemoveUpload(Change& change, int64_t id);
  absl::StatusOr<std::vector<FileUpload>> Uploads();  // oldest first

  absl::Status AddOwn(Change& change, const OwnFile& file);
  absl::Status RemoveOwn(Change& change, int64_t history_id);
  absl::StatusOr<std::optional<OwnFile>> FindOwn(int64_t history_id);

 private:
  Store& store_;
};

}  // namespace plumbline::client
