// plumbline-keyserver: who belongs to the organisation, with which devices and keys.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/backup/verbs.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/identity/codes.h"
#include "common/identity/reason.h"
#include "common/process.h"
#include "keyserver/backup.h"
#include "keyserver/ceremony.h"
#include "keyserver/log_rotation.h"
#include "keyserver/log_succession.h"
#include "keyserver/role_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/serve.h"
#include "keyserver/witness_channel.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace {

using plumbline::Secret;
using plumbline::config::v1::KeyserverConfig;
namespace backup = plumbline::backup;
namespace keyserver = plumbline::keyserver;
namespace identity = plumbline::identity;

constexpr size_t kMaxCsr = 64 * 1024;

struct Line {
  std::string config, passphrase_file, csr, service, out, policy, key, former_ends;
  backup::Options backup;
  bool accept_behind = false;
  keyserver::LogSuccessionChoice succession;
  keyserver::UnlockKeyChoice unlock_keys;
  std::vector<std::string> dns_names, ip_addresses;
  bool json = false;
};

struct Opened {
  KeyserverConfig config;
  Secret passphrase;
};

absl::StatusOr<Opened> Open(const Line& line) {
  Opened out;
  RETURN_IF_ERROR(plumbline::config::Load(line.config, out.config));
  ASSIGN_OR_RETURN(out.passphrase, plumbline::config::ReadPassphraseFile(line.passphrase_file.empty()
                                                                             ? out.config.passphrase_file()
                                                                             : line.passphrase_file));
  return out;
}

void Print(const Line& line, const std::string& text, const nlohmann::json& object) {
  std::printf("%s\n", (line.json ? object.dump() : text).c_str());
}

void PrintCode(const Line& line, const std::string& heading, const keyserver::CeremonyResult& result) {
  const std::string code = identity::FormatCode(result.administrator_code);
  const std::string expires =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", result.code_expires, absl::UTCTimeZone());
  Print(line,
        heading +
            "Organisation fingerprint (SHA-256 of the root certificate; compare it wherever it is asked "
            "for):\n  " +
            result.organisation.ToText() + "\nOne-time code for the first administrator, good until " +
            expires + ":\n  " + code + "\nVerifier key of the audit record, for auditors:\n  " + result.audit_key,
        {{"fingerprint", plumbline::ToHex(result.organisation.view())},
         {"audit_key", result.audit_key},
         {"directory_log_key", result.directory_log_key},
         {"administrator_code", code},
         {"administrator_code_expires", expires}});
}

absl::Status Init(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::CeremonyResult result,
                   keyserver::RunCeremony(opened.config, opened.passphrase, plumbline::SystemClock()));
  PrintCode(line,
            "Keys made and sealed in " + opened.config.data_dir() +
                ".\nName the directory's witnesses with set-witnesses; then move root.sealed to a safe place: only ceremonies "
                "need it.\nVerifier key of the directory's log, for witnesses and auditors:\n  " +
                result.directory_log_key + "\n",
            result);
  return absl::OkStatus();
}

absl::Status FirstAdministrator(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(
      const keyserver::CeremonyResult result,
      keyserver::ReissueAdministratorCode(opened.config, opened.passphrase, plumbline::SystemClock()));
  PrintCode(line, "A new code; any former one is void.\n", result);
  return absl::OkStatus();
}

absl::Status WriteOut(const Line& line, const std::string& content) {
  RETURN_IF_ERROR(plumbline::WriteFileAtomically(line.out, plumbline::AsBytes(content), 0644));
  Print(line, "Written to " + line.out, {{"written", line.out}});
  return absl::OkStatus();
}

absl::Status SignService(const Line& line) {
  ASSIGN_OR_RETURN(const identity::Service service, identity::ParseServiceName(line.service));
  ASSIGN_OR_RETURN(const std::string csr, plumbline::ReadTextFile(line.csr, kMaxCsr));
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  const keyserver::ServiceRequest request{plumbline::ToBytes(plumbline::AsBytes(csr)), service,
                                          line.dns_names, line.ip_addresses};
  ASSIGN_OR_RETURN(const std::string chain, keyserver::SignService(opened.config, opened.passphrase, request,
                                                                   plumbline::SystemClock()));
  return WriteOut(line, chain);
}

