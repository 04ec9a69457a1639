#include "assess/demo/installation.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "assess/tools/processes.h"

namespace plumbline::assess {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string NameOf(const json& process) { return process.value("name", "?"); }

// The value of a line "setting: value"; "" if there is none.
std::string SettingIn(const std::string& config, const std::string& setting) {
  for (const absl::string_view line : absl::StrSplit(config, '\n')) {
    const std::string key = setting + ":";
    if (!absl::StartsWith(line, key)) continue;
    return absl::StrReplaceAll(absl::StripAsciiWhitespace(line.substr(key.size())), {{"\"", ""}});
  }
  return "";
}

// "audit/*" as a regular expression.
std::regex PatternOf(const std::string& path) {
  return std::regex(absl::StrReplaceAll(path, {{".", "\\."}, {"*", ".*"}, {"$", "\\$"}, {"{", "\\{"}, {"}", "\\}"}}));
}

// `path` is below the data folder.
bool IsDeclared(const json& process, std::string path) {
  for (const char* suffix : {"-wal", "-shm", ".lock"}) path = std::string(absl::StripSuffix(path, suffix));
  for (const json& database : process.value("database", json::array())) {
    if (database.value("file", "") == path) return true;
  }
  for (const json& file : process.value("file", json::array())) {
    if (std::regex_match(path, PatternOf(file.value("path", "")))) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CompareListeners(const json& process, const std::string& config, pid_t pid) {
  ASSIGN_OR_RETURN(const std::set<int> real, ListeningPorts(pid));
  std::vector<std::string> lines;
  std::set<int> declared;
  for (const json& listener : process.value("listener", json::array())) {
    const std::string setting = listener.value("setting", ""), address = SettingIn(config, setting);
    int port = 0;
    if (absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) {
      declared.insert(port);
      if (!real.contains(port)) lines.push_back(absl::StrCat(NameOf(process), ": ", setting, " is declared, and nothing listens on port ", port));
    } else if (!listener.value("optional", false)) {
      lines.push_back(absl::StrCat(NameOf(process), ": ", setting, " is declared, and the configuration has none"));
    }
  }
  for (const int port : real) {
    if (!declared.contains(port)) lines.push_back(absl::StrCat(NameOf(process), ": listens on port ", port, ", which is not declared"));
  }
  return lines;
}

std::vector<std::string> CompareFiles(const json& process, const std::string& data) {
  std::vector<std::string> lines;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(data, error)) {
    const std::string path = fs::relative(entry.path(), data).string();
    if (!entry.is_directory() && !IsDeclared(process, path)) lines.push_back(absl::StrCat(NameOf(process), ": keeps ", path, ", which is not declared"));
  }
  if (error) lines.push_back(absl::StrCat(data, ": ", error.message()));
  return lines;
}

absl::StatusOr<std::vector<std::string>> CompareOpenFiles(const json& process, const std::string& data, const std::string& log, pid_t pid) {
  ASSIGN_OR_RETURN(const std::set<std::string> open, OpenFiles(pid));
  std::vector<std::string> lines;
  for (const std::string& path : open) {
    const bool is_file = absl::StartsWith(path, "/") && !absl::StartsWith(path, "/dev/") && !absl::StartsWith(path, "/proc/") && !absl::StartsWith(path, "/memfd:");
    if (!is_file || path == log) continue;
    const std::string below = absl::StartsWith(path, data + "/") ? path.substr(data.size() + 1) : "";
    if (below.empty() || !IsDeclared(process, below)) lines.push_back(absl::StrCat(NameOf(process), ": has ", path, " open, which is not declared"));
  }
  return lines;
}

}  // namespace plumbline::assess
