// plumbline-server: the delivery server.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/backup/verbs.h"
#include "common/config/config.h"
#include "common/identity/reason.h"
#include "common/process.h"
#include "plumbline/config/v1/server.pb.h"
#include "server/audit_record.h"
#include "server/backup.h"
#include "server/serve.h"

namespace {

int Report(const absl::Status& status, bool json = false) {
  if (status.ok()) return 0;
  const std::string message(status.message());
  if (json) {
    // Reason ids need no escapes, and the text is only our own words: quotes and backslashes are left out.
    const size_t colon = message.find(": ");
    std::string text = colon == std::string::npos ? message : message.substr(colon + 2);
    std::erase_if(text, [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
    std::printf("{\"error\":{\"reason\":\"%s\",\"message\":\"%s\",\"code\":\"%s\"}}\n",
                plumbline::identity::ReasonOf(status).c_str(), text.c_str(),
                absl::StatusCodeToString(status.code()).c_str());
  }
  std::fprintf(stderr, "plumbline-server: %s\n", message.c_str());
  return 1;
}

absl::Status Print(const absl::StatusOr<plumbline::backup::Report>& report, bool json) {
  if (report.ok()) std::printf("%s\n", plumbline::backup::Format(*report, json).c_str());
  return report.status();
}

using BackupWork = absl::StatusOr<plumbline::backup::Report> (*)(const plumbline::backup::Subject&, const plumbline::backup::Options&,
                                                                 const plumbline::Clock&);
absl::Status OnBackup(const std::string& config_file, const std::string& passphrase_file, const plumbline::backup::Options& options,
                      BackupWork work, bool json) {
  plumbline::config::v1::ServerConfig config;
  RETURN_IF_ERROR(plumbline::config::Load(config_file, config));
  ASSIGN_OR_RETURN(const plumbline::Secret passphrase, plumbline::config::ReadPassphraseFile(
                                                           passphrase_file.empty() ? config.passphrase_file() : passphrase_file));
  return Print(work(*plumbline::server::NewBackupSubject(config, passphrase), options, plumbline::SystemClock()), json);
}

}  // namespace

int main(int argc, char** argv) {
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return Report(status);
  CLI::App app("The delivery server: keeps sealed envelopes until their owners fetch them. Knows no people.");
  app.require_subcommand(1);
  std::string config, passphrase_file;

  CLI::App* init = app.add_subcommand("init", "Make the sealed keys and a certificate request; nothing is replaced");
  init->add_option("--config", config, "Configuration file (YAML)")->required();
  init->add_option("--passphrase-file", passphrase_file, "File with the passphrase; default: the configuration's");
  CLI::App* serve = app.add_subcommand("serve", "Serve until SIGTERM");
  serve->add_option("--config", config, "Configuration file (YAML)")->required();

  plumbline::server::RecordOptions record;
  CLI::App* audit = app.add_subcommand("audit", "The server's own audit record, on its machine")->require_subcommand(1);
  const auto verb = [&](const char* name, const char* help) {
    CLI::App* out = audit->add_subcommand(name, help);
    out->add_option("--config", record.config_file, "Configuration file (YAML)")->required();
    out->add_option("--passphrase-file", record.passphrase_file, "File with the passphrase; default: the configuration's");
    out->add_flag("--json", record.json, "Print JSON");
    return out;
  };
  CLI::App* verify = verb("verify", "Recompute the record and check its signatures");
  CLI::App* write = verb("export", "Write the record and its signed checkpoint to a file");
  write->add_option("--out", record.out, "Where to write (JSON lines)")->required();
  CLI::App* key = verb("key", "Print the verifier key, for auditors");
  CLI::App* make_key = verb("make-key", "Once, for keys made before records were signed: make the key that signs");

  plumbline::backup::Options backup;
  bool json = false;
  const plumbline::backup::Verbs backups = plumbline::backup::AddVerbs(app, backup);
  for (CLI::App* each : {backups.key, backups.take, backups.restore}) {
    each->add_flag("--json", json, "Print JSON");
    if (each == backups.key) continue;
    each->add_option("--config", config, "Configuration file (YAML)")->required();
    each->add_option("--passphrase-file", passphrase_file, "File with the passphrase; default: the configuration's");
  }

  CLI11_PARSE(app, argc, argv);
  if (verify->parsed()) return Report(plumbline::server::VerifyRecord(record), record.json);
  if (write->parsed()) return Report(plumbline::server::ExportRecord(record), record.json);
  if (key->parsed()) return Report(plumbline::server::ShowRecordKey(record), record.json);
  if (make_key->parsed()) return Report(plumbline::server::MakeRecordKey(record), record.json);
  if (backups.key->parsed()) return Report(Print(plumbline::backup::MakeKeyFor(backup), json), json);
  if (backups.take->parsed()) return Report(OnBackup(config, passphrase_file, backup, plumbline::backup::TakeFor, json), json);
  if (backups.restore->parsed()) return Report(OnBackup(config, passphrase_file, backup, plumbline::backup::RestoreFor, json), json);
  return Report(init->parsed() ? plumbline::server::Initialise(config, passphrase_file) : plumbline::server::Serve(config));
}
