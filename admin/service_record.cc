#include "admin/service_record.h"

#include <algorithm>
#include <cstdio>

#include "admin/console/output.h"
#include "admin/service_keys.h"
#include "common/audit/audit_log.h"
#include "common/clock.h"
#include "common/db/database.h"

namespace plumbline::admin {
namespace {

absl::StatusOr<std::unique_ptr<db::Database>> OpenBesideService(const config::v1::AdminConfig& config,
                                                                const Secret& passphrase) {
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  return db::Database::Open(DatabasePath(config), keys.database_key, {.create = false, .exclusive = false});
}

}  // namespace

absl::Status PrintServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                const RecordQuery& query) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, OpenBesideService(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditLog log, audit::AuditLog::Open(*database, clock));
  ASSIGN_OR_RETURN(const audit::Head head, log.Verify());
  const size_t limit = std::min<size_t>(query.limit, audit::kMaxPage);
  const uint64_t last = head.sequence > limit ? head.sequence - limit : 0;
  ASSIGN_OR_RETURN(const std::vector<audit::Record> records,
                   log.ReadAfter(query.after.value_or(last), limit));
  plumbline::audit::v1::AuditPage page;
  page.set_chain_verified(true);
  for (const audit::Record& record : records) audit::ToProto(record, *page.add_events());
  const std::string text = query.json ? AuditJson(page) : AuditText(page);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return absl::OkStatus();
}

absl::Status BackUpService(const config::v1::AdminConfig& config, const Secret& passphrase,
                           const std::string& to) {
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<db::Database> database,
      db::Database::Open(DatabasePath(config), keys.database_key, {.create = false, .exclusive = false}));
  return database->BackupTo(to, keys.database_key);
}

}  // namespace plumbline::admin
