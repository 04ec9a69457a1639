#include "assess/demo/sample.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "assess/demo/organisation.h"
#include "assess/demo/people.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

constexpr Ports kUsual = {.keyserver_people = 7441, .keyserver_devices = 7442, .keyserver_admin = 7443, .delivery = 7444, .admin = 7446, .revocation = 7445, .witness = 7450};

std::string Absolute(const std::string& path) {
  std::error_code error;
  return fs::absolute(path, error).lexically_normal();
}

std::string StatePath(const std::string& run) { return Absolute(run) + "/sample.json"; }

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "plumbline-assess: %s\n", std::string(status.message()).c_str());
  return 1;
}

// The services as an earlier process left them.
class Sample {
 public:
  explicit Sample(const SampleOptions& options)
      : organisation_({.bin = Absolute(options.bin), .folder = Absolute(options.run), .detached = true, .controls = false}) {
    const auto state = ReadFile(StatePath(options.run));
    if (!state.ok() || !organisation_.Restore(*state).ok()) return;
    found_ = true;
    const auto document = nlohmann::json::parse(*state, nullptr, false);
    for (size_t i = 0; i < std::size(kServices) && i < document["pids"].size(); ++i) {
      pids_[kServices[i]] = document["pids"][i].get<pid_t>();
    }
  }

  bool found() const { return found_; }
  Organisation& organisation() { return organisation_; }

  // A process id may have been given to another program since: the command line tells.
  bool Running(Service service) {
    if (organisation_.Running(service)) return true;
    const auto pid = pids_.find(service);
    if (pid == pids_.end() || pid->second <= 0) return false;
    const std::string command = ReadFile(absl::StrCat("/proc/", pid->second, "/cmdline")).value_or("");
    return absl::StrContains(command, organisation_.ConfigOf(service));
  }

  pid_t pid(Service service) {
    if (organisation_.Running(service)) return organisation_.pid(service);
    const auto pid = pids_.find(service);
    return pid == pids_.end() ? -1 : pid->second;
  }

  absl::Status Stop(Service service) {
    if (!Running(service)) return absl::OkStatus();
    kill(pid(service), SIGTERM);
    if (PollUntil([&] { return !Running(service); }, absl::Seconds(10))) return absl::OkStatus();
    kill(pid(service), SIGKILL);
    if (PollUntil([&] { return !Running(service); }, absl::Seconds(5))) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("the ", Title(service), " (process ", pid(service), ") does not end"));
  }

  // Starts what is not running. A service that is not ours on one of the ports is named.
  absl::Status StartAll() {
    for (const Service service : kServices) {
      if (Running(service)) continue;
      for (const int port : organisation_.ListenersOf(service)) {
        if (!PortAnswers(port)) continue;
        return absl::UnavailableError(absl::StrCat("another program answers on 127.0.0.1:", port, ", which the ", Title(service),
                                                   " of this sample uses. Stop that program, or take other ports with: ./dev reset "
                                                   "&& ./dev up"));
      }
      RETURN_IF_ERROR(organisation_.Start(service));
      std::printf("Started the %s.\n", std::string(Title(service)).c_str());
    }
    return absl::OkStatus();
  }

  absl::Status Save(const std::string& run) {
    std::string state = organisation_.State();
    auto document = nlohmann::ordered_json::parse(state);
    document["pids"] = nlohmann::json::array();
    for (const Service service : kServices) document["pids"].push_back(pid(service));
    return WriteFile(StatePath(run), document.dump(2) + "\n");
  }

 private:
  Organisation organisation_;
  bool found_ = false;
  std::map<Service, pid_t> pids_;
};

void SayPorts(const Ports& ports) {
  const auto say = [](const char* what, int usual, int got) {
    if (usual != got) std::printf("Port %d is busy; the %s uses %d instead.\n", usual, what, got);
  };
  say("key server (people)", kUsual.keyserver_people, ports.keyserver_people);
  say("key server (devices)", kUsual.keyserver_devices, ports.keyserver_devices);
  say("key server (admin service)", kUsual.keyserver_admin, ports.keyserver_admin);
  say("delivery server", kUsual.delivery, ports.delivery);
  say("admin service", kUsual.admin, ports.admin);
  say("delivery server (key server)", kUsual.revocation, ports.revocation);
  say("witness", kUsual.witness, ports.witness);
}

