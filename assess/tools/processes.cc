#include "assess/tools/processes.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace plumbline::assess {

namespace fs = std::filesystem;

absl::StatusOr<std::set<std::string>> OpenFiles(pid_t pid) {
  std::error_code error;
  fs::directory_iterator entries(absl::StrCat("/proc/", pid, "/fd"), error);
  if (error == std::errc::permission_denied) return absl::PermissionDeniedError("the descriptors of another process can be read by root alone");
  if (error) return absl::NotFoundError(absl::StrCat("no process ", pid));
  std::set<std::string> out;
  for (const auto& entry : entries) {
    const std::string number = entry.path().filename().string();
    const fs::path target = fs::read_symlink(entry.path(), error);
    const bool standard = number == "0" || number == "1" || number == "2";
    if (!error && !standard) out.insert(target.string());
  }
  return out;
}

absl::StatusOr<std::set<int>> ListeningPorts(pid_t pid) {
  ASSIGN_OR_RETURN(const std::set<std::string> open, OpenFiles(pid));
  constexpr char kListening[] = "0A";
  std::set<int> ports;
  for (const char* table : {"tcp", "tcp6"}) {
    std::ifstream file(absl::StrCat("/proc/", pid, "/net/", table));
    for (std::string line; std::getline(file, line);) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      if (state == kListening && open.contains(absl::StrCat("socket:[", inode, "]"))) ports.insert(std::stoi(local.substr(local.rfind(':') + 1), nullptr, 16));
    }
  }
  return ports;
}

}  // namespace plumbline::assess
