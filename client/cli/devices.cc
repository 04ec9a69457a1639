// `plumbline devices`: a person's own devices.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/own_devices.h"
#include "common/identity/codes.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using nlohmann::json;

// A session and the rpcs about devices.
struct Desk {
  std::unique_ptr<Session> session;
  std::unique_ptr<DevicesNetwork> network;
  std::unique_ptr<OwnDevices> devices;
};

absl::StatusOr<Desk> Open(const Options& options, Output& output) {
  Desk desk;
  ASSIGN_OR_RETURN(desk.session, Session::Open(options, output));
  ASSIGN_OR_RETURN(desk.network, desk.session->ConnectDevices());
  desk.devices = std::make_unique<OwnDevices>(desk.session->stores(), desk.session->self(),
                                              *desk.network, desk.session->clock());
  return desk;
}

std::string Day(uint32_t day) {
  return absl::FormatTime("%Y-%m-%d", absl::UnixEpoch() + absl::Hours(24) * day,
                          absl::UTCTimeZone());
}

std::string Time(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

json ToJson(const OwnDevice& each) {
  return {{"id", ToHex(each.device.device_id)},
          {"label", Output::Safe(each.device.label)},
          {"since", Day(each.device.enrolled_day)},
          {"this", each.is_this},
          {"verified", each.verified}};
}

// "yes" and nothing else goes on.
absl::Status Confirm(const Options& options, const char* question) {
  if (options.yes) return absl::OkStatus();
  std::fprintf(stderr, "%s Type yes: ", question);
  std::string line;
  std::getline(std::cin, line);
  if (absl::StripAsciiWhitespace(line) == "yes") return absl::OkStatus();
  return identity::Refuse(absl::StatusCode::kCancelled, "not_confirmed", "nothing was done");
}

// What a person should look at before they decide; on standard error with --json.
void Show(const WaitingDevice& device, Output& output) {
  const std::string text = absl::StrCat(
      "A device asks to join your account:\n  code         ", identity::FormatCode(device.code),
      "\n  calls itself ", Output::Safe(device.label), "\n  asked        ", Time(device.asked),
      "\n  invited by   ", Output::Safe(device.invited_by), "\n  its key      ",
      device.key_fingerprint, "\nIt will read everything that is written to you from then on.");
  if (output.json()) {
    std::fprintf(stderr, "%s\n", text.c_str());
  } else {
    output.Line(text);
  }
}

}  // namespace

absl::Status DevicesCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Desk desk, Open(options, output));
  ASSIGN_OR_RETURN(const std::vector<OwnDevice> all, desk.devices->List());
  ASSIGN_OR_RETURN(const std::vector<WaitingDevice> waiting, desk.devices->Waiting());
  json list = json::array(), asking = json::array();
  for (const OwnDevice& each : all) {
    list.push_back(ToJson(each));
    output.Line(absl::StrCat(
        ToHex(each.device.device_id).substr(0, 12), "  ", Output::Safe(each.device.label),
        "  since ", Day(each.device.enrolled_day), each.verified ? "  verified" : "  not verified",
        each.is_this ? "  (this device)" : ""));
  }
  for (const WaitingDevice& each : waiting) {
    asking.push_back({{"label", Output::Safe(each.label)},
                      {"asked", Time(each.asked)},
                      {"expires", Time(each.expires)},
                      {"invited_by", Output::Safe(each.invited_by)}});
    // Not the code: it has to come from the other screen.
    output.Line(absl::StrCat("A device that calls itself ", Output::Safe(each.label),
                             " asks to join: `plumbline devices approve` or "
                             "`refuse` with the code that it shows."));
  }
  output.Value({{"devices", list}, {"waiting", asking}});
  return absl::OkStatus();
}

absl::Status InviteDeviceCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Desk desk, Open(options, output));
  ASSIGN_OR_RETURN(const OwnDevices::Invitation invitation,
                   desk.devices->Invite(absl::Minutes(options.life_minutes)));
  output.Value({{"invitation", invitation.text}, {"expires", Time(invitation.expires)}});
  output.Line(
      "On the new device, give this to `plumbline enrol`; it works once. Then approve it here with "
      "the code it shows.\n");
  output.Line(invitation.text);
  return absl::OkStatus();
}

absl::Status ApproveDeviceCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Desk desk, Open(options, output));
  ASSIGN_OR_RETURN(const WaitingDevice device, desk.devices->Find(options.code));
  Show(device, output);
  RETURN_IF_ERROR(Confirm(options, "Is that your device?"));
  RETURN_IF_ERROR(desk.devices->Approve(device));
  output.Value({{"approved", ToHex(device.device_id)}, {"label", Output::Safe(device.label)}});
  output.Line("Approved. Everyone who talks to you is shown that you have a new device.");
  return absl::OkStatus();
}

absl::Status RefuseDeviceCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Desk desk, Open(options, output));
  ASSIGN_OR_RETURN(const WaitingDevice device, desk.devices->Find(options.code));
  RETURN_IF_ERROR(desk.devices->Refuse(device));
  output.Value({{"refused", ToHex(device.device_id)}, {"label", Output::Safe(device.label)}});
  output.Line("Refused. It was not enrolled.");
  return absl::OkStatus();
}

absl::Status RemoveDeviceCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Desk desk, Open(options, output));
  ASSIGN_OR_RETURN(const OwnDevice device, desk.devices->FindOwn(options.device));
  if (!output.json()) {
    output.Line(absl::StrCat("Removing ", Output::Safe(device.device.label), " (",
                             ToHex(device.device.device_id), ") for ever."));
  }
  RETURN_IF_ERROR(Confirm(options, "Is that right?"));
  ASSIGN_OR_RETURN(const keys::v1::RevocationView revocation, desk.devices->Remove(device));
  output.Value({{"removed", ToHex(device.device.device_id)}, {"delivery", revocation.delivery()}});
  output.Line(revocation.delivery() == "confirmed"
                  ? "Removed: it is refused everywhere."
                  : "Removed at the key server. The delivery server has not confirmed yet; the key "
                    "server goes on trying.");
  return absl::OkStatus();
}

}  // namespace plumbline::client
