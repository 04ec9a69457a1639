#include "common/backup/report.h"

#include "absl/strings/str_cat.h"

namespace plumbline::backup {
namespace {

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

nlohmann::json ObjectOf(const Manifest& manifest) {
  nlohmann::json logs = nlohmann::json::array(), files = nlohmann::json::array();
  for (const LogState& log : manifest.logs) logs.push_back({{"origin", log.origin}, {"size", log.size}, {"root", ToHex(log.root)}});
  for (const File& file : manifest.files) files.push_back({{"name", file.name}, {"size", file.size}});
  return {{"service", std::string(identity::ServiceName(manifest.service))},
          {"domain", manifest.domain},
          {"time", TimeText(manifest.time)},
          {"logs", logs},
          {"files", files}};
}

std::string TextOf(const Manifest& manifest) {
  std::string text = absl::StrCat("Service ", identity::ServiceName(manifest.service), " of ", manifest.domain, " as it was at ",
                                  TimeText(manifest.time), ".");
  for (const LogState& log : manifest.logs) absl::StrAppend(&text, "\n  ", log.origin, ": ", log.size, " entries, root ", ToHex(log.root));
  for (const File& file : manifest.files) absl::StrAppend(&text, "\n  ", file.name, ": ", file.size, " bytes");
  return text;
}

}  // namespace

Report KeyReport(const std::string& path, const std::string& recipient) {
  return {absl::StrCat("Recipient, also in ", path, ".pub, which stays with the service:\n  ", recipient, "\nMove ", path,
                       " and its passphrase to another place: only a restore needs them, and without them no backup can be read."),
          {{"key", path}, {"recipient", recipient}}};
}

Report TakenReport(const std::string& path, const Manifest& manifest) {
  Report report{absl::StrCat("Written to ", path, "\n", TextOf(manifest)), ObjectOf(manifest)};
  report.object["written"] = path;
  return report;
}

Report RestoredReport(const std::string& data_dir, const Manifest& manifest) {
  Report report{absl::StrCat("The backup is whole, and its logs are signed.\n", TextOf(manifest)), ObjectOf(manifest)};
  report.object["whole"] = true;
  report.object["restored"] = nullptr;
  if (data_dir.empty()) return report;
  report.object["restored"] = data_dir;
  absl::StrAppend(&report.text, "\nRestored to ", data_dir, ". Make sure that the service runs nowhere else, then start it.");
  return report;
}

std::string Format(const Report& report, bool json) {
  return json ? report.object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) : report.text;
}

}  // namespace plumbline::backup
