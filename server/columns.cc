// The delivery server's databases, for the check of their columns (common/manifest/columns.h).
#include "common/manifest/columns.h"
#include "server/keys.h"
#include "server/store/sqlcipher_attachments.h"
#include "server/store/sqlcipher_store.h"

namespace plumbline::server {
namespace {

absl::Status Make(const std::string& folder, const manifest::Show& show) {
  const db::Key key = db::Key::Random();
  const SystemClock clock;
  ASSIGN_OR_RETURN(const audit::LogKey log_key, audit::LogKey::Create(audit::Origin("example.org", "delivery"), crypto::Ed25519KeyPair::Generate()));
  StoreOptions options;
  options.path = folder + "/" + kDatabaseFile;
  AttachmentOptions attachments;
  attachments.path = folder + "/" + kAttachmentsFile;
  // Closed again: one process at a time.
  RETURN_IF_ERROR(SqlcipherStore::Create(options, key, log_key, clock).status());
  RETURN_IF_ERROR(SqlcipherAttachments::Create(attachments, key).status());
  for (const auto& [name, path] : {std::pair(kDatabaseFile, options.path), std::pair(kAttachmentsFile, attachments.path)}) {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(path, key, {.create = false}));
    RETURN_IF_ERROR(show(name, *database));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace plumbline::server

int main() { return plumbline::manifest::CheckColumns("plumbline-server", plumbline::server::Make); }
