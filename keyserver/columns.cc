// The key server's database, for the check of its columns (common/manifest/columns.h).
#include "common/manifest/columns.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {
namespace {

absl::Status Make(const std::string& folder, const manifest::Show& show) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(audit::LogKey log_key, audit::LogKey::Create(audit::Origin("example.org", "keyserver"), crypto::Ed25519KeyPair::Generate()));
  ASSIGN_OR_RETURN(tlog::NoteSigner signer, tlog::NoteSigner::Create("example.org/directory", std::make_shared<crypto::Ed25519KeyPair>(crypto::Ed25519KeyPair::Generate())));
  DirectoryLogKeys directory{std::move(signer), crypto::VrfKeyPair::Generate(), {}, std::nullopt};
  db::OpenOptions options;
  options.create = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(folder + "/keyserver.db", db::Key::Random(), std::move(log_key), std::move(directory), clock, options));
  MutexLock lock(connection->mutex());
  return show("keyserver.db", connection->database());
}

}  // namespace
}  // namespace plumbline::keyserver

int main() { return plumbline::manifest::CheckColumns("plumbline-keyserver", plumbline::keyserver::Make); }
