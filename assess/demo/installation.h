// A running installation against the manifest that its services tell: where processes listen, what files they keep.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/status.h"

namespace plumbline::assess {

// `process`: one of a Manifest as JSON. A line for each port on which `pid` listens and that no listener of it has in `config` (YAML), and
// each that is missing. Codes of ListeningPorts.
absl::StatusOr<std::vector<std::string>> CompareListeners(const nlohmann::json& process, const std::string& config, pid_t pid);

// A line for each file below the data folder that is none of the process's, and each that it has open outside of its folders.
std::vector<std::string> CompareFiles(const nlohmann::json& process, const std::string& data);
absl::StatusOr<std::vector<std::string>> CompareOpenFiles(const nlohmann::json& process, const std::string& data, const std::string& log, pid_t pid);

}  // namespace plumbline::assess
