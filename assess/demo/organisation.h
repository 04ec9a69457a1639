// A whole organisation on this machine: three services and a witness as processes of their own, an administrator, people. Everything
// is made new in one folder; nothing in it is shared with any other installation. Drives the product's own programs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "assess/demo/search.h"
#include "assess/tools/child.h"
#include "common/status.h"

namespace plumbline::assess {

inline constexpr char kDomain[] = "example.org";

enum class Service { kKeyserver, kDelivery, kAdmin, kWitness };
// In the order in which they are started: the key server's first word needs its witness.
inline constexpr Service kServices[] = {Service::kWitness, Service::kKeyserver, Service::kDelivery, Service::kAdmin};

struct Ports {
  int keyserver_people = 0;   // anonymous listener
  int keyserver_devices = 0;  // mutual listener
  int keyserver_admin = 0;    // for the admin service alone
  int delivery = 0;
  int delivery_published = 0;  // what clients are told: the delivery server, or a relay before it
  int admin = 0;
  int revocation = 0;          // the delivery server's listener for the key server
  int witness = 0;
};

struct Person {
  std::string account;  // "alice.archer"
  std::string name;     // "Alice Archer"
  std::string home;     // the client's folder
  std::string passphrase_file;
};

struct AttachmentDatabase {
  std::string path;
  Secret key;  // 32 bytes
};

// Not thread-safe.
class Organisation final {
 public:
  struct Options {
    std::string bin;        // where the programs are
    std::string folder;     // absolute; made if it is not there
    bool detached = false;  // the services outlive this process
    bool controls = true;   // give each service markers for the search to find in its memory
    std::map<std::string, std::string> client_environment;  // for every run of a person's client
    std::string keyserver_section;                             // more of the key server's configuration
    std::map<std::string, std::string> keyserver_environment;  // for every run of it
  };
  explicit Organisation(Options options) : options_(std::move(options)) {}

  // Picks free ports (`preferred` where free), makes folders, passphrases and configurations, holds the ceremony: keys,
  // certificates, trust file. ALREADY_EXISTS if the folder holds an organisation.
  absl::Status Found(const Ports& preferred);
  // The same from a copy of another, whose services have never been started: with its keys, certificates, passphrases and
  // administrator, on ports of its own.
  absl::Status FoundLike(const Organisation& other, const Ports& preferred);

  // Starts a service and waits until it answers. `environment` is added. Errors carry the end of its log.
  absl::Status Start(Service service, const std::map<std::string, std::string>& environment = {});
  absl::Status StartAll();  // at the same time
  void Kill(Service service);  // SIGKILL
  int Stop(Service service);   // SIGTERM; the exit code
  bool Running(Service service) { return children_[service].Running(); }
  pid_t pid(Service service) const;

  // The administrator's tool and a person's client; exit codes are results. `input` goes to standard input.
  absl::StatusOr<CommandResult> Administer(const std::vector<std::string>& arguments);
  absl::StatusOr<CommandResult> Client(const Person& person, const std::vector<std::string>& arguments,
                                       const std::string& input = "", absl::Duration timeout = absl::Seconds(30));
  absl::StatusOr<Child> StartClient(const Person& person, const std::vector<std::string>& arguments,
                                    const std::string& log_path, bool keep_stdin);
  absl::StatusOr<CommandResult> KeyserverTool(const std::vector<std::string>& arguments);

  // Sets up the administrator's folder and key. Register is the step after.
  absl::Status PrepareAdministrator();
  // A folder and passphrase for a person who has none yet.
  absl::StatusOr<Person> NewPerson(const std::string& account, const std::string& name);
  // The invitation text from the administrator's signed decision.
  absl::Status CreateAccount(const Person& person);
  absl::StatusOr<std::string> Invite(const Person& person, const std::string& life = "24h");

  // What has to be known to go on with this organisation in a later process (JSON; secrets are in files of their own), and
  // back. INVALID_ARGUMENT for text that State() did not make.
  std::string State() const;
  absl::Status Restore(const std::string& state);
  std::string ConfigOf(Service service) const;
  std::vector<int> ListenersOf(Service service) const;
  std::string Program(const std::string& name) const { return options_.bin + "/" + name; }
  std::string AdministratorHome() const { return folder() + "/administrator"; }
  std::string AdministratorPassphrase() const { return folder() + "/secrets/administrator.passphrase"; }

  const Ports& ports() const { return ports_; }
  const std::string& folder() const { return options_.folder; }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::string& administrator_code() const { return administrator_code_; }
  const std::string& directory_log_key() const { return directory_log_key_; }
  std::string FolderOf(Service service) const;
  std::string LogOf(Service service) const;

  // The delivery server's second database, and its key.
  absl::StatusOr<AttachmentDatabase> Attachments();
  // For the search: opens the service's sealed keys with the passphrase made here.
  absl::StatusOr<SearchedService> Searched(Service service);

 private:
  std::string PassphraseOf(Service service) const;
  absl::Status OpenDatabaseKey(Service service);  // into database_keys_
  std::string ClientHome() const { return options_.folder + "/people"; }
  std::string Name(Service service) const;
  absl::Status Launch(Service service, const std::map<std::string, std::string>& environment);
  absl::Status AwaitAnswer(Service service);
  absl::Status PickPorts(const Ports& preferred);
  absl::Status WriteConfiguration(Service service) const;
  absl::Status HoldCeremony();
  absl::Status NameWitness();  // to the key server
  absl::Status MakePassphrase(const std::string& path) const;
  absl::StatusOr<CommandResult> Must(const Command& command) const;
  std::vector<std::string> ClientArguments(const Person& person, const std::vector<std::string>& arguments) const;

  const Options options_;
  Ports ports_;
  std::string fingerprint_;
  std::string administrator_code_;
  std::string directory_log_key_, witness_key_;
  std::map<Service, std::string> log_controls_;     // in the log's name, so in the configuration the service reads
  std::map<Service, std::string> environment_controls_;
  std::map<Service, Secret> database_keys_;  // unsealing takes most of a second
  std::map<Service, Child> children_;
};

absl::string_view Title(Service service);  // "key server"

}  // namespace plumbline::assess
