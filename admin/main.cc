// plumbline-admin: the administrators' tool, and the admin service it talks to.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

#include "admin/backup.h"
#include "admin/console/commands.h"
#include "admin/console/output.h"
#include "admin/serve.h"
#include "admin/service_keys.h"
#include "admin/service_record.h"
#include "common/backup/verbs.h"
#include "common/config/config.h"
#include "common/process.h"

namespace plumbline::admin {
namespace {

using Work = std::function<absl::Status()>;

std::string DefaultHome() {
  if (const char* home = std::getenv("PLUMBLINE_ADMIN_HOME"); home != nullptr && *home != 0) return home;
  const char* user_home = std::getenv("HOME");
  return std::string(user_home == nullptr ? "." : user_home) + "/.plumbline-admin";
}

// Everything the command line can say. Lives as long as the parsed verbs that refer to it.
struct CommandLine {
  ConsoleOptions console;
  std::string config_path;
  SetupRequest setup;
  NewAccount new_account;
  Invite invite;
  backup::Options backup;
  std::string life = "24h";
  std::string name, code, code_file, user, reason, device, to, file, key, against;
  std::optional<uint64_t> after;
  std::optional<uint32_t> limit;
  Work work;
};

absl::Status WithConfig(
    CommandLine& line,
    const std::function<absl::Status(const config::v1::AdminConfig&, const Secret&)>& work) {
  config::v1::AdminConfig config;
  RETURN_IF_ERROR(config::Load(line.config_path, config));
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(line.console.passphrase_file.empty()
                                                                           ? config.passphrase_file()
                                                                           : line.console.passphrase_file));
  return work(config, passphrase);
}

absl::Status WithConsole(CommandLine& line, const std::function<absl::Status(Console&)>& work) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<Console> console, Console::Open(line.console, clock));
  return work(*console);
}

CLI::App* Verb(CLI::App& parent, const std::string& name, const std::string& meaning, CommandLine& line,
               Work work) {
  CLI::App* verb = parent.add_subcommand(name, meaning)->fallthrough();
  verb->callback([&line, work = std::move(work)] { line.work = work; });
  return verb;
}

CLI::App* Group(CLI::App& parent, const std::string& name, const std::string& meaning) {
  return parent.add_subcommand(name, meaning)->fallthrough()->require_subcommand(1);
}

absl::Status DoInit(CommandLine& line) {
  return WithConfig(line, [](const config::v1::AdminConfig& config, const Secret& passphrase) {
    RETURN_IF_ERROR(Initialise(config, passphrase, SystemClock()));
    std::printf(
        "The admin service's keys were made in %s.\nNext: have plumbline-keyserver sign-service make a "
        "certificate "
        "for the service \"admin\" from %s, and put it at %s.\n",
        config.data_dir().c_str(), RequestPath(config).c_str(), config.certificate_file().c_str());
    return absl::OkStatus();
  });
}

// Their verbs come with options of their own; --json and --passphrase-file are the program's.
void AddBackups(CLI::App& app, CommandLine& line) {
  const auto print = [&line](const absl::StatusOr<backup::Report>& report) {
    if (report.ok()) std::printf("%s\n", backup::Format(*report, line.console.json).c_str());
    return report.status();
  };
  const backup::Verbs verbs = backup::AddVerbs(app, line.backup);
  const auto on_service = [&line, print](CLI::App* verb, auto work) {
    verb->add_option("--config", line.config_path, "the service's configuration file")->required();
    verb->callback([&line, print, work] {
      line.work = [&line, print, work] {
        return WithConfig(line, [&](const config::v1::AdminConfig& loaded, const Secret& passphrase) {
          return print(work(*NewBackupSubject(loaded, passphrase), line.backup, SystemClock()));
        });
      };
    });
  };
  verbs.key->callback([&line, print] { line.work = [&line, print] { return print(backup::MakeKeyFor(line.backup)); }; });
  on_service(verbs.take, backup::TakeFor);
  on_service(verbs.restore, backup::RestoreFor);
  for (CLI::App* verb : {verbs.key, verbs.take, verbs.restore}) verb->fallthrough();
}

