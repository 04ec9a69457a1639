// What happens when an account is suspended or removed, or a device is: here, and at the delivery
// server. Knows no gRPC. Thread-safe; references outlive it.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "keyserver/organisation.h"
#include "keyserver/publisher.h"
#include "keyserver/revocation_pusher.h"
#include "keyserver/store/departure_store.h"
#include "keyserver/store/unlock_store.h"

namespace plumbline::keys::v1 {
class RevocationView;
}

namespace plumbline::keyserver {

class Departures final {
 public:
  Departures(const Organisation& organisation, DepartureStore& store, RevocationPusher& pusher, Publisher& publisher,
             UnlockStore& unlock, const Clock& clock)
      : organisation_(organisation), store_(store), pusher_(pusher), publisher_(publisher), unlock_(unlock), clock_(clock) {}

  // Carries it out and gives the delivery server a moment to confirm. `account` is as it was read,
  // and as it is afterwards. `device` where that is what leaves. ABORTED state_changed; NOT_FOUND
  // device_unknown.
  absl::Status Carry(Leaving what, const std::optional<identity::DeviceId>& device,
                     const identity::Hash& cause, const IntentTrace& trace, Account& account);
  absl::Status Carry(Leaving what, const std::optional<identity::DeviceId>& device,
                     const identity::Hash& cause, const DecisionTrace& trace, Account& account);

  // Gives the delivery server a moment to confirm what is in the queue.
  void PushAndWait();

  // How far the delivery server is with this person's revocations; of nobody's, with those of
  // tokens. `out` stays as it is if there never was one.
  absl::Status Describe(absl::string_view user, keys::v1::RevocationView& out);

 private:
  template <typename Trace>
  absl::Status CarryWith(Leaving what, const std::optional<identity::DeviceId>& device,
                         const identity::Hash& cause, const Trace& trace, Account& account);
  absl::StatusOr<std::vector<identity::RevokedItems>> Open(const std::vector<DrawnGrant>& drawn) const;

  const Organisation& organisation_;
  DepartureStore& store_;
  RevocationPusher& pusher_;
  Publisher& publisher_;
  UnlockStore& unlock_;
  const Clock& clock_;
};

}  // namespace plumbline::keyserver
