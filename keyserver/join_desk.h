// Devices that join by invitation of another device of the same person, and wait for its approval;
// and the end of a device by another one's decision (docs/protocols/identity.md, "Devices of a
// person"). Knows no gRPC. Thread-safe; references outlive it.
#pragma once

#include "common/clock.h"
#include "common/identity/device_decision.h"
#include "common/status.h"
#include "keyserver/application.h"
#include "keyserver/departures.h"
#include "keyserver/device_desk.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/join_store.h"

namespace plumbline::keys::v1 {
class AskResponse;
class CollectRequest;
class CollectResponse;
class DecideDeviceResponse;
class InviteDeviceResponse;
class ListJoinRequestsResponse;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

inline constexpr absl::Duration kJoinWait = absl::Minutes(30);  // for a decision
inline constexpr absl::Duration kDecisionSkew =
    absl::Minutes(10);  // between the deciding device's clock and ours

class JoinDesk final {
 public:
  struct Stores {
    AccountStore& accounts;
    JoinStore& joins;
  };
  JoinDesk(const Organisation& organisation, const Clock& clock, Stores stores,
           Departures& departures, Publisher& publisher, DeviceDesk& devices, RefusalLog& refusals)
      : organisation_(organisation),
        clock_(clock),
        stores_(stores),
        departures_(departures),
        publisher_(publisher),
        devices_(devices),
        refusals_(refusals) {}

  // From anybody. Every refusal but join_unknown is recorded. Codes: devices.proto,
  // docs/protocols/errors.md.
  absl::Status Ask(const keys::v1::EnrolRequest& request, keys::v1::AskResponse& response);
  absl::Status Collect(const keys::v1::CollectRequest& request,
                       keys::v1::CollectResponse& response);

  // From an enrolled device; `caller` as DeviceDesk.
  absl::Status InviteDevice(const crypto::Certificate* caller,
                            const keys::v1::SignedRequest& request,
                            keys::v1::InviteDeviceResponse& response);
  absl::Status ListJoinRequests(const crypto::Certificate* caller,
                                const keys::v1::SignedRequest& request,
                                keys::v1::ListJoinRequestsResponse& response);
  absl::Status DecideDevice(const crypto::Certificate* caller,
                            const keys::v1::SignedRequest& request,
                            keys::v1::DecideDeviceResponse& response);

 private:
  absl::Status TryAsk(const keys::v1::EnrolRequest& request, keys::v1::AskResponse& response);
  absl::StatusOr<identity::DeviceId> CheckInvitation(const VerifiedApplication& application);
  absl::StatusOr<DecisionTrace> ReadDecision(const Device& signer, ByteView wire,
                                             ByteView signature,
                                             identity::DeviceDecision& decision) const;
  absl::Status Decide(const Device& signer, const identity::DeviceDecision& decision,
                      DecisionTrace& trace, keys::v1::DecideDeviceResponse& response);
  absl::Status Approve(const identity::DeviceDecision& decision, const DecisionTrace& trace,
                       keys::v1::DecideDeviceResponse& response);
  absl::Status Remove(const identity::DeviceDecision& decision, const DecisionTrace& trace,
                      keys::v1::DecideDeviceResponse& response);
  absl::StatusOr<Join> FindJoin(const identity::DeviceDecision& decision);

  const Organisation& organisation_;
  const Clock& clock_;
  const Stores stores_;
  Departures& departures_;
  Publisher& publisher_;
  DeviceDesk& devices_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver
