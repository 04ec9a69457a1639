#include "admin/service_record.h"

#include <algorithm>
#include <cstdio>

#include "admin/console/output.h"
#include "admin/service_keys.h"
#include "common/audit/audit_log.h"
#include "common/audit/export.h"
#include "common/db/database.h"
#include "common/file.h"

namespace plumbline::admin {
namespace {

// The database beside a service that may be running, and the log's public key.
struct OpenedRecord {
  std::unique_ptr<db::Database> database;
  tlog::VerifierKey log;
};

absl::StatusOr<OpenedRecord> OpenBesideService(const config::v1::AdminConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  ASSIGN_OR_RETURN(
      std::unique_ptr<db::Database> database,
      db::Database::Open(DatabasePath(config), keys.database_key, {.create = false, .exclusive = false}));
  return OpenedRecord{std::move(database), log_key.verifier()};
}

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

absl::Status PrintServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                const RecordQuery& query) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenBesideService(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*opened.database, opened.log));
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, reader.Verify());
  const size_t limit = std::min<size_t>(query.limit, audit::kMaxPage);
  const uint64_t last = checkpoint.size > limit ? checkpoint.size - limit : 0;
  ASSIGN_OR_RETURN(const std::vector<audit::Record> records, reader.ReadAfter(query.after.value_or(last), limit));
  plumbline::audit::v1::AuditPage page;
  page.set_intact(true);
  ASSIGN_OR_RETURN(*page.mutable_checkpoint(), reader.Checkpoint());
  for (const audit::Record& record : records) audit::ToProto(record, *page.add_events());
  Print(query.json ? AuditJson(page, opened.log.ToText()) : AuditText(page));
  return absl::OkStatus();
}

absl::Status VerifyServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase, bool json) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenBesideService(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*opened.database, opened.log));
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, reader.Verify());
  Print(json ? VerifiedJson(checkpoint, opened.log.ToText()) : VerifiedText(checkpoint, opened.log.ToText()));
  return absl::OkStatus();
}

absl::Status ExportServiceRecord(const config::v1::AdminConfig& config, const Secret& passphrase,
                                 const std::string& to, bool json) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenBesideService(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*opened.database, opened.log));
  ASSIGN_OR_RETURN(const std::string lines, audit::ExportAll(reader));
  RETURN_IF_ERROR(WriteFileAtomically(to, AsBytes(lines), 0600));
  const std::vector<DescribedField> fields{{"written", to}, {"audit_key", opened.log.ToText()}};
  Print(json ? ObjectJson(fields) : ToText(fields));
  return absl::OkStatus();
}

absl::Status ShowServiceRecordKey(const config::v1::AdminConfig& config, const Secret& passphrase, bool json) {
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  Print(json ? ObjectJson({{"audit_key", log_key.verifier().ToText()}}) : log_key.verifier().ToText() + "\n");
  return absl::OkStatus();
}

absl::Status MakeServiceRecordKey(const config::v1::AdminConfig& config, const Secret& passphrase, bool json) {
  RETURN_IF_ERROR(AddAuditKey(config, passphrase));
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config), keys.database_key, {.create = false}));
  RETURN_IF_ERROR(audit::MigrateChain(*database, log_key));
  return ShowServiceRecordKey(config, passphrase, json);
}

}  // namespace plumbline::admin
