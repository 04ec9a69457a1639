#include "client/cli/notice.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/net/manifest_channel.h"
#include "client/notice.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "common/manifest/notice.h"
#include "common/manifest/running.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::client {
namespace {

using metadata::v1::Notice;
using metadata::v1::RunningManifest;
using nlohmann::json;

// Where a person can answer: what is asked goes to standard error, the answer comes from the terminal.
bool CanAsk(const Output& output) { return !output.json() && isatty(STDERR_FILENO) == 1; }

absl::Status AskForYes(const char* question) {
  std::fprintf(stderr, "%s Type yes: ", question);
  std::string answer;
  if (std::FILE* const terminal = std::fopen("/dev/tty", "re"); terminal != nullptr) {
    for (int c = std::fgetc(terminal); c != EOF && c != '\n'; c = std::fgetc(terminal)) answer.push_back(static_cast<char>(c));
    std::fclose(terminal);
  }
  if (absl::StripAsciiWhitespace(answer) == "yes") return absl::OkStatus();
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "notice_not_accepted", "nothing was done, and nothing was sent");
}

json Lines(const std::vector<std::string>& lines) {
  json out = json::array();
  for (const std::string& line : lines) out.push_back(Output::Safe(line));
  return out;
}

json ToJson(const Notice& notice) {
  json rows = json::array();
  for (const auto& row : notice.row()) {
    rows.push_back({{"id", Output::Safe(row.id())},
                    {"says", Output::Safe(row.says())},
                    {"purposes", Output::Safe(row.purposes())},
                    {"seen_by", Output::Safe(row.readers())},
                    {"kept", Output::Safe(row.kept())}});
  }
  return {{"version", manifest::VersionOf(notice)}, {"rows", rows}, {"remains", Lines({notice.remains().begin(), notice.remains().end()})}};
}

void Print(const std::vector<std::string>& lines, Output& output) {
  for (const std::string& line : lines) output.Line(Output::Safe(line));
}

std::string Day(absl::Time time) { return absl::FormatTime("%Y-%m-%d", time, absl::LocalTimeZone()); }

void ShowManifest(const RunningManifest& running, Output& output) {
  const std::vector<std::string> differences = manifest::Differences(running);
  const std::string signed_at = absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(running.made_unix()), absl::UTCTimeZone());
  json settings = json::object();
  for (const auto& setting : running.setting()) settings[Output::Safe(setting.name())] = Output::Safe(setting.value());
  std::string whole;
  google::protobuf::util::MessageToJsonString(running.manifest(), &whole).ok();
  json manifest = json::parse(whole, nullptr, /*allow_exceptions=*/false);
  output.Value({{"service", running.service()},
                {"release", Output::Safe(running.release())},
                {"digest", manifest::ShortDigest(running)},
                {"signed", signed_at},
                {"settings", settings},
                {"differences", Lines(differences)},
                {"manifest", manifest}});
  output.Line(absl::StrCat(running.service(), ", release ", Output::Safe(running.release()), ", manifest ", manifest::ShortDigest(running),
                           ", signed ", signed_at));
  for (const auto& setting : running.setting()) output.Line(absl::StrCat("  ", Output::Safe(setting.name()), ": ", Output::Safe(setting.value())));
  output.Line(absl::StrCat("  ", running.manifest().field_size(), " fields, ", running.manifest().process_size(), " programs, ",
                           running.manifest().datum_size(), " kinds of data; --json prints them"));
  output.Line(differences.empty() ? "  As this client knows it." : "  Otherwise than this client knows it:");
  for (const std::string& each : differences) output.Line(absl::StrCat("  - ", Output::Safe(each)));
}

// What there is to agree to: the services' newest word.
const Notice& Current(const KnownNotice& known) { return known.offered ? *known.offered : known.accepted; }

