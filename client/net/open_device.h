// A device's folder opened for use: by store.key as long as the device is not enrolled, by the key server's help from then on. Needs
// rpc::PinTls13() first.
#pragma once

#include <memory>

#include "client/home.h"
#include "client/net/grpc_network.h"
#include "client/self.h"
#include "client/store/store.h"
#include "client/unlock_network.h"
#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

struct OpenedDevice {
  std::unique_ptr<Store> store;
  std::unique_ptr<Self> self;  // null if the enrolment was not completed
  Secret data_key;             // 32 bytes; empty if the store is not locked yet
  uint32_t unproved = 0;       // attempts at the passphrase before this one that did not come to their end
};

// Costs an attempt, which comes back. Completes what was broken off: a change of the passphrase, and the first lock of an enrolled
// device, which is at the cost `first`. NOT_FOUND not_enrolled; FAILED_PRECONDITION tls_files; codes of Home::OpenSealed and
// OpenUnlocked, and of Unlock, ChangePassphrase and FinishChange (client/unlock/unlock.h).
absl::StatusOr<OpenedDevice> OpenDevice(const Home& home, const Secret& passphrase, const crypto::SealCost& first, const Clock& clock);

// A new passphrase for a locked device that is open with `data_key`, at the cost that the present one has. Codes of
// ChangePassphrase; tls_files.
absl::Status ChangeDevicePassphrase(const Home& home, const Self& self, const Secret& data_key, const Secret& passphrase, const Clock& clock);

// Where the services are, who this device is there, and with which key it signs. `self` outlives it. A device whose certificate has
// ended gets another one first, over the one for unlocking: FAILED_PRECONDITION tls_files; the key server's refusals of a device;
// where it does not answer, what is there is what is returned.
absl::StatusOr<NetworkOptions> NetworkOptionsOf(const Home& home, const Self& self, const Clock& clock);

}  // namespace plumbline::client
