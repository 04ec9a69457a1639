#include "client/store/file_store.h"

#include "client/store/columns.h"

namespace plumbline::client {

absl::StatusOr<int64_t> FileStore::AddUpload(Change& change, const FileUpload& upload) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO file_upload (conversation, source, source_size, source_mtime, name, "
                                       "media_type, key, read_capability, owner_capability) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  RETURN_IF_ERROR(insert.Bind(1, absl::string_view(upload.conversation))
                      .Bind(2, absl::string_view(upload.source))
                      .Bind(3, upload.source_size)
                      .Bind(4, upload.source_mtime)
                      .Bind(5, absl::string_view(upload.name))
                      .Bind(6, absl::string_view(upload.media_type))
                      .Bind(7, upload.key.view())
                      .Bind(8, ByteView(upload.read_capability))
                      .Bind(9, ByteView(upload.owner_capability))
                      .Run());
  return change.db().last_insert_rowid();
}

absl::Status FileStore::MarkSealed(Change& change, int64_t id, const identity::Hash& sealed_hash) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE file_upload SET sealed_hash = ?2 WHERE id = ?1"));
  return update.Bind(1, id).Bind(2, ByteView(sealed_hash)).Run();
}

absl::Status FileStore::RemoveUpload(Change& change, int64_t id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM file_upload WHERE id = ?1"));
  return remove.Bind(1, id).Run();
}

absl::StatusOr<std::vector<FileUpload>> FileStore::Uploads() {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT id, conversation, source, source_size, source_mtime, name, media_type, key, "
                                       "read_capability, owner_capability, sealed_hash FROM file_upload ORDER BY id"));
  std::vector<FileUpload> uploads;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return uploads;
    FileUpload upload;
    upload.id = row.Int64(0);
    upload.conversation = TextColumn(row, 1);
    upload.source = TextColumn(row, 2);
    upload.source_size = row.Int64(3);
    upload.source_mtime = row.Int64(4);
    upload.name = TextColumn(row, 5);
    upload.media_type = TextColumn(row, 6);
    upload.key = SecretColumn(row, 7);
    RETURN_IF_ERROR(ReadColumn(row, 8, upload.read_capability));
    RETURN_IF_ERROR(ReadColumn(row, 9, upload.owner_capability));
    if (!row.IsNull(10)) RETURN_IF_ERROR(ReadColumn(row, 10, upload.sealed_hash.emplace()));
    uploads.push_back(std::move(upload));
  }
}

absl::Status FileStore::AddOwn(Change& change, const OwnFile& file) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO file_own (history_id, attachment_id, owner_capability) VALUES (?1, ?2, ?3)"));
  return insert.Bind(1, file.history_id).Bind(2, ByteView(file.attachment_id)).Bind(3, ByteView(file.owner_capability)).Run();
}

absl::Status FileStore::RemoveOwn(Change& change, int64_t history_id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM file_own WHERE history_id = ?1"));
  return remove.Bind(1, history_id).Run();
}

absl::StatusOr<std::optional<OwnFile>> FileStore::FindOwn(int64_t history_id) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT attachment_id, owner_capability FROM file_own WHERE history_id = ?1"));
  ASSIGN_OR_RETURN(const bool found, row.Bind(1, history_id).Step());
  if (!found) return std::nullopt;
  OwnFile file;
  file.history_id = history_id;
  RETURN_IF_ERROR(ReadColumn(row, 0, file.attachment_id));
  RETURN_IF_ERROR(ReadColumn(row, 1, file.owner_capability));
  return file;
}

}  // namespace plumbline::client
