// A person's own devices, from one of them: who they are, and the decisions about others that this
// one signs (docs/protocols/identity.md, "Devices of a person").
#pragma once

#include <string>
#include <vector>

#include "client/devices_network.h"
#include "client/directory.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/identity/device_decision.h"
#include "common/status.h"

namespace plumbline::client {

struct OwnDevice {
  identity::RecordDevice device;
  bool is_this = false;
  bool verified = false;  // this one, or approved here, or the whole set was compared
};

// A device that asks to join. Everything but the code's keys is its own word.
struct WaitingDevice {
  identity::DeviceId device_id{};
  identity::Hash request_hash{};
  std::string code;  // normal form, computed here from the keys
  std::string label;
  std::string key_fingerprint;  // SHA-256 of the MLS signature key, hex
  std::string invited_by;       // label of the device that made the invitation, or its id
  absl::Time asked, expires;
};

class OwnDevices final {
 public:
  OwnDevices(Stores& stores, const Self& self, DevicesNetwork& network, const Clock& clock)
      : stores_(stores),
        self_(self),
        network_(network),
        clock_(clock),
        book_(stores, self, clock),
        log_(
            stores, self, [&network](const keys::v1::ReadLogRequest& request) { return network.ReadLog(request); }, clock) {}

  absl::StatusOr<std::vector<OwnDevice>> List();
  // The text for the new device. INVALID_ARGUMENT life_out_of_range: a minute to a day.
  struct Invitation {
    std::string text;
    absl::Time expires;
  };
  absl::StatusOr<Invitation> Invite(absl::Duration life);
  // Those that wait. One whose keys do not prove themselves is left out: no device of ours made it.
  absl::StatusOr<std::vector<WaitingDevice>> Waiting();
  // The one that shows this code. INVALID_ARGUMENT code_malformed; NOT_FOUND join_unknown.
  absl::StatusOr<WaitingDevice> Find(absl::string_view typed_code);
  absl::Status Approve(const WaitingDevice& device);
  absl::Status Refuse(const WaitingDevice& device);
  // By its id in hex, or the beginning of it that is one device's alone. NOT_FOUND device_unknown;
  // FAILED_PRECONDITION own_device for this one.
  absl::StatusOr<OwnDevice> FindOwn(absl::string_view typed_id);
  // Bound to the devices as they were listed. What the delivery server has confirmed by now.
  // ABORTED state_changed.
  absl::StatusOr<keys::v1::RevocationView> Remove(const OwnDevice& device);

 private:
  absl::StatusOr<keys::v1::DecideDeviceResponse> Decide(identity::DeviceDecision decision);
  absl::StatusOr<Contact> OwnContact();

  Stores& stores_;
  const Self& self_;
  DevicesNetwork& network_;
  const Clock& clock_;
  RecordBook book_;
  Transparency log_;
};

}  // namespace plumbline::client