void AddService(CLI::App& app, CommandLine& line) {
  const auto config = [&line](CLI::App* verb) {
    verb->add_option("--config", line.config_path, "the service's configuration file")->required();
    return verb;
  };
  config(Verb(app, "init", "make the service's keys and its certificate request", line,
              [&line] { return DoInit(line); }));
  config(Verb(app, "serve", "run the service until it is told to stop", line,
              [&line] { return WithConfig(line, Serve); }));
  CLI::App* record = Group(app, "record", "the service's own audit record, on the service's machine");
  CLI::App* list = config(Verb(*record, "list", "verify the whole record and show it", line, [&line] {
    return WithConfig(line, [&line](const config::v1::AdminConfig& loaded, const Secret& passphrase) {
      return PrintServiceRecord(
          loaded, passphrase,
          {.after = line.after, .limit = line.limit.value_or(100), .json = line.console.json});
    });
  }));
  list->add_option("--after", line.after, "only records after this number; otherwise the last ones");
  list->add_option("--limit", line.limit, "at most this many records (100)")->check(CLI::Range(1, 1000));
  const auto of_record = [&](const char* name, const char* meaning, auto work) {
    return config(Verb(*record, name, meaning, line, [&line, work] {
      return WithConfig(line, [&line, work](const config::v1::AdminConfig& loaded, const Secret& passphrase) {
        return work(loaded, passphrase, line);
      });
    }));
  };
  of_record("verify", "recompute the whole record and check its signatures",
            [](const auto& loaded, const Secret& passphrase, const CommandLine& given) {
              return VerifyServiceRecord(loaded, passphrase, given.console.json);
            });
  of_record("export", "write the record and its signed checkpoint to a file",
            [](const auto& loaded, const Secret& passphrase, const CommandLine& given) {
              return ExportServiceRecord(loaded, passphrase, given.to, given.console.json);
            })
      ->add_option("--to", line.to, "the file to make")
      ->required();
  of_record("key", "print the verifier key, for auditors",
            [](const auto& loaded, const Secret& passphrase, const CommandLine& given) {
              return ShowServiceRecordKey(loaded, passphrase, given.console.json);
            });
  of_record("make-key", "once, for keys made before records were signed: make the key that signs",
            [](const auto& loaded, const Secret& passphrase, const CommandLine& given) {
              return MakeServiceRecordKey(loaded, passphrase, given.console.json);
            });
  AddBackups(app, line);
}

absl::Status DoRegister(CommandLine& line) {
  std::string code = line.code;
  if (!line.code_file.empty()) {
    ASSIGN_OR_RETURN(const Secret read, config::ReadPassphraseFile(line.code_file));
    code = ToString(read.view());
  }
  return WithConsole(line, [&](Console& console) { return console.Register(line.name, code); });
}

void AddKeys(CLI::App& app, CommandLine& line) {
  CLI::App* setup =
      Verb(app, "setup", "tell this folder where the admin service is and which organisation to trust", line,
           [&line] { return Setup(line.console, line.setup, SystemClock()); });
  setup->add_option("--server", line.setup.server, "host:port of the admin service")->required();
  setup->add_option("--domain", line.setup.domain, "the organisation's domain, such as example.org")
      ->required();
  setup
      ->add_option("--fingerprint", line.setup.fingerprint,
                   "the organisation's fingerprint, from the ceremony")
      ->required();
  setup->add_option("--server-name", line.setup.server_name,
                    "the name in the service's certificate, if not the host");
  CLI::App* key = Group(app, "key", "your administrator's key");
  Verb(*key, "create", "make it, sealed under a passphrase", line,
       [&line] { return KeyCreate(line.console); });
  Verb(*key, "show", "show its id", line, [&line] { return KeyShow(line.console); });
  CLI::App* first =
      Verb(app, "register", "become the first administrator, with the one-time code from the ceremony", line,
           [&line] { return DoRegister(line); });
  first->add_option("--name", line.name, "your name, as other administrators know you")->required();
  first->add_option("--code", line.code, "the one-time code; asked for if not given");
  first->add_option("--code-file", line.code_file, "a file that holds the code")->excludes("--code");
}

