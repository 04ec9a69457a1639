// plumbline: the command line of libplumbline.
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "client/cli/commands.h"
#include "client/cli/doctor.h"
#include "client/cli/files.h"
#include "common/process.h"

namespace {

using plumbline::client::Options;
using plumbline::client::Output;
using Command = absl::Status (*)(const Options&, Output&);

struct Line {
  Options options;
  Command command = nullptr;
  plumbline::doctor::Request doctor;
};

constexpr char kDoctor[] = "doctor";

CLI::App* Add(CLI::App& app, Line& line, const std::string& name, const std::string& help, Command command) {
  CLI::App* sub = app.add_subcommand(name, help);
  sub->callback([&line, command] { line.command = command; });
  return sub;
}

void DescribeDevices(CLI::App& app, Line& line) {
  namespace client = plumbline::client;
  Options& o = line.options;
  CLI::App* devices = app.add_subcommand("devices", "List your devices; invite, approve, refuse, remove one");
  devices->fallthrough();
  devices->callback([&line, devices] {
    if (devices->get_subcommands().empty()) line.command = client::DevicesCommand;
  });
  CLI::App* invite = Add(*devices, line, "invite", "Make an invitation for another device of yours", client::InviteDeviceCommand);
  invite->add_option("--life", o.life_minutes, "Minutes for which it is good (default 60)")->check(CLI::Range(1, 1440));
  const auto decide = [&](const char* name, const char* help, Command command) {
    CLI::App* verb = Add(*devices, line, name, help, command);
    verb->add_option("code", o.code, "The code that the new device shows")->required();
    verb->add_flag("--yes", o.yes, "Without asking: for scripts");
  };
  decide("approve", "Let a device join that shows this code", client::ApproveDeviceCommand);
  decide("refuse", "Turn away a device that shows this code", client::RefuseDeviceCommand);
  CLI::App* remove = Add(*devices, line, "remove", "Remove another device of yours for ever", client::RemoveDeviceCommand);
  remove->add_option("device", o.device, "Its id, or the beginning of it")->required();
  remove->add_flag("--yes", o.yes, "Without asking: for scripts");
}

void DescribeLock(CLI::App& app, Line& line) {
  namespace client = plumbline::client;
  Options& o = line.options;
  CLI::App* unlock = Add(app, line, "unlock", "Ask for the passphrase once, not with each command", client::UnlockCommand);
  unlock->add_option("--idle", o.idle_minutes, "Minutes without a command after which this device locks itself (default 15)")
      ->check(CLI::Range(1, 480));
  unlock->add_option("--longest", o.longest_minutes, "Minutes after which it does in any case (default 480)")->check(CLI::Range(1, 1440));
  Add(app, line, "lock", "Ask for the passphrase with each command again", client::LockCommand);
  CLI::App* passphrase = Add(app, line, "passphrase", "Give this device another passphrase", client::PassphraseCommand);
  passphrase->add_option("--new-passphrase-file", o.new_passphrase_file, "File with the new one, readable by you alone (default: ask)");
  Add(app, line, "agent", "", client::AgentCommand)->group("");  // started by unlock
}

void DescribeFiles(CLI::App& app, Line& line) {
  namespace client = plumbline::client;
  Options& o = line.options;
  CLI::App* send_file = Add(app, line, "send-file", "Send a file", client::SendFileCommand);
  send_file->add_option("person", o.person, "bob, mimi://example.org/u/bob or group:NAME")->required();
  send_file->add_option("path", o.path, "The file; at most 2 GiB, or what the delivery server takes")->required();
  send_file->add_option("--wait", o.wait_seconds, "Seconds to keep trying while a server is away (default 15)")
      ->check(CLI::Range(0.0, 3600.0));
  send_file->add_option("--media-type", o.media_type, "What the recipient is told it is")->check(CLI::Validator(
      [](std::string& type) { return client::IsMediaType(type) ? "" : "not a media type, as image/png"; }, "TYPE"));
  send_file->add_flag("--accept-changes", o.accept_changes, "Send although a verified person's devices have changed");
  CLI::App* files = Add(app, line, "files", "List files that were sent and received, from the store alone",
                        client::FilesCommand);
  files->add_option("person", o.person, "Only with this person or group:NAME");
  CLI::App* save = Add(app, line, "save", "Fetch a file and save it; nothing is ever replaced", client::SaveCommand);
  save->add_option("id", o.id, "Its number, from files, read or history")->required();
  save->add_option("path", o.path, "File or folder (default: its own name, here)");
  save->add_option("--wait", o.wait_seconds, "Seconds to keep trying while the server is away (default 15)")
      ->check(CLI::Range(0.0, 3600.0));
  CLI::App* take_back = Add(app, line, "take-back", "Delete a file you sent from the server", client::TakeBackCommand);
  take_back->add_option("id", o.id, "Its number, from files or history")->required();
}

void Describe(CLI::App& app, Line& line) {
  namespace client = plumbline::client;
  Options& o = line.options;
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--home", o.home, "This device's folder (default ~/.plumbline)");
  app.add_option("--passphrase-file", o.passphrase_file,
                 "File with the passphrase, readable by you alone (default: $PLUMBLINE_PASSPHRASE_FILE, else ask)");
  app.add_flag("--json", o.json, "Print JSON, one value a line");

  CLI::App* enrol = Add(app, line, "enrol", "Join an organisation with an invitation", client::EnrolCommand);
  enrol->add_option("--invitation", o.invitation, "The invitation's text, or a file with it (default: standard input)");
  enrol->add_option("--label", o.label, "What others see this device as (default: the host's name)");
  enrol->add_flag("--quick-unlock", o.quick_unlock,
                  "A cheaper passphrase check, 64 MiB in place of 256: for tests and small machines");

  enrol->add_flag("--accept-notice", o.accept_notice, "Agree to the privacy notice without being asked: for scripts");
  enrol->add_option("--wait", o.join_seconds, "Seconds to wait for the approval by another device (default 1800)")
      ->check(CLI::Range(0.0, 3600.0));
  CLI::App* notice = Add(app, line, "notice", "What the services do with data about you, as they say it now", client::NoticeCommand);
  notice->add_flag("--accept", o.accept_notice, "Agree to it");
  notice->add_flag("--manifest", o.whole_manifest, "Show what each service has signed, and how that differs from what this client knows");
  DescribeDevices(app, line);
  DescribeLock(app, line);

  CLI::App* send = Add(app, line, "send", "Send one message", client::SendCommand);
  send->add_option("person", o.person, "bob, mimi://example.org/u/bob or group:NAME")->required();
  send->add_option("text", o.text, "The message; - reads it from standard input")->required();
  send->add_option("--wait", o.wait_seconds, "Seconds to keep trying while a server is away (default 15)")
      ->check(CLI::Range(0.0, 3600.0));
  send->add_flag("--accept-changes", o.accept_changes, "Send although a verified person's devices have changed");

  DescribeFiles(app, line);
  Add(app, line, "read", "Fetch and print what is new", client::ReadCommand);
  Add(app, line, "sync", "Send what waits and fetch what is new, printing nothing of it", client::SyncCommand);
  CLI::App* listen = Add(app, line, "listen", "Stay online and print messages as they come", client::ListenCommand);
  listen->add_option("--count", o.count, "End after this many messages")->check(CLI::Range(1, 1000000000));
  listen->add_option("--timeout", o.timeout_seconds, "End after this many seconds")->check(CLI::Range(0.1, 1e9));

  CLI::App* chat = Add(app, line, "chat", "Talk with a person or a group, line by line", client::ChatCommand);
  chat->add_option("person", o.person, "bob, mimi://example.org/u/bob or group:NAME")->required();
  CLI::App* history = Add(app, line, "history", "Print what was said, from the store alone", client::HistoryCommand);
  history->add_option("person", o.person, "Only with this person or group:NAME");
  history->add_option("--limit", o.limit, "The newest so many (default 50)")->check(CLI::Range(1, 1000000));
  Add(app, line, "conversations", "List conversations", client::ConversationsCommand);

  CLI::App* verify = Add(app, line, "verify", "Show the code to compare with a person", client::VerifyCommand);
  verify->add_option("person", o.person, "bob, or mimi://example.org/u/bob")->required();
  verify->add_flag("--confirm", o.confirm, "The codes were the same: remember these devices as verified");
  verify->add_flag("--no-qr", o.no_qr, "Digits only");
  CLI::App* evidence = Add(app, line, "evidence", "What shows that the directory said two things, from the store alone",
                           client::EvidenceCommand);
  evidence->add_option("--out", o.path, "Folder to write the files to; anybody can check them with plumbline-auditor");
  Add(app, line, "status", "Who and where this device is, from the store alone", client::StatusCommand);
}

void DescribeGroups(CLI::App& app, Line& line) {
  namespace client = plumbline::client;
  Options& o = line.options;
  CLI::App* group = app.add_subcommand("group", "Make a group, change who is in it, leave it");
  group->require_subcommand(1);
  group->fallthrough();
  const auto add = [&](const std::string& name, const std::string& help, Command command) {
    CLI::App* sub = Add(*group, line, name, help, command);
    if (name != "create") sub->add_option("group", o.group, "The group's name, or the first digits of its id")->required();
    return sub;
  };
  const auto with_people = [&](CLI::App* sub, bool required) {
    CLI::Option* people = sub->add_option("people", o.people, "bob, or mimi://example.org/u/bob; several may be given");
    if (required) people->required();
  };
  CLI::App* create = add("create", "Make a group that you own", client::GroupCreateCommand);
  create->add_option("name", o.name, "What its members see it as; the services never do")->required();
  with_people(create, false);
  with_people(add("add", "Bring people in (owners)", client::GroupAddCommand), true);
  with_people(add("remove", "Take people out (owners)", client::GroupRemoveCommand), true);
  with_people(add("promote", "Make people owners (owners)", client::GroupPromoteCommand), true);
  with_people(add("demote", "Make owners members again (owners)", client::GroupDemoteCommand), true);
  add("rename", "Give it another name (owners)", client::GroupRenameCommand)
      ->add_option("name", o.name, "The new name")
      ->required();
  add("renew", "Start it anew under fresh keys, where a refused change blocks it (owners)", client::GroupRenewCommand)
      ->add_option("--without", o.people, "Leave this person out; may be given again");
  add("leave", "Ask the others to take you out", client::GroupLeaveCommand);
  add("show", "Who is in it, with roles and devices", client::GroupShowCommand);
}

// Not a command of a device: it has neither home nor passphrase, and exit codes of its own.
void DescribeDoctor(CLI::App& app, Line& line) {
  plumbline::doctor::Configurations& o = line.doctor.configurations;
  CLI::App* doctor = app.add_subcommand(kDoctor, "Check a running installation, for those who run its services");
  doctor->add_option("--keyserver", o.keyserver, "The key server's configuration");
  doctor->add_option("--server", o.server, "The delivery server's configuration");
  doctor->add_option("--admin", o.admin, "The admin service's configuration");
  doctor->add_option("--witness", o.witnesses, "A witness's configuration; may be given again");
  doctor->add_option("--backups", line.doctor.backups, "Folder with backups (*.plbk)");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Plumbline: end-to-end encrypted messages of your organisation.");
  Line line;
  Describe(app, line);
  DescribeGroups(app, line);
  DescribeDoctor(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int usage = app.got_subcommand(kDoctor) ? plumbline::doctor::kExitNotRun : plumbline::client::kExitUsage;
    return app.exit(error) == 0 ? 0 : usage;
  }
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // what went wrong is said in our own words
  if (app.got_subcommand(kDoctor)) return plumbline::client::DoctorCommand(line.doctor, line.options.json);
  Output output(line.options.json);
  absl::Status status = plumbline::HardenProcess();
  if (status.ok()) status = line.command(line.options, output);
  return status.ok() ? 0 : output.Failure(status);
}
