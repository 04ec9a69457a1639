#include "admin/console/output.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/identity/codes.h"
#include "common/identity/reason.h"
#include "nlohmann/json.hpp"

namespace plumbline::admin {
namespace {

using Json = nlohmann::ordered_json;
using keys::v1::AccountView;
using keys::v1::DeviceView;

// Bytes that are not UTF-8 are replaced, never thrown on.
std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string Hex(const std::string& bytes) { return ToHex(AsBytes(bytes)); }

// Characters as a terminal shows them, roughly: bytes that do not continue a UTF-8 sequence.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

Json RevocationOf(const keys::v1::RevocationView& revocation) {
  return {{"delivery", revocation.delivery()}, {"confirmed", revocation.confirmed()}, {"pending", revocation.pending()}};
}

Json ToJson(const AccountView& account) {
  Json devices = Json::array();
  for (const DeviceView& device : account.devices()) {
    devices.push_back({{"device_id", Hex(device.device_id())},
                       {"label", device.label()},
                       {"enrolled_day", device.enrolled_day()}});
  }
  Json json = {{"user", account.user()},     {"display_name", account.display_name()},
               {"status", account.status()}, {"proofing", account.proofing()},
               {"devices", devices},         {"state_hash", Hex(account.state_hash())}};
  for (const keys::v1::WaitingActivation& waiting : account.waiting()) {
    json["waiting"].push_back({{"label", waiting.request().device_label()}, {"asked_unix", waiting.asked_unix()},
                               {"expires_unix", waiting.expires_unix()}});
  }
  if (account.has_revocation()) {
    json["revocation"] = RevocationOf(account.revocation());
  }
  return json;
}

// What the delivery server has done about the devices that may no longer act.
std::string RevocationLine(const keys::v1::RevocationView& revocation) {
  if (revocation.delivery() == "confirmed") return "mailboxes are closed: the delivery server has confirmed";
  const std::string open = absl::StrCat(revocation.pending(), " of ", revocation.pending() + revocation.confirmed());
  if (revocation.delivery() == "pending") {
    return absl::StrCat("PENDING: the delivery server has not confirmed ", open,
                        "; the key server goes on trying, look again with `account show`");
  }
  return absl::StrCat("NOT SENT, ", open, ": the key server's configuration names no delivery server (revocation); mailboxes "
                      "stay open until their grants end");
}

std::string DeviceLine(const DeviceView& device) {
  return absl::StrCat(Printable(device.label()), " (", Hex(device.device_id()).substr(0, 8), ", since ",
                      Printable(device.enrolled_day()), ")");
}

// Names and ids are long; eight digits tell people which is which, --json has them whole.
std::string ShortParty(const std::string& party) {
  const bool is_key = party.size() == 64 && party.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_key ? absl::StrCat("key ", party.substr(0, 8)) : Printable(party);
}

std::string DetailsLine(const plumbline::audit::v1::Event& event) {
  const std::map<std::string, std::string> sorted(event.details().begin(), event.details().end());
  std::vector<std::string> parts;
  for (const auto& [name, value] : sorted) {
    parts.push_back(
        absl::StrCat(Printable(name), "=", Printable(value.size() == 64 ? value.substr(0, 8) : value)));
  }
  return absl::StrJoin(parts, " ");
}

}  // namespace

std::string Table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> all{header};
  all.insert(all.end(), rows.begin(), rows.end());
  std::vector<size_t> widths(header.size());
  for (const auto& row : all) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : all) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      absl::StrAppend(&line, row[i], std::string(widths[i] - Width(row[i]) + 2, ' '));
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string AccountText(const AccountView& account) {
  std::vector<DescribedField> fields{{"person", account.user()},
                                     {"display name", account.display_name()},
                                     {"status", account.status()},
                                     {"identity", account.proofing()}};
  for (const DeviceView& device : account.devices()) fields.push_back({"device", DeviceLine(device)});
  if (account.devices().empty()) fields.push_back({"devices", "none"});
  // Not the code: it has to come from the other screen.
  for (const keys::v1::WaitingActivation& waiting : account.waiting()) {
    fields.push_back({"waiting", absl::StrCat(Printable(waiting.request().device_label()), ", asked ",
                                              ShowTime(static_cast<uint64_t>(waiting.asked_unix())),
                                              ": `device activate` with the code that its screen shows")});
  }
  if (account.has_revocation()) fields.push_back({"revocation", RevocationLine(account.revocation())});
  return ToText(fields);
}

std::string AccountJson(const AccountView& account) { return Dump(ToJson(account)); }

std::string AccountsText(const keys::v1::AccountList& accounts) {
  if (accounts.accounts().empty()) return "No accounts yet.\n";
  std::vector<std::vector<std::string>> rows;
  for (const AccountView& account : accounts.accounts()) {
    rows.push_back({Printable(account.user()), Printable(account.display_name()), Printable(account.status()),
                    absl::StrCat(account.devices().size())});
  }
  return Table({"PERSON", "NAME", "STATUS", "DEVICES"}, rows);
}

std::string AccountsJson(const keys::v1::AccountList& accounts) {
  Json list = Json::array();
  for (const AccountView& account : accounts.accounts()) list.push_back(ToJson(account));
  return Dump({{"accounts", list}});
}