absl::Status DoInvite(CommandLine& line) {
  if (!absl::ParseDuration(line.life, &line.invite.life)) {
    return absl::InvalidArgumentError("life_malformed: --life is a duration such as 90m or 24h");
  }
  return WithConsole(line, [&](Console& console) { return console.InviteAccount(line.invite); });
}

void AddAccounts(CLI::App& app, CommandLine& line) {
  CLI::App* account = Group(app, "account", "people's accounts");
  const auto on = [&](const std::string& name, const std::string& meaning, Work work, bool reason) {
    CLI::App* verb = Verb(*account, name, meaning, line, std::move(work));
    verb->add_option("user", line.user, "the person: alice, or mimi://example.org/u/alice")->required();
    if (reason) verb->add_option("--reason", line.reason, "why; it is signed and recorded")->required();
    return verb;
  };
  CLI::App* create = on(
      "create", "create an account",
      [&line] {
        line.new_account.user = line.user;
        line.new_account.reason = line.reason;
        return WithConsole(line, [&](Console& console) { return console.CreateAccount(line.new_account); });
      },
      true);
  create->add_option("--name", line.new_account.display_name, "the name others see")->required();
  create
      ->add_option("--proofing-level", line.new_account.proofing_level,
                   "how identity was checked: \"seen in person\"")
      ->required();
  create
      ->add_option("--proofing-reference", line.new_account.proofing_reference,
                   "where that check is recorded; no documents")
      ->required();
  CLI::App* invite = on(
      "invite", "issue a one-time code and print the invitation",
      [&line] {
        line.invite.user = line.user;
        line.invite.reason = line.reason;
        return DoInvite(line);
      },
      true);
  invite->add_option("--life", line.life, "how long the code is good: 1m to 168h (24h)");
  invite->add_option("--out", line.invite.out_file,
                     "write the invitation to this file instead, readable by you only");
  on(
      "suspend", "suspend an account",
      [&line] {
        return WithConsole(line,
                           [&](Console& console) { return console.SuspendAccount(line.user, line.reason); });
      },
      true);
  on(
      "remove", "remove an account and its devices for ever; the name is not given again",
      [&line] {
        return WithConsole(line, [&](Console& console) { return console.RemoveAccount(line.user, line.reason); });
      },
      true);
  on(
      "reactivate", "take a suspended account back",
      [&line] {
        return WithConsole(
            line, [&](Console& console) { return console.ReactivateAccount(line.user, line.reason); });
      },
      true);
  on(
      "show", "show one account",
      [&line] { return WithConsole(line, [&](Console& console) { return console.ShowAccount(line.user); }); },
      false);
  Verb(*account, "list", "show all accounts", line,
       [&line] { return WithConsole(line, [](Console& console) { return console.ListAccounts(); }); });
}

void AddActivation(CLI::App& device, CommandLine& line) {
  CLI::App* activate =
      Verb(device, "activate", "activate a device that an administrator invited, once you compared its code", line, [&line] {
        return WithConsole(line, [&](Console& console) { return console.ActivateDevice(line.user, line.code, line.reason); });
      });
  activate->add_option("user", line.user, "the person: alice, or mimi://example.org/u/alice")->required();
  activate->add_option("code", line.code, "what the device's own screen shows")->required();
  activate->add_option("--reason", line.reason, "why; it is signed and recorded")->required();
}

