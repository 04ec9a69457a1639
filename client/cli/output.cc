#include "client/cli/output.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/files/file_reference.h"
#include "client/resemblance.h"
#include "client/terminal_text.h"
#include "common/identity/display_name.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/retry.h"

namespace plumbline::client {
namespace {

using Json = nlohmann::json;

const char* KindName(EntryKind kind) {
  switch (kind) {
    case EntryKind::kMessage: return "message";
    case EntryKind::kGap: return "gap";
    case EntryKind::kNotice: return "notice";
    case EntryKind::kControl: return "control";
  }
  return "notice";
}

const char* StateName(EntryState state) {
  switch (state) {
    case EntryState::kNew: return "new";
    case EntryState::kShown: return "shown";
    case EntryState::kWaiting: return "waiting";
    case EntryState::kQueued: return "queued";
    case EntryState::kSent: return "sent";
    case EntryState::kFailed: return "failed";
  }
  return "new";
}

const char* VerificationName(Verification verification) {
  switch (verification) {
    case Verification::kNever: return "never";
    case Verification::kVerified: return "verified";
    case Verification::kChanged: return "changed";
  }
  return "never";
}

absl::string_view BodyText(const Entry& entry) {
  return absl::string_view(reinterpret_cast<const char*>(entry.body.data()), entry.body.size());
}

// What a person reads of a message that carries a file: never its key.
std::string FileText(const Entry& entry, const absl::StatusOr<FileReference>& file, absl::string_view day) {
  if (!file.ok()) return "[a file whose description this version cannot read; ask for it again]";
  return absl::StrCat("[file ", entry.id, ": ", SafeFileName(file->name), ", ", FileSizeText(file->shape.size),
                      "; `plumbline save ", entry.id, "` until ", day, "]");
}

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

bool Misleads(const identity::DirectoryRecord& record) { return !identity::CheckDisplayName(record.display_name).ok(); }

Json LookalikesJson(const PersonView& person) {
  Json list = Json::array();
  for (const identity::Lookalike& other : person.looks_like) list.push_back({{"user", other.user}, {"why", LikenessName(other.why)}});
  return list;
}

std::string Day(uint32_t days) {
  return absl::FormatTime("%Y-%m-%d", absl::UnixEpoch() + absl::Hours(24) * days, absl::UTCTimeZone());
}

}  // namespace

void Output::SetSelf(const std::string& user, const std::string& domain, const std::string& organisation) {
  user_ = user;
  domain_ = domain;
  organisation_ = organisation;
}

std::string Output::Name(absl::string_view conversation) const {
  if (IsGroupKey(conversation) && group_name_) return Safe(group_name_(conversation));
  return Safe(ShortName(conversation, domain_));
}

std::string Output::Safe(absl::string_view text) { return ForTerminal(text, /*multiline=*/false); }

void Output::Value(const Json& value) {
  if (!json_) return;
  const std::string line = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void Output::Line(const std::string& text) {
  if (json_) return;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void Output::Aside(const std::string& text) {
  if (json_) return;
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Output::Unproved(uint32_t attempts) {
  if (attempts == 0) return;
  Value({{"unproved_attempts", attempts}});
  Aside(absl::StrCat("Since this device was last opened, ", attempts, attempts == 1 ? " attempt" : " attempts",
                     " to open it did not come to an end: a passphrase mistyped, a command cut off, or somebody else's. If it was not you, "
                     "tell your administrator."));
}

void Output::CredentialEnds(absl::Time end, absl::Time now) {
  const std::string when = absl::FormatTime("%Y-%m-%d", end, absl::UTCTimeZone());
  const std::string text = absl::StrCat(
      "This device's credential ", end < now ? "ended on " : "ends on ", when, ", and renewing it has failed until now. ",
      end < now ? "Until it is renewed nobody can bring this device into a conversation"
                : "It renews by itself as long as the key server can be reached; after that day nobody could bring this device into a conversation",
      ". Stay online for a few minutes with `plumbline listen`; if this warning comes again, tell your administrator.");
  Value({{"kind", "warning"}, {"reason", "credential_ends"}, {"ends", when}, {"text", text}});
  Aside(text);
}

Json Output::EntryJson(const client::Entry& entry) const {
  Json value = {{"kind", KindName(entry.kind)},
                {"id", entry.id},
                {"time", absl::FormatTime(absl::RFC3339_sec, entry.time, absl::UTCTimeZone())},
                {"conversation", entry.conversation},
                {"text", ForTerminal(BodyText(entry), /*multiline=*/true)},
                {"state", StateName(entry.state)}};
  if (!entry.sender.empty()) {
    value["from"] = entry.sender;
    value["device"] = ToHex(entry.device_id);
  }
  if (entry.kind == EntryKind::kMessage && entry.media_type == kFileMediaType) {
    const absl::StatusOr<FileReference> file = ParseFileReference(entry.body);
    value["text"] = FileText(entry, file, file.ok() ? Day(file->expires_day) : "");
    if (file.ok()) {
      value["file"] = {{"name", Safe(file->name)},
                       {"saved_as", SafeFileName(file->name)},
                       {"size", file->shape.size},
                       {"media_type", Safe(file->media_type)},
                       {"until", Day(file->expires_day)}};
    }
  }
  if (entry.kind == EntryKind::kMessage) {
    value["outgoing"] = entry.sender == user_;
    value["media_type"] = Safe(entry.media_type);
  } else {
    value["reason"] = entry.detail;
  }
  return value;
}

void Output::Entry(const client::Entry& entry) {
  if (json_) return Value(EntryJson(entry));
  const std::string time = absl::FormatTime("%Y-%m-%d %H:%M", entry.time, absl::LocalTimeZone());
  const std::string text = ForTerminal(BodyText(entry), /*multiline=*/true);
  const std::string where = IsGroupKey(entry.conversation) ? absl::StrCat(Name(entry.conversation), ": ") : "";
  if (entry.kind == EntryKind::kNotice) return Line(absl::StrCat(time, "  -- ", where, text));
  if (entry.kind == EntryKind::kGap) return Line(absl::StrCat(time, "  !! ", where, text));
  const bool own = entry.sender == user_;
  std::string who = own ? absl::StrCat("me to ", Name(entry.conversation)) : Name(entry.sender);
  if (!own && IsGroupKey(entry.conversation)) absl::StrAppend(&who, " in ", Name(entry.conversation));
  if (own && entry.state != EntryState::kSent) absl::StrAppend(&who, " (", StateName(entry.state), ")");
  if (entry.media_type == kFileMediaType) {
    const absl::StatusOr<FileReference> file = ParseFileReference(entry.body);
    return Line(absl::StrCat(time, "  ", who, ": ", FileText(entry, file, file.ok() ? Day(file->expires_day) : "")));
  }
  if (entry.media_type != identity::kTextMediaType) {
    return Line(absl::StrCat(time, "  ", who, ": [", Safe(entry.media_type), ", which this version does not show]"));
  }
  Line(absl::StrCat(time, "  ", who, ": ", text));
}

Json Output::PersonJson(const PersonView& person) const {
  Json devices = Json::array();
  for (const identity::RecordDevice& device : person.contact.parsed.devices) {
    devices.push_back({{"device", ToHex(device.device_id)},
                       {"label", Safe(device.label)},
                       {"enrolled", Day(device.enrolled_day)}});
  }
  return {{"user", person.contact.user},
          {"display_name", Safe(person.contact.parsed.display_name)},
          {"display_name_misleads", Misleads(person.contact.parsed)},
          {"identity_checked", Safe(person.contact.parsed.proofing_level)},
          {"organisation", OrganisationJson(person.contact.user)},
          {"looks_like", LookalikesJson(person)},
          {"devices", devices},
          {"first_time", person.first_time},
          {"devices_changed", person.devices_changed},
          {"verification", VerificationName(person.verification)}};
}

std::string Output::Who(const identity::DirectoryRecord& record) const {
  const absl::StatusOr<identity::UserUri> uri = identity::ParseUserUri(record.user);
  const std::string domain = uri.ok() ? uri->domain : "";
  return absl::StrCat(Misleads(record) ? "whose display name mixes letters that look alike and is not shown" : Safe(record.display_name),
                      domain == domain_ ? absl::StrCat(" of ", Safe(organisation_), " (", domain, ")")
                                        : absl::StrCat(", OUTSIDE your organisation: of ", domain),
                      record.proofing_level.empty() ? "" : absl::StrCat(", identity checked: ", Safe(record.proofing_level)));
}

Json Output::OrganisationJson(absl::string_view user) const {
  const absl::StatusOr<identity::UserUri> uri = identity::ParseUserUri(user);
  const std::string domain = uri.ok() ? uri->domain : "";
  Json value = {{"domain", domain}, {"own", domain == domain_}};
  if (domain == domain_) value["display_name"] = Safe(organisation_);
  return value;
}

void Output::Lookalikes(const PersonView& person) {
  if (!person.looks_like.empty()) {
    Value({{"kind", "warning"}, {"reason", "looks_like"}, {"user", person.contact.user}, {"looks_like", LookalikesJson(person)}});
  }
  for (const identity::Lookalike& other : person.looks_like) {
    Aside(DescribeResemblance(person.contact.user, other, Reader{user_, domain_}));
  }
}

void Output::Person(const PersonView& person) {
  if (person.first_time) Lookalikes(person);
  if (json_ || (!person.first_time && !person.devices_changed)) return;
  const std::string name = Name(person.contact.user);
  Aside(absl::StrCat(person.first_time ? "New: " : "CHANGED: the devices of ", name, person.first_time ? "" : " are now",
                     person.first_time ? absl::StrCat(", ", Who(person.contact.parsed), ", has") : "", ":"));
  for (const identity::RecordDevice& device : person.contact.parsed.devices) {
    Aside(absl::StrCat("  ", Safe(device.label), "  ", ToHex(device.device_id).substr(0, 8), "  since ",
                       Day(device.enrolled_day)));
  }
  if (person.verification != Verification::kVerified) {
    Aside(absl::StrCat("Not verified", person.verification == Verification::kChanged ? " any more" : "",
                       ": compare codes with `plumbline verify ", name, "`."));
  }
}

int Output::Failure(const absl::Status& failure) {
  absl::Status status = failure;
  if (absl::IsDataLoss(failure) && identity::ReasonOf(failure) != "store_damaged") {
    status = identity::Refuse(failure.code(), "store_damaged",
                              absl::StrCat("the store is damaged (", failure.message(), "); restore the folder from a copy, or "
                                           "enrol this device again in another folder"));
  }
  const std::string reason = identity::ReasonOf(status);
  const std::string text = ForTerminal(identity::TextOf(status), /*multiline=*/false);
  if (json_) {
    Value({{"error", {{"reason", reason.empty() ? "unexpected" : reason}, {"message", text}, {"code", CodeName(status.code())}}}});
  } else {
    std::fprintf(stderr, "plumbline: %s%s\n", text.c_str(), reason.empty() ? "" : absl::StrCat(" [", reason, "]").c_str());
  }
  const bool again = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || RetryAfter(status).has_value();
  return again ? kExitTryAgain : kExitRefused;
}

}  // namespace plumbline::client