absl::Status ExportTrust(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const std::string bundle, keyserver::ExportTrust(opened.config, opened.passphrase));
  return WriteOut(line, bundle);
}

// "now", "30m", "36h", "14d"; `fallback` where nothing is said.
absl::StatusOr<absl::Duration> FormerLife(const Line& line, absl::Duration fallback) {
  const std::string& text = line.former_ends;
  if (text.empty()) return fallback;
  if (text == "now") return absl::ZeroDuration();
  const std::map<char, absl::Duration> units = {{'s', absl::Seconds(1)}, {'m', absl::Minutes(1)}, {'h', absl::Hours(1)}, {'d', absl::Hours(24)}};
  const auto unit = units.find(text.back());
  uint32_t count = 0;
  if (unit != units.end() && absl::SimpleAtoi(text.substr(0, text.size() - 1), &count) && count > 0) return count * unit->second;
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "former_ends_malformed",
                          "--former-ends is now, or a time from now such as 30m, 36h or 14d");
}

absl::Status RotateLog(const Line& line) {
  ASSIGN_OR_RETURN(const absl::Duration lasts, FormerLife(line, keyserver::kFormerLogKeyLasts));
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::LogKeyRotated rotated,
                   keyserver::RotateLogKey(opened.config, opened.passphrase, lasts, plumbline::SystemClock()));
  const std::string ends = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", rotated.former_ends, absl::UTCTimeZone());
  const bool now = lasts == absl::ZeroDuration();
  std::string text = "The key is replaced: log. Policy " + std::to_string(rotated.policy) + " names the new one:\n  " + rotated.log_key +
                     "\nThe former one:\n  " + rotated.former_key + "\n";
  text += now ? "It is destroyed. In each witness's `logs`, write the new key in the place of the former one and restart the witness; then start "
                "the service. Auditors take the new key from now on. Until the witnesses have it, no change of the directory is told."
              : "It signs beside the new one until " + ends +
                    " and is then destroyed. Start the service. Until then, in each witness's `logs`, write the new key in a line of its own "
                    "below the former one and restart the witness; auditors take the new key with a second --log. Afterwards take the former "
                    "one out.";
  Print(line, text + "\nTake a backup: one from before has a key that nobody believes any more.",
        {{"rotated", "log"}, {"log_key", rotated.log_key}, {"former_key", rotated.former_key}, {"former_ends", ends},
         {"policy_number", rotated.policy}, {"policy", rotated.policy_text}});
  return absl::OkStatus();
}

absl::Status RotateVrf(const Line& line) {
  if (!line.former_ends.empty()) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "former_ends_malformed",
                            "--former-ends is not for vrf: the former log ends where it is, and its key signs nothing more");
  }
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::LogSucceeded done,
                   keyserver::SucceedLog(opened.config, opened.passphrase, line.succession, plumbline::SystemClock()));
  const std::string folder = keyserver::LogFolder(opened.config.log_folder(), done.number);
  Print(line,
        "The key is replaced: vrf. The directory has another log, number " + std::to_string(done.number) + ", with every record; policy " +
            std::to_string(done.policy) + " is for it. Its verifier key:\n  " + done.log_key + "\nThe former log ended with " +
            std::to_string(done.former_size) + " leaves:\n  " + done.former_key +
            "\nIn each witness's `logs`, write the new key in the place of the former one and restart the witness" +
            (folder.empty() ? "" : "; an auditing one reads it at what it had as address, with /" + std::to_string(done.number)) +
            ". Then start the service: until they have confirmed the new log, nothing of the directory is told. Auditors begin a new state. "
            "Take a backup: one from before is of the former log.",
        {{"rotated", "vrf"}, {"log", done.number}, {"log_key", done.log_key}, {"former_key", done.former_key},
         {"former_size", done.former_size}, {"policy_number", done.policy}, {"policy", done.policy_text}, {"log_folder", folder}});
  return absl::OkStatus();
}