// Everything a founded organisation needs before somebody can type: an administrator, Alice and Bob.
absl::Status Populate(Organisation& organisation) {
  RETURN_IF_ERROR(organisation.PrepareAdministrator());
  ASSIGN_OR_RETURN(const CommandResult registered,
                   organisation.Administer({"register", "--name", "Sam", "--code", organisation.administrator_code()}));
  RETURN_IF_ERROR(StatusOf(registered));
  People people(organisation);
  for (const auto& [account, name] : {std::pair("alice", "Alice"), std::pair("bob", "Bob")}) {
    ASSIGN_OR_RETURN(const Person person, organisation.NewPerson(account, name));
    RETURN_IF_ERROR(organisation.CreateAccount(person));
    ASSIGN_OR_RETURN(const std::string invitation, organisation.Invite(person));
    RETURN_IF_ERROR(people.Enrol(person, invitation));
    std::printf("Enrolled %s.\n", name);
  }
  return absl::OkStatus();
}

std::string InvitationOfIvy(const Organisation& organisation) { return organisation.folder() + "/secrets/ivy.invitation"; }

// Ivy, whose client is of another make: an account and an invitation that waits for it. Once.
absl::Status AddIvy(Organisation& organisation) {
  if (fs::exists(InvitationOfIvy(organisation))) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Person ivy, organisation.NewPerson("ivy", "Ivy"));
  RETURN_IF_ERROR(organisation.CreateAccount(ivy));
  ASSIGN_OR_RETURN(const std::string invitation, organisation.Invite(ivy));
  return WriteFile(InvitationOfIvy(organisation), invitation + "\n");
}

std::string Quoted(const std::string& text) { return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'"); }

// `alice`, `bob` and `sam` as commands in the folder bin/: the client or tool with that person's folder and passphrase.
absl::Status WriteCommands(const Organisation& organisation, const std::string& interop) {
  const std::string folder = organisation.folder();
  std::error_code error;
  fs::create_directories(folder + "/bin", error);
  const auto write_line = [&](const std::string& name, const std::string& line) {
    const std::string path = absl::StrCat(folder, "/bin/", name);
    RETURN_IF_ERROR(WriteFile(path, absl::StrCat("#!/bin/sh\nexec ", line, " \"$@\"\n")));
    if (chmod(path.c_str(), 0700) != 0) return absl::UnavailableError(absl::StrCat("cannot make ", path, " executable"));
    return absl::OkStatus();
  };
  const auto write = [&](const std::string& name, const std::string& program, const std::string& home, const std::string& passphrase) {
    return write_line(name, absl::StrCat(Quoted(organisation.Program(program)), " --home ", Quoted(home), " --passphrase-file ", Quoted(passphrase)));
  };
  if (!interop.empty()) {
    const std::string home = folder + "/people/ivy", passphrase = folder + "/secrets/ivy.passphrase";
    const std::string port = organisation.Program("plumbline-interop-port");
    const std::string invitation = absl::StrCat("\"$(cat ", Quoted(InvitationOfIvy(organisation)), ")\"");
    RETURN_IF_ERROR(write_line("ivy", absl::StrCat("node ", Quoted(Absolute(interop)), " ", Quoted(port), " ", Quoted(home), " ", Quoted(passphrase), " ",
                                                   invitation, " --transcript ", Quoted(folder + "/ivy.transcript"))));
    RETURN_IF_ERROR(write_line("ivy-port", absl::StrCat(Quoted(port), " --home ", Quoted(home), " --passphrase-file ", Quoted(passphrase),
                                                        " --invitation ", invitation)));
  }
  for (const std::string name : {"alice", "bob"}) {
    RETURN_IF_ERROR(write(name, "plumbline", absl::StrCat(folder, "/people/", name), absl::StrCat(folder, "/secrets/", name, ".passphrase")));
  }
  return write("sam", "plumbline-admin", organisation.AdministratorHome(), organisation.AdministratorPassphrase());
}

void SayWhatNext(const Organisation& organisation, bool interop) {
  const Ports& ports = organisation.ports();
  const std::string folder = organisation.folder();
  std::printf("\nThe sample organisation %s is running.\n", kDomain);
  std::printf("  key server        127.0.0.1:%d for people, 127.0.0.1:%d for devices, 127.0.0.1:%d for the admin service\n",
              ports.keyserver_people, ports.keyserver_devices, ports.keyserver_admin);
  std::printf("  delivery server   127.0.0.1:%d for people, 127.0.0.1:%d for the key server\n", ports.delivery, ports.revocation);
  std::printf("  admin service     127.0.0.1:%d\n", ports.admin);
  std::printf("  witness           127.0.0.1:%d\n", ports.witness);
  std::printf("  fingerprint       %s\n", organisation.fingerprint().c_str());
  std::printf("  accounts          alice, bob; administrator Sam\n  folder            %s (passphrases in secrets/)\n", folder.c_str());
  std::printf("\nEach of them is a command in %s/bin:\n  export PATH=\"%s/bin:$PATH\"\n", folder.c_str(), folder.c_str());
  std::printf("\nTalk, in two terminals:\n  alice chat bob\n  bob chat alice\n\nBe the administrator:\n  sam account list\n  sam audit list\n");
  if (interop) {
    std::printf("\nAn MLS client of another make, in one terminal and alice in the other (docs/interop.md):\n  ivy\n  alice send ivy hello\n"
                "Its half of the services as JSON lines: ivy-port. What was said there: %s/ivy.transcript\n", folder.c_str());
  }
  std::printf("\nLater: ./dev status, ./dev down (keeps everything), ./dev up, ./dev reset (deletes it).\n");
}

}  // namespace

