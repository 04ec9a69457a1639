#include "assess/demo/organisation.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "assess/tools/canary.h"
#include "common/crypto/sealed_file.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStart = absl::Seconds(20);

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) fs::permissions(path, fs::perms::owner_all, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot make ", path, ": ", error.message()));
  return absl::OkStatus();
}

std::string Address(int port) { return absl::StrCat("127.0.0.1:", port); }

// The last lines of a file, for an error text.
std::string Tail(const std::string& path) {
  const std::string text = ReadFile(path).value_or("");
  return text.size() > 1500 ? text.substr(text.size() - 1500) : text;
}

}  // namespace

absl::string_view Title(Service service) {
  switch (service) {
    case Service::kKeyserver: return "key server";
    case Service::kDelivery: return "delivery server";
    case Service::kAdmin: return "admin service";
    case Service::kWitness: return "witness";
  }
  return "";
}

std::string Organisation::Name(Service service) const {
  switch (service) {
    case Service::kKeyserver: return "keyserver";
    case Service::kDelivery: return "delivery";
    case Service::kAdmin: return "admin";
    case Service::kWitness: return "witness";
  }
  return "";
}

std::string Organisation::FolderOf(Service service) const { return absl::StrCat(folder(), "/", Name(service)); }
std::string Organisation::ConfigOf(Service service) const { return absl::StrCat(FolderOf(service), "/", Name(service), ".yaml"); }
std::string Organisation::PassphraseOf(Service service) const {
  return absl::StrCat(folder(), "/secrets/", Name(service), ".passphrase");
}
std::string Organisation::LogOf(Service service) const {
  const auto control = log_controls_.find(service);
  const std::string marker = control == log_controls_.end() ? "" : "." + control->second;
  return absl::StrCat(FolderOf(service), "/", Name(service), marker, ".log");
}

std::vector<int> Organisation::ListenersOf(Service service) const {
  switch (service) {
    case Service::kKeyserver: return {ports_.keyserver_people, ports_.keyserver_devices, ports_.keyserver_admin};
    case Service::kDelivery: return {ports_.delivery, ports_.revocation};
    case Service::kAdmin: return {ports_.admin};
    case Service::kWitness: return {ports_.witness};
  }
  return {};
}

pid_t Organisation::pid(Service service) const {
  const auto child = children_.find(service);
  return child == children_.end() ? -1 : child->second.pid();
}

absl::Status Organisation::PickPorts(const Ports& preferred) {
  ASSIGN_OR_RETURN(ports_.keyserver_people, FreePort(preferred.keyserver_people));
  ASSIGN_OR_RETURN(ports_.keyserver_devices, FreePort(preferred.keyserver_devices));
  ASSIGN_OR_RETURN(ports_.keyserver_admin, FreePort(preferred.keyserver_admin));
  ASSIGN_OR_RETURN(ports_.delivery, FreePort(preferred.delivery));
  ASSIGN_OR_RETURN(ports_.admin, FreePort(preferred.admin));
  ASSIGN_OR_RETURN(ports_.revocation, FreePort(preferred.revocation));
  ASSIGN_OR_RETURN(ports_.witness, FreePort(preferred.witness));
  ports_.delivery_published = preferred.delivery_published;
  if (ports_.delivery_published == 0) ports_.delivery_published = ports_.delivery;
  return absl::OkStatus();
}

absl::Status Organisation::MakePassphrase(const std::string& path) const { return WriteFile(path, NewMarker() + "\n"); }

absl::Status Organisation::WriteConfiguration(Service service) const {
  std::string yaml;
  switch (service) {
    case Service::kKeyserver:
      yaml = absl::StrCat("organisation_domain: ", kDomain, "\ndisplay_name: Example Organisation\ndata_dir: ",
                          FolderOf(service), "/data\nanonymous_listen: ", Address(ports_.keyserver_people),
                          "\ndevice_listen: ", Address(ports_.keyserver_devices),
                          "\nadmin_listen: ", Address(ports_.keyserver_admin), "\npublished:\n  keyserver_address: ",
                          Address(ports_.keyserver_people), "\n  device_address: ", Address(ports_.keyserver_devices),
                          "\n  delivery_address: ", Address(ports_.delivery_published),
                          "\nip_addresses:\n  - 127.0.0.1\nrevocation:\n  delivery_address: ", Address(ports_.revocation),
                          "\npassphrase_file: ", PassphraseOf(service), "\n", options_.keyserver_section);
      break;
    case Service::kDelivery:
      yaml = absl::StrCat("organisation_domain: ", kDomain, "\nroot_fingerprint: \"", fingerprint_, "\"\ndata_dir: ",
                          FolderOf(service), "/data\nlisten: ", Address(ports_.delivery),
                          "\nkeyserver_listen: ", Address(ports_.revocation), "\ntrust_file: ",
                          FolderOf(service), "/trust.pem\ncertificate_file: ", FolderOf(service),
                          "/certificate.pem\npassphrase_file: ", PassphraseOf(service));
      break;
    case Service::kAdmin:
      yaml = absl::StrCat("organisation_domain: ", kDomain, "\nroot_fingerprint: \"", fingerprint_, "\"\ndata_dir: ",
                          FolderOf(service), "/data\nlisten: ", Address(ports_.admin), "\ncertificate_file: ",
                          FolderOf(service), "/certificate.pem\ntrust_file: ", FolderOf(Service::kDelivery),
                          "/trust.pem\nkeyserver_address: ", Address(ports_.keyserver_admin),
                          "\npassphrase_file: ", PassphraseOf(service));
      break;
    case Service::kWitness:
      yaml = absl::StrCat("name: witness.", kDomain, "/w1\ndata_dir: ", FolderOf(service), "/data\nlisten: ",
                          Address(ports_.witness), "\nlogs:\n  - ", directory_log_key_, "\npassphrase_file: ",
                          PassphraseOf(service));
      break;
  }
  return WriteFile(ConfigOf(service), absl::StrCat(yaml, "\nlog_file: ", LogOf(service), "\n"));
}

