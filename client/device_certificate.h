// The device's TLS certificate, which lives seven days.
#pragma once

#include <string>

#include "client/network.h"
#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/status.h"

namespace plumbline::client {

// Renews it, for the same key, if less than half of its life is left. `key_path` and `certificate_path` are PEM files; the latter
// (leaf, issuing) is replaced atomically. True if it was renewed. INTERNAL key_server_answer if what came is not for this device;
// UNAUTHENTICATED and the like if it is not under `root`; the network's.
absl::StatusOr<bool> RenewDeviceCertificate(const std::string& key_path, const std::string& certificate_path,
                                            const crypto::Certificate& root, Network& network, const Clock& clock);

}  // namespace plumbline::client
