#include "server/audit_record.h"

#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/audit/export.h"
#include "common/config/config.h"
#include "common/file.h"
#include "plumbline/config/v1/server.pb.h"
#include "server/keys.h"

namespace plumbline::server {
namespace {

struct Opened {
  config::v1::ServerConfig config;
  Secret passphrase;
  std::optional<ServerKeys> keys;
  std::string database;
};

absl::StatusOr<Opened> Open(const RecordOptions& options) {
  Opened out;
  RETURN_IF_ERROR(config::Load(options.config_file, out.config));
  ASSIGN_OR_RETURN(out.passphrase, config::ReadPassphraseFile(options.passphrase_file.empty() ? out.config.passphrase_file()
                                                                                             : options.passphrase_file));
  ASSIGN_OR_RETURN(out.keys, OpenKeys(out.config.data_dir(), out.passphrase));
  out.database = absl::StrCat(out.config.data_dir(), "/", kDatabaseFile);
  return out;
}

absl::StatusOr<tlog::VerifierKey> LogOf(const Opened& opened) {
  ASSIGN_OR_RETURN(const audit::LogKey key, opened.keys->AuditKey(opened.config.organisation_domain()));
  return key.verifier();
}

absl::StatusOr<std::unique_ptr<db::Database>> OpenBesideServer(const Opened& opened) {
  return db::Database::Open(opened.database, opened.keys->database, {.create = false, .exclusive = false});
}

// Names and values are of our own making, without characters that JSON escapes; paths are the operator's and are not printed.
void Print(bool json, const std::string& sentence, const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text = sentence;
  if (json) {
    text = "{";
    for (const auto& [name, value] : fields) {
      absl::StrAppend(&text, text.size() > 1 ? "," : "", "\"", name, "\":", value);
    }
    text += "}";
  }
  std::printf("%s\n", text.c_str());
}

std::string Quoted(absl::string_view value) { return absl::StrCat("\"", value, "\""); }

}  // namespace

absl::Status VerifyRecord(const RecordOptions& options) {
  ASSIGN_OR_RETURN(const Opened opened, Open(options));
  ASSIGN_OR_RETURN(const tlog::VerifierKey log, LogOf(opened));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, OpenBesideServer(opened));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*database, log));
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, reader.Verify());
  Print(options.json,
        absl::StrCat("The record of ", checkpoint.size, " events is whole and signed.\nVerifier key: ", log.ToText()),
        {{"events", absl::StrCat(checkpoint.size)},
         {"whole", "true"},
         {"root", Quoted(ToHex(checkpoint.root))},
         {"audit_key", Quoted(log.ToText())}});
  return absl::OkStatus();
}

absl::Status ExportRecord(const RecordOptions& options) {
  ASSIGN_OR_RETURN(const Opened opened, Open(options));
  ASSIGN_OR_RETURN(const tlog::VerifierKey log, LogOf(opened));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, OpenBesideServer(opened));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*database, log));
  ASSIGN_OR_RETURN(const std::string lines, audit::ExportAll(reader));
  RETURN_IF_ERROR(WriteFileAtomically(options.out, AsBytes(lines), 0600));
  Print(options.json,
        absl::StrCat("Written. Verify it anywhere: plumbline-admin audit verify --file FILE --key '", log.ToText(), "'"),
        {{"written", "true"}, {"audit_key", Quoted(log.ToText())}});
  return absl::OkStatus();
}

absl::Status ShowRecordKey(const RecordOptions& options) {
  ASSIGN_OR_RETURN(const Opened opened, Open(options));
  ASSIGN_OR_RETURN(const tlog::VerifierKey log, LogOf(opened));
  Print(options.json, log.ToText(), {{"audit_key", Quoted(log.ToText())}});
  return absl::OkStatus();
}

absl::Status MakeRecordKey(const RecordOptions& options) {
  ASSIGN_OR_RETURN(Opened opened, Open(options));
  RETURN_IF_ERROR(AddAuditKey(opened.config.data_dir(), opened.passphrase));
  ASSIGN_OR_RETURN(opened.keys, OpenKeys(opened.config.data_dir(), opened.passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey key, opened.keys->AuditKey(opened.config.organisation_domain()));
  const absl::StatusOr<std::unique_ptr<db::Database>> database =
      db::Database::Open(opened.database, opened.keys->database, {.create = false});
  if (!absl::IsNotFound(database.status())) {  // a server that never ran has no record yet
    RETURN_IF_ERROR(database.status());
    RETURN_IF_ERROR(audit::MigrateChain(**database, key));
  }
  Print(options.json, absl::StrCat("The audit record is signed. Verifier key, for auditors:\n", key.verifier().ToText()),
        {{"audit_key", Quoted(key.verifier().ToText())}});
  return absl::OkStatus();
}

}  // namespace plumbline::server