absl::StatusOr<CommandResult> Organisation::Must(const Command& command) const {
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(command, absl::Seconds(30)));
  if (result.exit_code != 0) {
    return absl::InternalError(absl::StrCat(fs::path(command.program).filename().string(), " ",
                                            command.arguments.empty() ? "" : command.arguments[0], " failed (",
                                            result.exit_code, "): ", result.out, result.err));
  }
  return result;
}

absl::Status Organisation::Found(const Ports& preferred) {
  if (fs::exists(ConfigOf(Service::kKeyserver))) {
    return absl::AlreadyExistsError(absl::StrCat(folder(), " holds an organisation already"));
  }
  for (const char* part : {"", "/keyserver", "/delivery", "/admin", "/witness", "/administrator", "/people", "/secrets"}) {
    RETURN_IF_ERROR(MakeFolder(folder() + part));
  }
  RETURN_IF_ERROR(PickPorts(preferred));
  for (const Service service : kServices) {
    if (options_.controls) {
      log_controls_[service] = NewMarker();
      environment_controls_[service] = NewMarker();
    }
    RETURN_IF_ERROR(MakePassphrase(PassphraseOf(service)));
  }
  RETURN_IF_ERROR(MakePassphrase(AdministratorPassphrase()));
  return HoldCeremony();
}

absl::Status Organisation::FoundLike(const Organisation& other, const Ports& preferred) {
  std::error_code error;
  fs::copy(other.folder(), folder(), fs::copy_options::recursive, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot copy ", other.folder(), ": ", error.message()));
  RETURN_IF_ERROR(PickPorts(preferred));
  fingerprint_ = other.fingerprint_;
  administrator_code_ = other.administrator_code_;
  directory_log_key_ = other.directory_log_key_;
  witness_key_ = other.witness_key_;
  for (const Service service : kServices) RETURN_IF_ERROR(WriteConfiguration(service));
  return NameWitness();
}

absl::Status Organisation::Launch(Service service, const std::map<std::string, std::string>& environment) {
  Command command = {.program = Program(service == Service::kKeyserver  ? "plumbline-keyserver"
                                        : service == Service::kDelivery ? "plumbline-server"
                                        : service == Service::kAdmin    ? "plumbline-admin"
                                                                        : "plumbline-witness"),
                     .arguments = {"serve", "--config", ConfigOf(service)},
                     .environment = environment};
  if (service == Service::kKeyserver) command.environment.insert(options_.keyserver_environment.begin(), options_.keyserver_environment.end());
  if (const auto control = environment_controls_.find(service); control != environment_controls_.end()) {
    command.environment["ASSESS_CONTROL"] = control->second;
  }
  ASSIGN_OR_RETURN(children_[service], Child::Start(command, {.log_path = FolderOf(service) + "/output.log",
                                                              .detached = options_.detached}));
  return absl::OkStatus();
}

absl::Status Organisation::AwaitAnswer(Service service) {
  const std::vector<int> listeners = ListenersOf(service);
  PollUntil([&] { return !Running(service) || std::all_of(listeners.begin(), listeners.end(), PortAnswers); }, kStart);
  if (Running(service) && std::all_of(listeners.begin(), listeners.end(), PortAnswers)) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the ", Title(service), " did not start: ", Tail(FolderOf(service) + "/output.log"),
                                             Tail(LogOf(service))));
}

absl::Status Organisation::Start(Service service, const std::map<std::string, std::string>& environment) {
  RETURN_IF_ERROR(Launch(service, environment));
  return AwaitAnswer(service);
}

absl::Status Organisation::StartAll() {
  for (const Service service : kServices) RETURN_IF_ERROR(Launch(service, {}));
  for (const Service service : kServices) RETURN_IF_ERROR(AwaitAnswer(service));
  return absl::OkStatus();
}

void Organisation::Kill(Service service) {
  children_[service].Signal(SIGKILL);
  children_[service].Wait(absl::Seconds(10)).IgnoreError();
}

int Organisation::Stop(Service service) { return children_[service].Stop(absl::Seconds(10)); }