int Up(const SampleOptions& options) {
  Sample sample(options);
  absl::Status status;
  if (!sample.found()) {
    // Whatever is made here may be deleted as a whole later, so nothing else may be in the folder.
    std::error_code error;
    if (fs::exists(options.run, error) && !fs::is_empty(options.run, error)) {
      const bool half_made = fs::exists(sample.organisation().ConfigOf(Service::kKeyserver));
      return Complain(absl::FailedPreconditionError(
          absl::StrCat(options.run, half_made ? " holds a sample organisation that was only half made; delete it with: ./dev reset"
                                              : " is not empty; choose another folder")));
    }
    status = sample.organisation().Found(kUsual);
    if (status.ok()) SayPorts(sample.organisation().ports());
    if (status.ok()) status = sample.StartAll();
    if (status.ok()) status = Populate(sample.organisation());
    if (!status.ok()) {  // half an organisation is of no use to anybody
      for (const Service service : kServices) sample.Stop(service).IgnoreError();
      fs::remove_all(Absolute(options.run), error);
      return Complain(status);
    }
  } else {
    status = sample.StartAll();
  }
  if (status.ok() && !options.interop.empty()) status = AddIvy(sample.organisation());
  if (status.ok()) status = sample.Save(options.run);
  if (status.ok()) status = WriteCommands(sample.organisation(), options.interop);
  if (!status.ok()) return Complain(status);
  SayWhatNext(sample.organisation(), !options.interop.empty());
  return 0;
}

int Status(const SampleOptions& options) {
  Sample sample(options);
  if (!sample.found()) {
    std::printf("There is no sample organisation in %s. Make one with: ./dev up\n", options.run.c_str());
    return 1;
  }
  bool all = true;
  for (const Service service : kServices) {
    const bool running = sample.Running(service);
    all = all && running;
    std::string ports;
    for (const int port : sample.organisation().ListenersOf(service)) absl::StrAppend(&ports, " 127.0.0.1:", port);
    std::printf("%-16s %s%s\n", std::string(Title(service)).c_str(),
                running ? absl::StrCat("running, process ", sample.pid(service), ",").c_str() : "not running;", ports.c_str());
  }
  return all ? 0 : 1;
}

int Down(const SampleOptions& options, bool reset) {
  Sample sample(options);
  if (!sample.found()) {
    // What a founding that was interrupted left behind is ours too: it has the layout and no state yet.
    const bool unfinished = fs::exists(sample.organisation().ConfigOf(Service::kKeyserver));
    if (!unfinished || !reset) {
      std::printf("There is no sample organisation in %s.\n", options.run.c_str());
      return 0;
    }
  }
  for (const Service service : kServices) {
    if (const absl::Status status = sample.Stop(service); !status.ok()) return Complain(status);
  }
  std::printf("The services are stopped.\n");
  if (!reset) return 0;
  std::error_code error;
  fs::remove_all(Absolute(options.run), error);
  if (error) return Complain(absl::UnavailableError(absl::StrCat("cannot delete ", options.run, ": ", error.message())));
  std::printf("%s is deleted.\n", options.run.c_str());
  return 0;
}

}  // namespace plumbline::assess