// A role's, or without one the issuing authority's.
absl::Status RotateListed(const Line& line, std::optional<identity::Role> role) {
  ASSIGN_OR_RETURN(const absl::Duration life, FormerLife(line, role ? keyserver::DefaultFormerLife(*role) : keyserver::kFormerAuthorityLife));
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::RoleRotated done,
                   role ? keyserver::RotateRole(opened.config, opened.passphrase, *role, life, plumbline::SystemClock())
                        : keyserver::RotateIssuing(opened.config, opened.passphrase, life, plumbline::SystemClock()));
  const std::string ends = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", done.former_ends, absl::UTCTimeZone());
  const std::string audit_key = done.audit_key.empty() ? "" : "Verifier key of the audit record from now on, for auditors: " + done.audit_key + "\n";
  Print(line,
        "The key is replaced: " + line.key + ". Statement " + std::to_string(done.number) + " of the organisation's keys:\n  " + done.former +
            " counts until " + ends + "\n  " + done.next + " counts from now on\n" +
            (done.ended_earlier ? "The key before these two would have counted longer, and ends now.\n" : "") + audit_key +
            "Start the service. Then take a backup, and write the trust file anew for services that are set up later.",
        {{"rotated", line.key},
         {"number", done.number},
         {"former", done.former},
         {"next", done.next},
         {"former_ends", ends},
         {"ended_earlier", done.ended_earlier},
         {"audit_key", done.audit_key}});
  return absl::OkStatus();
}

absl::Status Rotate(const Line& line) {
  const bool chosen = line.succession.stolen || line.succession.restored;
  if (chosen && line.key != "vrf") {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "rotation_malformed", "--stolen and --restored are for vrf");
  }
  if (line.key == "log") return RotateLog(line);
  if (line.key == "vrf") return RotateVrf(line);
  const absl::StatusOr<identity::Role> role = identity::ParseRoleName(line.key);
  if (role.ok()) return RotateListed(line, *role);
  if (line.key == "issuing") return RotateListed(line, std::nullopt);
  if (!line.former_ends.empty()) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "former_ends_malformed",
                                       "--former-ends is for the keys of roles, of the issuing authority and of the log: what is replaced otherwise is not used any more at once");
  }
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  RETURN_IF_ERROR(line.key == "wrapping" ? keyserver::RotateWrapping(opened.config, opened.passphrase, plumbline::SystemClock())
                                         : keyserver::RotateServiceKey(opened.config, opened.passphrase, plumbline::SystemClock()));
  Print(line, "The key is replaced: " + line.key + ". Start the service.", {{"rotated", line.key}});
  return absl::OkStatus();
}

absl::Status VerifyAudit(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::AuditState state,
                   keyserver::VerifyAudit(opened.config, opened.passphrase));
  Print(line,
        "The record of " + std::to_string(state.checkpoint.size) +
            " events is whole and signed.\nVerifier key: " + state.audit_key,
        {{"events", state.checkpoint.size},
         {"whole", true},
         {"root", plumbline::ToHex(state.checkpoint.root)},
         {"audit_key", state.audit_key}});
  return absl::OkStatus();
}

absl::Status ExportAudit(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::AuditExport record,
                   keyserver::ExportAudit(opened.config, opened.passphrase));
  RETURN_IF_ERROR(plumbline::WriteFileAtomically(line.out, plumbline::AsBytes(record.lines), 0600));
  Print(line,
        "Written to " + line.out + "\nVerify it anywhere: plumbline-admin audit verify --file " + line.out +
            " --key '" + record.audit_key + "'",
        {{"written", line.out}, {"audit_key", record.audit_key}});
  return absl::OkStatus();
}

absl::Status MakeAuditKey(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const std::string key, keyserver::MakeAuditKey(opened.config, opened.passphrase,
                                                                  plumbline::SystemClock()));
  Print(line, "The audit record is signed. Verifier key, for auditors:\n  " + key, {{"audit_key", key}});
  return absl::OkStatus();
}

absl::Status MakeLogKey(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const std::string key, keyserver::MakeLogKey(opened.config, opened.passphrase));
  Print(line, "The directory has a log. Verifier key, for witnesses and auditors:\n  " + key, {{"log_key", key}});
  return absl::OkStatus();
}

absl::Status AbandonUnlockKeys(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  RETURN_IF_ERROR(keyserver::AbandonUnlockKeys(opened.config, opened.passphrase, plumbline::SystemClock()));
  Print(line, "All unlock keys are given up: no device's store opens again once it is locked, and each device is enrolled anew.",
        {{"abandoned", true}});
  return absl::OkStatus();
}