absl::StatusOr<CommandResult> Organisation::KeyserverTool(const std::vector<std::string>& arguments) {
  Command command = {.program = Program("plumbline-keyserver"), .arguments = arguments, .environment = options_.keyserver_environment};
  command.arguments.insert(command.arguments.end(), {"--config", ConfigOf(Service::kKeyserver)});
  return Must(command);
}

absl::StatusOr<CommandResult> Organisation::Administer(const std::vector<std::string>& arguments) {
  Command command = {.program = Program("plumbline-admin"),
                     .arguments = {"--home", AdministratorHome(), "--passphrase-file", AdministratorPassphrase(), "--json", "--yes"}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return RunCommand(command);
}

absl::Status Organisation::PrepareAdministrator() {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"setup", "--server", Address(ports_.admin), "--domain", kDomain, "--fingerprint", fingerprint_},
        std::vector<std::string>{"key", "create"}}) {
    ASSIGN_OR_RETURN(const CommandResult result, Administer(arguments));
    if (result.exit_code != 0) {
      return absl::InternalError(absl::StrCat("plumbline-admin ", arguments[0], " failed: ", result.out, result.err));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Person> Organisation::NewPerson(const std::string& account, const std::string& name) {
  Person person = {.account = account,
                   .name = name,
                   .home = absl::StrCat(ClientHome(), "/", account),
                   .passphrase_file = absl::StrCat(folder(), "/secrets/", account, ".passphrase")};
  RETURN_IF_ERROR(MakePassphrase(person.passphrase_file));
  return person;
}

absl::Status Organisation::CreateAccount(const Person& person) {
  ASSIGN_OR_RETURN(const CommandResult result,
                   Administer({"account", "create", person.account, "--name", person.name, "--proofing-level",
                               "seen in person", "--proofing-reference", "staff file 17", "--reason", "joins the team"}));
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the account of ", person.name, " was not created: ", result.out, result.err));
}

absl::StatusOr<std::string> Organisation::Invite(const Person& person, const std::string& life) {
  const std::string path = absl::StrCat(folder(), "/secrets/", person.account, ".", NewMarker().substr(0, 6), ".invitation");
  ASSIGN_OR_RETURN(const CommandResult result, Administer({"account", "invite", person.account, "--reason", "first device",
                                                           "--life", life, "--out", path}));
  if (result.exit_code != 0) {
    return absl::InternalError(absl::StrCat("no invitation for ", person.name, ": ", result.out, result.err));
  }
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<std::string> Organisation::ClientArguments(const Person& person, const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"--home", person.home, "--passphrase-file", person.passphrase_file};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

absl::StatusOr<CommandResult> Organisation::Client(const Person& person, const std::vector<std::string>& arguments,
                                                   const std::string& input, absl::Duration timeout) {
  return RunCommand({.program = Program("plumbline"), .arguments = ClientArguments(person, arguments),
                     .environment = options_.client_environment, .stdin_text = input}, timeout);
}

absl::StatusOr<Child> Organisation::StartClient(const Person& person, const std::vector<std::string>& arguments,
                                                const std::string& log_path, bool keep_stdin) {
  return Child::Start({.program = Program("plumbline"), .arguments = ClientArguments(person, arguments),
                       .environment = options_.client_environment},
                      {.log_path = log_path, .err_path = log_path + ".err", .keep_stdin = keep_stdin});
}

std::string Organisation::State() const {
  const nlohmann::ordered_json state = {{"format", "plumbline-sample-1"},
                                        {"fingerprint", fingerprint_},
                                        {"administrator_code", administrator_code_},
                                        {"keyserver_people", ports_.keyserver_people},
                                        {"keyserver_devices", ports_.keyserver_devices},
                                        {"keyserver_admin", ports_.keyserver_admin},
                                        {"delivery", ports_.delivery},
                                        {"delivery_published", ports_.delivery_published},
                                        {"admin", ports_.admin},
                                        {"revocation", ports_.revocation},
                                        {"witness", ports_.witness},
                                        {"directory_log_key", directory_log_key_},
                                        {"witness_key", witness_key_},
                                        {"pids", {}}};
  return state.dump(2) + "\n";
}

absl::Status Organisation::Restore(const std::string& state) {
  const nlohmann::json document = nlohmann::json::parse(state, nullptr, false);
  if (!document.is_object() || document.value("format", "") != "plumbline-sample-1") {
    return absl::InvalidArgumentError("this is not the state of a sample organisation");
  }
  fingerprint_ = document.value("fingerprint", "");
  administrator_code_ = document.value("administrator_code", "");
  ports_ = {.keyserver_people = document.value("keyserver_people", 0),
            .keyserver_devices = document.value("keyserver_devices", 0),
            .keyserver_admin = document.value("keyserver_admin", 0),
            .delivery = document.value("delivery", 0),
            .delivery_published = document.value("delivery_published", 0),
            .admin = document.value("admin", 0),
            .revocation = document.value("revocation", 0),
            .witness = document.value("witness", 0)};
  directory_log_key_ = document.value("directory_log_key", "");
  witness_key_ = document.value("witness_key", "");
  return absl::OkStatus();
}

}  // namespace plumbline::assess
