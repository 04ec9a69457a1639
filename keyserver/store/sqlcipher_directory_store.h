// DirectoryStore on SQLCipher.
#pragma once

#include "keyserver/store/directory_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherDirectoryStore final : public DirectoryStore {
 public:
  explicit SqlcipherDirectoryStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::StatusOr<DirectoryEntry> Find(const identity::UserUri& user) override;
  absl::StatusOr<FeedPage> ReadLog(uint64_t from, size_t limit, size_t max_bytes, bool opened) override;
  absl::StatusOr<FormerPage> ReadFormer(uint64_t number, const FormerPlace& from, size_t limit, size_t max_bytes, bool opened) override;
  absl::StatusOr<DirectoryLog::Head> Newest() override;
  absl::StatusOr<DirectoryLog::Head> Published() override;
  absl::StatusOr<std::vector<tlog::Hash>> ProveConsistency(uint64_t from, uint64_t size) override;
  absl::Status Publish(absl::string_view note) override;
  absl::Status WriteFiles(const std::string& folder) override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
