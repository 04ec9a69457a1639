// What the programs print about backups: for people, and as one JSON object for machines. One form for all services.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/backup/manifest.h"

namespace plumbline::backup {

struct Report {
  std::string text;
  nlohmann::json object;
};

// {"key": <path>, "recipient": ...}
Report KeyReport(const std::string& path, const std::string& recipient);
// {"written": <path>, "service", "domain", "time": "2026-11-26T03:00:00Z", "logs": [{"origin", "size", "root"}], "files": [{"name",
// "size"}]}
Report TakenReport(const std::string& path, const Manifest& manifest);
// The same with "whole": true and "restored" in place of "written": the folder, or null where it was only read (empty `data_dir`).
Report RestoredReport(const std::string& data_dir, const Manifest& manifest);

// One line of JSON, or the text. Without the last newline.
std::string Format(const Report& report, bool json);

}  // namespace plumbline::backup