absl::Status SetWitnesses(const Line& line) {
  ASSIGN_OR_RETURN(const std::string policy, plumbline::ReadTextFile(line.policy, plumbline::tlog::kMaxPolicy));
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::WitnessesSet set,
                   keyserver::SetWitnesses(opened.config, opened.passphrase, policy, plumbline::SystemClock()));
  Print(line,
        "Policy " + std::to_string(set.number) + " is signed; restart the service to use it.\nThe log's key, for the witnesses:\n  " +
            set.log_key,
        {{"number", set.number}, {"policy", set.policy}, {"log_key", set.log_key}});
  return absl::OkStatus();
}

absl::Status ExportLog(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  RETURN_IF_ERROR(keyserver::ExportLog(opened.config, opened.passphrase, line.out));
  Print(line, "Written to " + line.out + "\nReplay it anywhere: plumbline-auditor replay --source " + line.out, {{"written", line.out}});
  return absl::OkStatus();
}

absl::Status ExportOpenings(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  ASSIGN_OR_RETURN(const keyserver::OpeningsExport all, keyserver::ExportOpenings(opened.config, opened.passphrase));
  const std::string trust = line.out + ".trust.pem";
  RETURN_IF_ERROR(plumbline::WriteFileAtomically(line.out, all.openings, 0600));
  RETURN_IF_ERROR(plumbline::WriteFileAtomically(trust, plumbline::AsBytes(all.trust), 0600));
  std::string keys;
  for (const std::string& key : all.administrators) keys += "\n  " + key;
  Print(line,
        "Written to " + line.out + ", which names everybody, and " + trust +
            "\nAdministrators' keys as they are here; an auditor takes them from the administrators:" + keys,
        {{"written", line.out}, {"trust", trust}, {"administrators", all.administrators}});
  return absl::OkStatus();
}

absl::Status Print(const Line& line, const absl::StatusOr<backup::Report>& report) {
  if (report.ok()) Print(line, report->text, report->object);
  return report.status();
}

absl::Status TakeBackup(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  return Print(line, backup::TakeFor(*keyserver::NewBackupSubject(opened.config, opened.passphrase), line.backup, plumbline::SystemClock()));
}

// What the witnesses say of the log in the backup, for both forms.
void AddWitnesses(const keyserver::RestoreResult& result, backup::Report& report) {
  report.object["witnesses"] = nlohmann::json::array();
  for (const keyserver::WitnessWord& word : result.witnesses) {
    nlohmann::json each = {{"name", word.name}, {"size", nullptr}, {"saw_another_log", word.another}};
    if (word.size) each["size"] = *word.size;
    report.object["witnesses"].push_back(each);
    const std::string size = std::to_string(word.size.value_or(0));
    report.text += "\nThe witness " + word.name + (!word.size      ? " could not be asked: whether it has seen more is not known."
                                                   : word.another ? " has cosigned " + size + " leaves, which this backup does not continue: "
                                                                    "what is restored from it can publish nothing. Restore a newer one."
                                                                  : " has cosigned " + size + " leaves: this backup continues them.");
  }
}

std::string Devices(int count) { return std::to_string(count) + (count == 1 ? " device" : " devices"); }

void AddUnlockKeys(bool check, const keyserver::RestoreResult& result, backup::Report& report) {
  const keyserver::RestoredUnlockKeys& keys = result.restored_unlock_keys;
  report.object["unlock_keys"] = {{"devices", result.unlock_keys}};
  if (check) {
    report.text += "\nWhat unlocks " + Devices(result.unlock_keys) + " is in it.";
    return;
  }
  report.object["unlock_keys"].update({{"kept", keys.kept}, {"destroyed", keys.destroyed}, {"abandoned", keys.abandoned}});
  if (keys.abandoned) {
    report.text += "\nWhat unlocked " + Devices(result.unlock_keys) + " is given up: invite their owners to enrol anew.";
  } else if (result.unlock_keys > 0) {
    report.text += "\nWhat unlocks " + Devices(keys.kept) + " is kept" +
                   (keys.destroyed > 0 ? "; of " + Devices(keys.destroyed) + " it was destroyed or replaced after the backup, and stays so: invite their owners to enrol anew." : ".");
  }
}

