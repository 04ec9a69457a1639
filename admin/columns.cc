// The admin service's database, for the check of its columns (common/manifest/columns.h).
#include "common/audit/audit_log.h"
#include "common/manifest/columns.h"

namespace plumbline::admin {
namespace {

// As MakeAuditRecord in service_keys.cc: the record is all there is.
absl::Status Make(const std::string& folder, const manifest::Show& show) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const audit::LogKey log_key, audit::LogKey::Create(audit::Origin("example.org", "admin"), crypto::Ed25519KeyPair::Generate()));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(folder + "/admin.db", db::Key::Random(), {.create = true}));
  RETURN_IF_ERROR(audit::AuditLog::Open(*database, clock, log_key).status());
  return show("admin.db", *database);
}

}  // namespace
}  // namespace plumbline::admin

int main() { return plumbline::manifest::CheckColumns("plumbline-admin", plumbline::admin::Make); }
