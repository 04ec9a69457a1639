// Backups of an organisation's services through their own programs.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/backup/key.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline::testing {

inline const char* ProgramOf(assess::Service service) {
  return service == assess::Service::kKeyserver  ? "plumbline-keyserver"
         : service == assess::Service::kDelivery ? "plumbline-server"
                                                 : "plumbline-admin";
}
inline std::string KeysFileOf(assess::Service service) {
  return service == assess::Service::kKeyserver ? "keys.sealed" : service == assess::Service::kDelivery ? "server.keys" : "admin.keys";
}
inline std::vector<std::string> DatabasesOf(assess::Service service) {
  if (service == assess::Service::kDelivery) return {"server.db", "attachments.db"};
  return {service == assess::Service::kKeyserver ? "keyserver.db" : "admin.db"};
}
inline std::vector<std::string> VerifyRecordOf(assess::Service service) {
  if (service == assess::Service::kKeyserver) return {"verify-audit"};
  return {service == assess::Service::kDelivery ? "audit" : "record", "verify"};
}
inline std::vector<std::string> ExportRecordTo(assess::Service service, const std::string& file) {
  if (service == assess::Service::kKeyserver) return {"export-audit", "--out", file};
  if (service == assess::Service::kDelivery) return {"audit", "export", "--out", file};
  return {"record", "export", "--to", file};
}

// The services of `organisation`, and a backup key kept elsewhere.
class BackedUp final {
 public:
  explicit BackedUp(assess::Organisation& organisation) : organisation_(organisation), elsewhere_(organisation.folder() + "/elsewhere") {
    std::filesystem::create_directory(elsewhere_);
    EnsureOk(assess::WriteFile(elsewhere_ + "/passphrase", "the backup key's passphrase\n"));
    EnsureOk(backup::MakeKey(Elsewhere("key"), Secret::CopyOf(AsBytes("the backup key's passphrase")), kCheap).status());
  }

  std::string Elsewhere(const std::string& name) const { return elsewhere_ + "/" + name; }
  std::string DataOf(assess::Service service) const { return organisation_.FolderOf(service) + "/data"; }

  // The service's program, with --config and --json. `config`: another than the organisation's.
  assess::CommandResult Tool(assess::Service service, std::vector<std::string> arguments, const std::string& config = "",
                             const std::map<std::string, std::string>& environment = {}) const {
    arguments.insert(arguments.end(), {"--config", config.empty() ? organisation_.ConfigOf(service) : config, "--json"});
    return ValueOf(assess::RunCommand({.program = organisation_.Program(ProgramOf(service)), .arguments = arguments,
                                       .environment = environment, .stdin_text = ""},
                                      absl::Seconds(60)));
  }
  assess::CommandResult Take(assess::Service service, const std::string& out, const std::map<std::string, std::string>& environment = {}) const {
    return Tool(service, {"backup", "--recipient", Elsewhere("key.pub"), "--out", out}, "", environment);
  }
  assess::CommandResult Restore(assess::Service service, const std::string& from, std::vector<std::string> more = {},
                                const std::string& config = "", const std::map<std::string, std::string>& environment = {}) const {
    const auto chosen = [](const std::string& option) { return option == "--abandon-unlock-keys" || option == "--later-audit"; };
    if (service == assess::Service::kKeyserver && std::none_of(more.begin(), more.end(), chosen)) more.push_back("--keep-unlock-keys");
    more.insert(more.begin(), {"restore", "--from", from, "--key", Elsewhere("key"), "--key-passphrase-file", Elsewhere("passphrase")});
    return Tool(service, more, config, environment);
  }
  assess::CommandResult Check(assess::Service service, const std::string& from) const { return Restore(service, from, {"--check"}); }

  // A configuration like the service's but for its data folder: another host.
  std::string ConfigWith(assess::Service service, const std::string& data_dir) const {
    std::string text = ValueOf(assess::ReadFile(organisation_.ConfigOf(service)));
    const std::string old = "data_dir: " + DataOf(service) + "\n";
    CHECK(text.find(old) != std::string::npos);
    text.replace(text.find(old), old.size(), "data_dir: " + data_dir + "\n");
    const std::string path = Elsewhere(absl::StrCat(ProgramOf(service), ".yaml"));
    EnsureOk(assess::WriteFile(path, text));
    return path;
  }
  // The machine with the service's data folder is lost.
  void Lose(assess::Service service) const {
    organisation_.Kill(service);
    const std::string lost = DataOf(service) + ".lost";
    std::filesystem::remove_all(lost);
    std::filesystem::rename(DataOf(service), lost);
  }

 private:
  assess::Organisation& organisation_;
  const std::string elsewhere_;
};

}  // namespace plumbline::testing