absl::Status RestoreBackup(const Line& line) {
  ASSIGN_OR_RETURN(const Opened opened, Open(line));
  const std::unique_ptr<keyserver::WitnessSender> sender = keyserver::NewWitnessChannel();
  ASSIGN_OR_RETURN(const keyserver::RestoreResult result, keyserver::RestoreBackup(opened.config, opened.passphrase, line.backup,
                                                                                   line.accept_behind, line.unlock_keys, *sender, plumbline::SystemClock()));
  backup::Report report = backup::RestoredReport(line.backup.check ? "" : opened.config.data_dir(), result.manifest);
  AddWitnesses(result, report);
  AddUnlockKeys(line.backup.check, result, report);
  return Print(line, report);
}

// Ends the process with EX_CONFIG where starting it again would show the token a wrong PIN again, until it locks itself: the unit file
// does not restart on it.
constexpr int kDoNotRestart = 78;

int Report(const Line& line, const absl::Status& status) {
  if (status.ok()) return 0;
  if (line.json) {
    const nlohmann::json error = {{"reason", identity::ReasonOf(status)},
                                  {"message", identity::TextOf(status)},
                                  {"code", absl::StatusCodeToString(status.code())}};
    std::printf("%s\n", nlohmann::json{{"error", error}}
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  }
  std::fprintf(stderr, "plumbline-keyserver: %s\n", std::string(status.message()).c_str());
  return absl::StartsWith(identity::ReasonOf(status), "pkcs11_pin_") ? kDoNotRestart : 1;
}

CLI::App* Verb(CLI::App& app, const char* name, const char* help, Line& line) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_option("--config", line.config, "Configuration file (YAML)")->required();
  return verb;
}

void AddCeremonyOptions(CLI::App* verb, Line& line) {
  verb->add_option("--passphrase-file", line.passphrase_file,
                   "File with the passphrase; default: the configuration's");
  verb->add_flag("--json", line.json, "Print JSON");
}

CLI::App* Ceremony(CLI::App& app, const char* name, const char* help, Line& line) {
  CLI::App* verb = Verb(app, name, help, line);
  AddCeremonyOptions(verb, line);
  return verb;
}

}  // namespace