std::string AuditText(const plumbline::audit::v1::AuditPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const plumbline::audit::v1::Event& event : page.events()) {
    rows.push_back({absl::StrCat(event.sequence()),
                    ShowTime(static_cast<uint64_t>(event.time_unix())).substr(0, 19), Printable(event.name()),
                    ShortParty(event.actor()), ShortParty(event.subject()),
                    event.outcome() == "refused" ? absl::StrCat("refused: ", Printable(event.reason()))
                                                 : Printable(event.outcome()),
                    DetailsLine(event)});
  }
  const std::string verdict = page.intact()
                                  ? "The service recomputed its whole record just now: it is unbroken.\n"
                                  : "THE SERVICE DID NOT CONFIRM THAT ITS RECORD IS UNBROKEN.\n";
  if (rows.empty()) return "No records after that number.\n" + verdict;
  return Table({"NUMBER", "TIME (UTC)", "EVENT", "BY", "ABOUT", "OUTCOME", "DETAILS"}, rows) + verdict;
}

std::string AuditJson(const plumbline::audit::v1::AuditPage& page, const std::string& log) {
  Json events = Json::array();
  for (const plumbline::audit::v1::Event& event : page.events()) {
    const std::map<std::string, std::string> details(event.details().begin(), event.details().end());
    events.push_back({{"sequence", event.sequence()},
                      {"time_unix", event.time_unix()},
                      {"name", event.name()},
                      {"actor", event.actor()},
                      {"subject", event.subject()},
                      {"outcome", event.outcome()},
                      {"reason", event.reason()},
                      {"details", details},
                      {"signature", Hex(event.signature())}});
  }
  return Dump(
      {{"events", events}, {"intact", page.intact()}, {"checkpoint", page.checkpoint()}, {"audit_key", log}});
}

std::string VerifiedText(const tlog::Checkpoint& checkpoint, const std::string& log) {
  return absl::StrCat("The record is whole: every event was recomputed and is what its log signed.\n",
                      ToText({{"events", absl::StrCat(checkpoint.size)},
                              {"root", ToHex(checkpoint.root)},
                              {"log", checkpoint.origin},
                              {"verifier key", log}}));
}

std::string VerifiedJson(const tlog::Checkpoint& checkpoint, const std::string& log) {
  return Dump({{"whole", true},
               {"events", checkpoint.size},
               {"root", ToHex(checkpoint.root)},
               {"log", checkpoint.origin},
               {"audit_key", log}});
}

std::string InvitationText(const MadeInvitation& invitation) {
  return absl::StrCat(
      "Give this to the person over a channel you trust; whoever has it first can ",
      invitation.invitation.by_device ? "ask to join as them. The device shows a code then: compare it with the person present, and give "
                                        "`plumbline-admin device activate` with it.\n\n"
                                      : "join as them.\n\n",
      invitation.text, "\n\n",
      ToText({{"for", invitation.invitation.user},
              {"one-time code", identity::FormatCode(invitation.invitation.code)},
              {"valid until", ShowTime(invitation.invitation.expires_unix)}}));
}

std::string InvitationJson(const MadeInvitation& invitation) {
  return Dump({{"user", invitation.invitation.user},
               {"invitation", invitation.text},
               {"code", identity::FormatCode(invitation.invitation.code)},
               {"attended", invitation.invitation.by_device},
               {"keyserver_address", invitation.invitation.keyserver_address},
               {"root_fingerprint", ToHex(invitation.invitation.root_fingerprint)},
               {"expires_unix", invitation.invitation.expires_unix}});
}

std::string ObjectJson(const std::vector<DescribedField>& fields) {
  Json json = Json::object();
  for (const DescribedField& field : fields) json[field.name] = field.value;
  return Dump(json);
}

std::string ErrorText(const absl::Status& status) {
  const std::string text = identity::TextOf(status), reason = identity::ReasonOf(status);
  return absl::StrCat(
      "plumbline-admin: ", text.empty() ? absl::StatusCodeToString(status.code()) : Printable(text),
      reason.empty() ? "" : absl::StrCat(" [", reason, "]"), "\n");
}

std::string ErrorJson(const absl::Status& status) {
  return Dump({{"error",
                {{"reason", identity::ReasonOf(status)},
                 {"message", identity::TextOf(status)},
                 {"code", absl::StatusCodeToString(status.code())}}}});
}

std::string TokenEpochText(const keys::v1::TokenEpochEnded& ended) {
  const std::string& delivery = ended.revocation().delivery();
  return absl::StrCat("Done. No token that was drawn until now counts at the key server",
                      delivery == "confirmed" ? " or at the delivery server, which has confirmed"
                      : delivery == "pending"
                          ? "; PENDING at the delivery server, which has not confirmed: the key server goes on trying"
                          : "; NOT SENT to the delivery server: the key server's configuration names none (revocation)",
                      ".\nDevices draw new ones by themselves.\n");
}

std::string TokenEpochJson(const keys::v1::TokenEpochEnded& ended) {
  return Dump(Json{{"ended", true}, {"revocation", RevocationOf(ended.revocation())}});
}

std::vector<std::string> Changes(const AccountView& before, const AccountView& after) {
  std::vector<std::string> changes;
  const auto compare = [&](absl::string_view what, const std::string& was, const std::string& is) {
    if (was != is)
      changes.push_back(absl::StrCat(what, " was \"", Printable(was), "\" and is \"", Printable(is), "\""));
  };
  compare("the status", before.status(), after.status());
  compare("the display name", before.display_name(), after.display_name());
  compare("the identity check", before.proofing(), after.proofing());
  const auto has = [](const AccountView& view, const std::string& id) {
    return std::any_of(view.devices().begin(), view.devices().end(),
                       [&](const DeviceView& device) { return device.device_id() == id; });
  };
  for (const DeviceView& device : after.devices()) {
    if (!has(before, device.device_id()))
      changes.push_back(absl::StrCat("there is a new device: ", DeviceLine(device)));
  }
  for (const DeviceView& device : before.devices()) {
    if (!has(after, device.device_id()))
      changes.push_back(absl::StrCat("a device is gone: ", DeviceLine(device)));
  }
  return changes;
}

}  // namespace plumbline::admin