void AddDevices(CLI::App& app, CommandLine& line) {
  CLI::App* device = Group(app, "device", "people's devices");
  CLI::App* revoke = Verb(*device, "revoke", "remove one device of a person for ever", line, [&line] {
    return WithConsole(
        line, [&](Console& console) { return console.RevokeDevice(line.user, line.device, line.reason); });
  });
  revoke->add_option("user", line.user, "the person: alice, or mimi://example.org/u/alice")->required();
  revoke->add_option("device", line.device, "the device's id, or its beginning")->required();
  revoke->add_option("--reason", line.reason, "why; it is signed and recorded")->required();
  CLI::App* wipe = Verb(*device, "wipe", "destroy a device's unlock key: what is stored on it never opens again", line, [&line] {
    return WithConsole(line, [&](Console& console) { return console.WipeDevice(line.user, line.device, line.reason); });
  });
  wipe->add_option("user", line.user, "the person: alice, or mimi://example.org/u/alice")->required();
  wipe->add_option("device", line.device, "the device's id, or its beginning")->required();
  wipe->add_option("--reason", line.reason, "why; it is signed and recorded")->required();
  AddActivation(*device, line);
}

void AddTokens(CLI::App& app, CommandLine& line) {
  CLI::App* tokens = Group(app, "tokens", "anonymous tokens, with which devices send and look people up");
  CLI::App* end = Verb(*tokens, "end", "make every token void that was drawn so far, everybody's: after an urgent revocation", line,
                       [&line] { return WithConsole(line, [&](Console& console) { return console.EndTokenEpoch(line.reason); }); });
  end->add_option("--reason", line.reason, "why; it is signed and recorded")->required();
}

void AddAudit(CLI::App& app, CommandLine& line) {
  CLI::App* audit = Group(app, "audit", "the key server's audit record");
  CLI::App* list = Verb(*audit, "list", "show it", line, [&line] {
    return WithConsole(
        line, [&](Console& console) { return console.ListAudit(line.after.value_or(0), line.limit); });
  });
  list->add_option("--after", line.after, "only records after this number");
  list->add_option("--limit", line.limit, "at most this many records; all if not given")
      ->check(CLI::Range(1, 1000));
  CLI::App* verify = Verb(*audit, "verify", "recompute it and hold it against what was seen before", line, [&line] {
    if (!line.file.empty()) return VerifyAuditFile(line.console, line.file, line.key, line.against);
    return WithConsole(line, [](Console& console) { return console.VerifyAudit(); });
  });
  CLI::Option* file = verify->add_option("--file", line.file, "an exported record of any service instead");
  CLI::Option* key = verify->add_option("--key", line.key, "the verifier key of that service, as it printed it");
  file->needs(key);
  key->needs(file);
  verify->add_option("--against", line.against, "another export of the same record: name what of it is lost in the file")->needs(file);
}

int Run(int argc, char** argv) {
  CommandLine line;
  line.console.home = DefaultHome();
  CLI::App app(
      "Administer a Plumbline organisation: every action is signed by your own key and checked by the key "
      "server.",
      "plumbline-admin");
  app.set_version_flag("--version", PLUMBLINE_VERSION);
  app.require_subcommand(1);
  app.add_option("--home", line.console.home, "your folder ($PLUMBLINE_ADMIN_HOME, ~/.plumbline-admin)");
  app.add_option("--passphrase-file", line.console.passphrase_file,
                 "read the passphrase from this file instead of asking");
  app.add_flag("--json", line.console.json, "print one JSON object");
  app.add_flag("--yes", line.console.yes, "sign without asking: for scripts");
  AddService(app, line);
  AddKeys(app, line);
  AddAccounts(app, line);
  AddDevices(app, line);
  AddTokens(app, line);
  AddAudit(app, line);
  CLI11_PARSE(app, argc, argv);

  absl::Status status = HardenProcess();
  if (status.ok()) status = line.work();
  if (status.ok()) return 0;
  if (line.console.json) {
    std::fputs(ErrorJson(status).c_str(), stdout);
  } else {
    std::fputs(ErrorText(status).c_str(), stderr);
  }
  return 1;
}

}  // namespace
}  // namespace plumbline::admin

int main(int argc, char** argv) { return plumbline::admin::Run(argc, argv); }