void ShowChanges(const KnownNotice& known, Output& output) {
  if (!known.offered) return;
  output.Line("");
  output.Line(absl::StrCat("Changed since you agreed to version ", manifest::VersionOf(known.accepted), " on ", Day(known.accepted_at), ":"));
  for (const std::string& line : manifest::Changes(known.accepted, *known.offered)) output.Line(absl::StrCat("- ", Output::Safe(line)));
}

}  // namespace

absl::StatusOr<std::vector<RunningManifest>> FetchManifests(const Session& session) {
  RETURN_IF_ERROR(rpc::PinTls13());
  const Self& self = session.self();
  std::vector<RunningManifest> told;
  for (const auto& [address, service] : {std::pair(self.account().keyserver_address, identity::Service::kKeyserver),
                                         std::pair(self.account().delivery_address, identity::Service::kDelivery)}) {
    ASSIGN_OR_RETURN(told.emplace_back(), FetchManifest(address, {self.domain(), service}, self.root(), self.issuers(), session.clock()));
  }
  return told;
}

absl::Status AgreeBefore(const Options& options, const identity::Invitation& invitation, const crypto::Certificate& root, const Clock& clock,
                         Output& output, Notice& agreed) {
  ASSIGN_OR_RETURN(const std::vector<RunningManifest> told, FetchManifestsBefore(invitation.keyserver_address, invitation.domain, root, clock));
  agreed = manifest::MakeNotice(told);
  if (options.accept_notice) {
    output.Line(absl::StrCat("Agreed to the privacy notice, version ", manifest::VersionOf(agreed), " (`plumbline notice` shows it)."));
    return absl::OkStatus();
  }
  if (!CanAsk(output)) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "notice_not_accepted",
                            "enrolling means agreeing to what the services do with data about you; give --accept-notice, or enrol at a terminal to be shown it");
  }
  Print(manifest::NoticeLines(agreed), output);
  return AskForYes("Do you agree?");
}

absl::Status RequireNotice(Session& session, Output& output) {
  NoticeStore notices(session.store());
  ASSIGN_OR_RETURN(const std::optional<KnownNotice> known, notices.Get());
  absl::Status status = CheckNotice(known);
  if (status.ok() || !known || !CanAsk(output)) return status;
  ShowChanges(*known, output);
  RETURN_IF_ERROR(AskForYes("Do you agree to that?"));
  return notices.Accept(*known->offered, session.clock().Now());
}

absl::Status NoticeCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  NoticeStore notices(session->store());
  const absl::StatusOr<std::vector<RunningManifest>> told = FetchManifests(*session);
  if (options.whole_manifest) {
    RETURN_IF_ERROR(told.status());
    for (const RunningManifest& each : *told) ShowManifest(each, output);
    return absl::OkStatus();
  }
  if (told.ok()) RETURN_IF_ERROR(notices.Offer(manifest::MakeNotice(*told), session->clock().Now()));
  ASSIGN_OR_RETURN(std::optional<KnownNotice> known, notices.Get());
  if (!told.ok() && (!known || !absl::IsUnavailable(told.status()))) return told.status();
  if (!told.ok()) output.Aside(absl::StrCat("The services cannot be asked now (", identity::TextOf(told.status()), "); this is what they said last."));
  const Notice current = known ? Current(*known) : manifest::MakeNotice(*told);
  const bool agreed = known && !known->offered;
  if (options.accept_notice && !agreed) RETURN_IF_ERROR(notices.Accept(current, session->clock().Now()));
  json value = ToJson(current);
  value["accepted"] = agreed || options.accept_notice;
  value["accepted_version"] = known ? manifest::VersionOf(known->accepted) : "";
  if (options.accept_notice) value["accepted_version"] = manifest::VersionOf(current);
  value["changes"] = known && known->offered ? Lines(manifest::Changes(known->accepted, *known->offered)) : json::array();
  output.Value(value);
  Print(manifest::NoticeLines(current), output);
  if (known) ShowChanges(*known, output);
  output.Line("");
  output.Line(value["accepted"] ? "You agreed to this." : "You have not agreed to this: `plumbline notice --accept` does. Until then nothing new is sent.");
  return absl::OkStatus();
}

}  // namespace plumbline::client
