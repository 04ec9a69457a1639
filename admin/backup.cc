#include "admin/backup.h"

#include "admin/service_keys.h"

namespace plumbline::admin {
namespace {

using config::v1::AdminConfig;

class Opened final : public backup::OpenedKeys {
 public:
  Opened(ServiceKeys keys, std::string domain) : keys_(std::move(keys)), domain_(std::move(domain)) {}
  std::vector<db::Key> DatabaseKeys() const override {
    std::vector<db::Key> out;
    out.push_back(db::Key::CopyOf(keys_.database_key));
    return out;
  }
  absl::StatusOr<audit::LogKey> AuditKey() const override { return keys_.AuditKey(domain_); }
  absl::StatusOr<std::vector<backup::LogState>> CheckLogs(db::Database&) const override { return std::vector<backup::LogState>(); }

 private:
  const ServiceKeys keys_;
  const std::string domain_;
};

class AdminSubject final : public backup::Subject {
 public:
  AdminSubject(const AdminConfig& config, const Secret& passphrase) : config_(config), passphrase_(passphrase) {}
  identity::Service service() const override { return identity::Service::kAdmin; }
  std::string domain() const override { return config_.organisation_domain(); }
  std::string data_dir() const override { return config_.data_dir(); }
  std::string keys_file() const override { return "admin.keys"; }
  std::vector<std::string> other_files() const override { return {"admin.csr"}; }
  std::vector<std::string> databases() const override { return {"admin.db"}; }
  absl::StatusOr<std::unique_ptr<backup::OpenedKeys>> OpenKeys(const std::string& folder) const override {
    AdminConfig there = config_;
    there.set_data_dir(folder);
    ASSIGN_OR_RETURN(ServiceKeys keys, OpenServiceKeys(there, passphrase_));
    return std::make_unique<Opened>(std::move(keys), domain());
  }

 private:
  const AdminConfig& config_;
  const Secret& passphrase_;
};

}  // namespace

std::unique_ptr<backup::Subject> NewBackupSubject(const AdminConfig& config, const Secret& passphrase) {
  return std::make_unique<AdminSubject>(config, passphrase);
}

}  // namespace plumbline::admin
