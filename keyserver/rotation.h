// Replacing keys of the key server by new ones, with the service stopped (docs/runbooks/rotation.md, ADR 17). Each replacement is
// recorded as key.rotated; after a crash at any point there is the old key or the new one, and the next start finishes or undoes it.
#pragma once

#include <memory>
#include <string>

#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"
#include "keyserver/key_ring.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

// A new wrapping secret, and with it a new shred key: all unlock keys and token secrets are wrapped under them in one transaction,
// and what an older copy of the folder holds opens nothing in the database. FAILED_PRECONDITION if the service runs,
// wrapping_key_missing, shred_key_missing; DATA_LOSS.
absl::Status RotateWrapping(const config::v1::KeyserverConfig& config, const Secret& passphrase, const Clock& clock,
                            const crypto::SealCost& cost = crypto::SealCost());

// A new TLS key for the key server, with a certificate for the names in the configuration. The former certificate lasts until its
// own end. FAILED_PRECONDITION if the service runs.
absl::Status RotateServiceKey(const config::v1::KeyserverConfig& config, const Secret& passphrase, const Clock& clock,
                              const crypto::SealCost& cost = crypto::SealCost());

// The same in `keys` alone.
absl::Status MakeServiceKey(const config::v1::KeyserverConfig& config, KeyRing& keys, absl::Time now);

// What a replacement of any key that was broken off left: `keys`, which was just unsealed, is what counts afterwards. No database is open.
absl::Status FinishRotation(const config::v1::KeyserverConfig& config, const Secret& passphrase, KeyRing& keys,
                            const crypto::SealCost& cost = crypto::SealCost());

// The database, which nobody else has meanwhile. FAILED_PRECONDITION if the service runs; codes of SqlcipherConnection::Open.
absl::StatusOr<std::unique_ptr<SqlcipherConnection>> OpenForRotation(const config::v1::KeyserverConfig& config, const KeyRing& keys, const Clock& clock);

// FAILED_PRECONDITION wrapping_mismatch, with the remedy, if the database's keys are wrapped under another secret than that of `keys`.
absl::Status CheckWrapping(SqlcipherConnection& connection, const KeyRing& keys);

}  // namespace plumbline::keyserver
