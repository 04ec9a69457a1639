// Opening a locked store with the key server's help, and giving it another passphrase (docs/protocols/unlock.md). Each step is
// on disk before the next one is asked for: whatever moment the client is killed at, the header opens with the old passphrase or
// with the new one, and the next Unlock brings the rest in order.
#pragma once

#include <optional>
#include <string>

#include "client/unlock/header_file.h"
#include "client/unlock_network.h"
#include "common/crypto/stretch.h"
#include "common/identity/fixed.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

struct Unlocked {
  Secret data_key;                // 32 bytes
  uint32_t others = 0;            // attempts before this one that were not proved: somebody's wrong passphrases
  std::optional<crypto::Ed25519KeyPair> unconfirmed;  // U of a new passphrase whose change was broken off: FinishChange
  uint32_t version = 0;           // of the key that opened it
};

// Asks the key server once for each slot that may fit: one attempt, or two where a change was broken off. Forgets a slot that has
// no use any more. NOT_FOUND not_enrolled without a header; PERMISSION_DENIED passphrase_wrong with what is left;
// RESOURCE_EXHAUSTED unlock_delayed with the wait; FAILED_PRECONDITION unlock_destroyed, unlock_not_set (the set-up was broken off),
// unlock_key_unknown (the header is from before a change); UNAUTHENTICATED unlock_answer_invalid: the key server did not use the
// key that it should; the network's.
absl::StatusOr<Unlocked> Unlock(const HeaderFile& file, const Secret& passphrase, LockNetwork& network);

// Where a device's header belongs to.
struct LockOwner {
  identity::DeviceId device_id{};
  std::string device_address;  // host:port of the key server's listener for devices
  Bytes root;                  // DER
};

// Puts `data_key` under `passphrase`: the first one, or another. May be repeated after any failure. INVALID_ARGUMENT
// passphrase_weak; codes of Unlock and of the key server.
absl::Status ChangePassphrase(const HeaderFile& file, const LockOwner& owner, const Secret& data_key, const Secret& passphrase,
                              const crypto::SealCost& cost, LockNetwork& lock, UnlockKeyNetwork& keys);

// Completes a change with the new passphrase, whose slot opened the store.
absl::Status FinishChange(const HeaderFile& file, const Unlocked& unlocked, UnlockKeyNetwork& keys);

}  // namespace plumbline::client
