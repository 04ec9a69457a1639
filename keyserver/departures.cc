#include "keyserver/departures.h"

#include <algorithm>

#include "common/identity/reason.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

// What an administrator waits for the delivery server's confirmation; the rest goes on without
// them.
constexpr absl::Duration kPatience = absl::Seconds(2);

}  // namespace

absl::StatusOr<std::vector<identity::RevokedItems>> Departures::Open(const std::vector<DrawnGrant>& drawn) const {
  std::vector<identity::RevokedGrant> grants;
  for (const DrawnGrant& each : drawn) {
    const absl::StatusOr<Secret> serial = organisation_.keys().grant_escrow.Open(each.sealed_serial);
    if (!serial.ok() || serial->view().size() != 16)
      return absl::DataLossError("a drawn grant cannot be read");
    grants.push_back({*identity::ToFixed<16>(serial->view()), each.expires_day});
  }
  return identity::SplitItems(std::move(grants), {});
}

template <typename Trace>
absl::Status Departures::CarryWith(Leaving what, const std::optional<identity::DeviceId>& device,
                                   const identity::Hash& cause, const Trace& trace,
                                   Account& account) {
  Departure departure{what, account.user, account.revision, device, {}};
  account.suspended = account.suspended || what == Leaving::kSuspension;
  account.removed = account.removed || what == Leaving::kRemoval;
  std::vector<identity::DeviceId> gone;
  std::erase_if(account.devices, [&](const Device& each) {
    if (what != Leaving::kRemoval && !(device && each.id == *device)) return false;
    gone.push_back(each.id);
    return true;
  });
  ASSIGN_OR_RETURN(account.record, NextRecord(account, cause, organisation_.keys().directory.key));
  departure.record = account.record;
  RETURN_IF_ERROR(
      store_.Depart(departure, trace, [this](const std::vector<DrawnGrant>& drawn) { return Open(drawn); }));
  ++account.revision;
  unlock_.DestroyDue(gone, clock_.Now()).IgnoreError();  // they may not ask any more; what fails, upkeep repeats and reports
  pusher_.PushAndWait(kPatience);
  publisher_.PublishAndWait(kPatience);
  return absl::OkStatus();
}

absl::Status Departures::Carry(Leaving what, const std::optional<identity::DeviceId>& device,
                               const identity::Hash& cause, const IntentTrace& trace,
                               Account& account) {
  return CarryWith(what, device, cause, trace, account);
}

absl::Status Departures::Carry(Leaving what, const std::optional<identity::DeviceId>& device,
                               const identity::Hash& cause, const DecisionTrace& trace,
                               Account& account) {
  return CarryWith(what, device, cause, trace, account);
}

void Departures::PushAndWait() { pusher_.PushAndWait(kPatience); }

absl::Status Departures::Describe(absl::string_view user, keys::v1::RevocationView& out) {
  ASSIGN_OR_RETURN(const RevocationCount count, store_.Count(user));
  out.set_confirmed(count.confirmed);
  out.set_pending(count.pending);
  out.set_delivery(count.pending == 0     ? "confirmed"
                   : pusher_.configured() ? "pending"
                                          : "not_configured");
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
