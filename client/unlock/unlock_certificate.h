// The device's certificate for unlocking alone, which outlives its own: whoever was away for longer than a week can still open
// the store (docs/adr/0015).
#pragma once

#include <string>

#include "client/unlock_network.h"
#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::client {

// So often another one is taken, long before it ends: who goes away may stay away for nearly all of its 400 days.
inline constexpr absl::Duration kRenewUnlockEvery = absl::Hours(24 * 14);

// Writes `path` (PEM: it, then issuing; 0600) unless what is there is younger than that. `own` is the device's TLS
// chain as it is shown now: [leaf, issuing]. True if it was renewed. UNAUTHENTICATED answer_invalid if what came is not for this
// device's key, under its root, and for unlocking; the network's.
absl::StatusOr<bool> RenewUnlockCertificate(const std::string& path, const std::vector<crypto::Certificate>& own,
                                            const crypto::Certificate& root, UnlockKeyNetwork& network, const Clock& clock);

}  // namespace plumbline::client
