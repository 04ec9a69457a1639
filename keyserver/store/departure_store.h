// Who leaves, and what the delivery server has yet to hear of it. Each method is one transaction,
// durable on return; with any status but OK nothing has changed. Thread-safe. Codes of the engine
// as account_store.h.
#pragma once

#include <functional>
#include <optional>

#include "absl/time/time.h"
#include "common/identity/revocation.h"
#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

enum class Leaving {
  kSuspension,  // the account can be reactivated; its devices stay enrolled and may do nothing
  kRemoval,     // for ever: account and devices
  kDevice,      // one device, for ever
};

struct Departure {
  Leaving what = Leaving::kSuspension;
  std::string user;
  uint64_t revision = 0;
  std::optional<identity::DeviceId> device;  // kDevice
  SignedBytes record;                        // the account's next one
};

// What the devices that leave have drawn and what may still be good, sealed as it was handed to the
// Ledger.
struct DrawnGrant {
  Bytes sealed_serial;
  uint32_t expires_day;
};
// Opens what was sealed, for the delivery server. The store knows no keys.
using TakeAway = std::function<absl::StatusOr<std::vector<identity::RevokedItems>>(const std::vector<DrawnGrant>&)>;

struct QueuedRevocation {
  uint64_t sequence = 0;
  uint64_t previous = 0;  // kept one before it, 0 if there is none
  Bytes items;            // identity::RevokedItems
};

struct RevocationCount {
  uint32_t confirmed = 0;
  uint32_t pending = 0;
};

class DepartureStore {
 public:
  virtual ~DepartureStore() = default;

  // The record of it first, then all of: the status or the end of the device; the end of its key
  // packages; codes, invitations and requests to join void; the revocations in the queue. ABORTED state_changed; NOT_FOUND device_unknown.
  virtual absl::Status Depart(const Departure& departure, const IntentTrace& trace,
                              const TakeAway& take) = 0;
  virtual absl::Status Depart(const Departure& departure, const DecisionTrace& trace,
                              const TakeAway& take) = 0;

  // The oldest that the delivery server has not confirmed.
  virtual absl::StatusOr<std::optional<QueuedRevocation>> NextPending() = 0;
  // The newest that is kept, confirmed or not.
  virtual absl::StatusOr<std::optional<QueuedRevocation>> Newest() = 0;
  // The delivery server has carried it out; recorded.
  virtual absl::Status Confirm(uint64_t sequence, const audit::Entry& entry) = 0;
  // The delivery server has seen none after `sequence`: they are pending again.
  virtual absl::Status Rewind(uint64_t sequence) = 0;
  virtual absl::StatusOr<RevocationCount> Count(absl::string_view user) = 0;
};

}  // namespace plumbline::keyserver