int main(int argc, char** argv) {
  Line line;
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return Report(line, status);
  CLI::App app("The key server: identities, devices, key packages, and the permissions that name nobody.");
  app.require_subcommand(1);
  CLI::App* init = Ceremony(app, "init", "The ceremony: make the organisation's keys; runs once", line);
  CLI::App* first =
      Ceremony(app, "first-administrator", "Issue another code for a first administrator", line);
  CLI::App* sign =
      Ceremony(app, "sign-service", "Certify another service from its certificate request", line);
  sign->add_option("--csr", line.csr, "Certificate request (PKCS#10, PEM or DER) made where the key is")
      ->required();
  sign->add_option("--service", line.service, "delivery or admin")->required();
  sign->add_option("--dns", line.dns_names, "DNS name, repeatable");
  sign->add_option("--ip", line.ip_addresses, "IP address, repeatable");
  sign->add_option("--out", line.out, "Where to write leaf, issuing and root (PEM)")->required();
  CLI::App* trust =
      Ceremony(app, "export-trust", "Write the root and role certificates that other services load", line);
  trust->add_option("--out", line.out, "Where to write (PEM)")->required();
  CLI::App* rotate = Ceremony(app, "rotate", "Replace a key by a new one, with the service stopped", line);
  rotate->add_option("key", line.key, "wrapping: what wraps secret keys in the database; service: the key server's own TLS key; "
                                 "directory, grants, tokens, audit: what records, mailbox grants, keys for tokens and the audit record are "
                                 "signed with; issuing: the authority that certifies devices and services; log: what signs the directory's log; vrf: what "
                                 "places people in it, which begins another log (all but the first two take root.sealed too)")
      ->required()
      ->check(CLI::IsMember({"wrapping", "service", "directory", "grants", "tokens", "audit", "issuing", "log", "vrf"}));
  rotate->add_option("--former-ends", line.former_ends,
                     "How long the replaced key still counts: now, 30m, 36h, 14d (default: directory and grants 35d, tokens 24h, "
                     "audit now, issuing 60d, log 7d)");
  rotate->add_flag("--stolen", line.succession.stolen,
                   "vrf: the former keys may be known, so nothing is handed over under them: clients look up anew whom they follow");
  rotate->add_flag("--restored", line.succession.restored,
                   "vrf: this is a restored copy, behind what witnesses and clients have seen; they are told so");
  CLI::App* audit = Ceremony(app, "verify-audit", "Recompute the audit record and check its signatures", line);
  CLI::App* export_audit =
      Ceremony(app, "export-audit", "Write the audit record and its signed checkpoint to a file", line);
  export_audit->add_option("--out", line.out, "Where to write (JSON lines)")->required();
  CLI::App* make_audit_key = Ceremony(
      app, "make-audit-key", "Once, for keys made before audit records were signed: make the key that signs", line);
  CLI::App* make_log_key = Ceremony(
      app, "make-log-key", "Once, for keys made before the directory had a log: make the keys of the log", line);
  CLI::App* set_witnesses =
      Ceremony(app, "set-witnesses", "Name the witnesses whose cosignatures make the directory believed", line);
  set_witnesses->add_option("--policy", line.policy, "Policy file (C2SP tlog-policy); its log line may be left out")->required();
  CLI::App* export_log =
      Ceremony(app, "export-log", "Write the directory's log as files, which name nobody, for auditors", line);
  export_log->add_option("--out", line.out, "Folder to bring up to date")->required();
  CLI::App* export_openings = Ceremony(
      app, "export-openings", "Write what opens the log's entries, which names everybody, for an auditor of authority", line);
  export_openings->add_option("--out", line.out, "Where to write; the certificates go beside it")->required();
  CLI::App* abandon = Ceremony(app, "abandon-unlock-keys",
                               "Where shred.key is lost: give up what unlocks people's devices, which then have to enrol anew", line);
  const backup::Verbs backups = backup::AddVerbs(app, line.backup);
  backups.key->add_flag("--json", line.json, "Print JSON");
  for (CLI::App* verb : {backups.take, backups.restore}) {
    verb->add_option("--config", line.config, "Configuration file (YAML)")->required();
    AddCeremonyOptions(verb, line);
  }
  CLI::Option* later = backups.restore->add_option("--later-audit", line.unlock_keys.later_audit,
                                                   "An export of the audit record from after the backup: unlock keys that it says were destroyed stay so");
  CLI::Option* keep = backups.restore->add_flag("--keep-unlock-keys", line.unlock_keys.keep,
                                                "Keep all unlock keys in the backup; what was wiped since has to be wiped again");
  CLI::Option* give_up = backups.restore->add_flag("--abandon-unlock-keys", line.unlock_keys.abandon,
                                                   "Give all unlock keys up: every device is enrolled anew");
  later->excludes(keep)->excludes(give_up);
  keep->excludes(give_up);
  backups.restore->add_flag("--accept-behind", line.accept_behind, "Restore even where witnesses have seen more than is in it");
  Verb(app, "serve", "Serve until SIGTERM", line);

  CLI11_PARSE(app, argc, argv);
  if (init->parsed()) return Report(line, Init(line));
  if (first->parsed()) return Report(line, FirstAdministrator(line));
  if (sign->parsed()) return Report(line, SignService(line));
  if (trust->parsed()) return Report(line, ExportTrust(line));
  if (rotate->parsed()) return Report(line, Rotate(line));
  if (audit->parsed()) return Report(line, VerifyAudit(line));
  if (export_audit->parsed()) return Report(line, ExportAudit(line));
  if (make_audit_key->parsed()) return Report(line, MakeAuditKey(line));
  if (export_log->parsed()) return Report(line, ExportLog(line));
  if (export_openings->parsed()) return Report(line, ExportOpenings(line));
  if (set_witnesses->parsed()) return Report(line, SetWitnesses(line));
  if (abandon->parsed()) return Report(line, AbandonUnlockKeys(line));
  if (make_log_key->parsed()) return Report(line, MakeLogKey(line));
  if (backups.key->parsed()) return Report(line, Print(line, backup::MakeKeyFor(line.backup)));
  if (backups.take->parsed()) return Report(line, TakeBackup(line));
  if (backups.restore->parsed()) return Report(line, RestoreBackup(line));
  return Report(line, keyserver::Serve(line.config));
}
