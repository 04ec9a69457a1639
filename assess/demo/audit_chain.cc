#include "assess/demo/audit_chain.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/codec.h"

namespace plumbline::assess {
namespace {

using Json = nlohmann::json;

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t Number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<uint64_t>() : 0;
}

// struct { uint64 sequence; uint64 time_unix; opaque name<V>; opaque actor<V>; opaque subject<V>; uint8 outcome;
//          opaque reason<V>; Detail details<V>; } Record;   Detail: opaque name<V>; opaque value<V>, sorted by name
Bytes Canonical(const AuditEvent& event) {
  Writer details;
  for (const auto& [name, value] : event.details) details.Vector(AsBytes(name)).Vector(AsBytes(value));
  Writer out;
  out.U64(event.sequence).U64(event.time_unix).Vector(AsBytes(event.name)).Vector(AsBytes(event.actor));
  out.Vector(AsBytes(event.subject)).U8(event.outcome == "success" ? 1 : 2).Vector(AsBytes(event.reason));
  out.Vector(details.view());
  return out.TakeBytes();
}

}  // namespace

absl::StatusOr<std::vector<AuditEvent>> ParseAudit(const std::string& json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object() || !document.contains("events") || !document["events"].is_array()) {
    return absl::InvalidArgumentError("this is not an audit record");
  }
  std::vector<AuditEvent> events;
  for (const Json& each : document["events"]) {
    if (!each.is_object()) return absl::InvalidArgumentError("this is not an audit record");
    AuditEvent event = {.sequence = Number(each, "sequence"),
                        .time_unix = Number(each, "time_unix"),
                        .name = Text(each, "name"),
                        .actor = Text(each, "actor"),
                        .subject = Text(each, "subject"),
                        .outcome = Text(each, "outcome"),
                        .reason = Text(each, "reason")};
    event.previous_hash = ToBytes(AsBytes(absl::HexStringToBytes(Text(each, "previous_hash"))));
    event.hash = ToBytes(AsBytes(absl::HexStringToBytes(Text(each, "hash"))));
    if (each.contains("details") && each["details"].is_object()) {
      for (const auto& [name, value] : each["details"].items()) {
        if (value.is_string()) event.details[name] = value.get<std::string>();
      }
    }
    events.push_back(std::move(event));
  }
  return events;
}

absl::Status VerifyChain(const std::vector<AuditEvent>& events) {
  Bytes previous(32, 0);
  uint64_t sequence = 0;
  for (const AuditEvent& event : events) {
    ++sequence;
    if (event.sequence != sequence) return absl::DataLossError(absl::StrCat("record ", sequence, " is missing or moved"));
    if (event.previous_hash != previous) {
      return absl::DataLossError(absl::StrCat("record ", sequence, " does not follow the one before"));
    }
    const auto hash = Sha256(Concat({previous, Canonical(event)}));
    if (!Equal(hash, event.hash)) return absl::DataLossError(absl::StrCat("record ", sequence, " was changed"));
    previous = event.hash;
  }
  return absl::OkStatus();
}

std::string AuditText(const std::vector<AuditEvent>& events) {
  std::string text;
  for (const AuditEvent& event : events) {
    const std::string actor = event.actor.size() == 64 ? "key " + event.actor.substr(0, 8) : event.actor;
    absl::StrAppendFormat(&text, "%3d  %s  %-26s %-9s %s%s%s\n", event.sequence,
                          absl::FormatTime("%H:%M:%S", absl::FromUnixSeconds(static_cast<int64_t>(event.time_unix)),
                                           absl::UTCTimeZone()),
                          event.name, event.outcome, event.reason.empty() ? "" : event.reason + "  ",
                          actor.empty() ? "" : "by " + actor + "  ", event.subject.empty() ? "" : "about " + event.subject);
  }
  return text;
}

}  // namespace plumbline::assess
