#include "server/backup.h"

#include "plumbline/config/v1/server.pb.h"
#include "server/keys.h"
#include "server/store/sqlcipher_store.h"

namespace plumbline::server {
namespace {

using config::v1::ServerConfig;

class Opened final : public backup::OpenedKeys {
 public:
  Opened(ServerKeys keys, std::string domain) : keys_(std::move(keys)), domain_(std::move(domain)) {}
  std::vector<db::Key> DatabaseKeys() const override {
    std::vector<db::Key> out;
    out.push_back(db::Key::CopyOf(keys_.database));
    out.push_back(AttachmentsKey(keys_.database));
    return out;
  }
  absl::StatusOr<audit::LogKey> AuditKey() const override { return keys_.AuditKey(domain_); }
  absl::StatusOr<std::vector<backup::LogState>> CheckLogs(db::Database&) const override { return std::vector<backup::LogState>(); }
  absl::Status PrepareRestored(db::Database& main) const override { return ForgetStoreId(main); }

 private:
  const ServerKeys keys_;
  const std::string domain_;
};

class ServerSubject final : public backup::Subject {
 public:
  ServerSubject(const ServerConfig& config, const Secret& passphrase) : config_(config), passphrase_(passphrase) {}
  identity::Service service() const override { return identity::Service::kDelivery; }
  std::string domain() const override { return config_.organisation_domain(); }
  std::string data_dir() const override { return config_.data_dir(); }
  std::string keys_file() const override { return kKeysFile; }
  std::vector<std::string> other_files() const override { return {kRequestFile}; }
  std::vector<std::string> databases() const override { return {kDatabaseFile, kAttachmentsFile}; }
  absl::StatusOr<std::unique_ptr<backup::OpenedKeys>> OpenKeys(const std::string& folder) const override {
    ASSIGN_OR_RETURN(ServerKeys keys, server::OpenKeys(folder, passphrase_));
    return std::make_unique<Opened>(std::move(keys), domain());
  }

 private:
  const ServerConfig& config_;
  const Secret& passphrase_;
};

}  // namespace

std::unique_ptr<backup::Subject> NewBackupSubject(const ServerConfig& config, const Secret& passphrase) {
  return std::make_unique<ServerSubject>(config, passphrase);
}

}  // namespace plumbline::server
