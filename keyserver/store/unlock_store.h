// The devices' unlock keys (k) and how often each may still be used. Each method is one transaction, durable on return; with any
// status but OK nothing has changed, but for what DestroyDue would have destroyed. Thread-safe. Codes of the engine as account_store.h.
//
// An attempt is an evaluation that was not proved to have had the right passphrase. All keys of a device share its attempts, and
// after the last one they are destroyed unless its proof comes within kProofGrace.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/crypto/voprf.h"
#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

inline constexpr uint32_t kUnlockAttempts = 10;
inline constexpr absl::Duration kProofGrace = absl::Minutes(2);
inline constexpr uint32_t kUnlockKeysPerDay = 20;  // that a device may put in force: each has all others wrapped anew

// How long after the last of `unproved` attempts the next one is possible.
absl::Duration UnlockDelay(uint32_t unproved);

struct UnlockKeyInfo {
  uint32_t version = 0;
  identity::Fixed<crypto::kVoprfElementSize> public_key{};
};

struct LockStatus {
  std::optional<UnlockKeyInfo> current, pending;
  uint32_t attempts_left = 0;
  absl::Duration wait;       // until the next attempt
  std::string destroyed_by;  // "guesses", "administrator", "operator"; empty: not destroyed
};

struct TakenAttempt {
  crypto::VoprfSecretKey key;
  uint32_t attempts_left = 0;
};

class UnlockStore {
 public:
  virtual ~UnlockStore() = default;

  virtual absl::StatusOr<LockStatus> Look(const identity::DeviceId& device, absl::Time now) = 0;
  // Takes one attempt, recorded as `entry` with what is left, and returns the key for this one evaluation. `nonce` is what its
  // proof will have to name. FAILED_PRECONDITION unlock_not_set, unlock_destroyed, unlock_key_unknown; RESOURCE_EXHAUSTED
  // unlock_delayed with the wait; PERMISSION_DENIED device_revoked, account_suspended.
  virtual absl::StatusOr<TakenAttempt> TakeAttempt(const identity::DeviceId& device, uint32_t version, const identity::Nonce& nonce,
                                                   absl::Time now, const audit::Entry& entry) = 0;
  // U of the key in force. FAILED_PRECONDITION unlock_not_set, unlock_destroyed, unlock_key_unknown.
  virtual absl::StatusOr<identity::PublicKey> ProofKey(const identity::DeviceId& device, uint32_t version) = 0;
  // Gives all attempts back. PERMISSION_DENIED unlock_proof_invalid unless `nonce` is the newest evaluation's and was not proved
  // before; FAILED_PRECONDITION unlock_destroyed.
  virtual absl::Status GiveBack(const identity::DeviceId& device, const identity::Nonce& nonce, absl::Time now,
                                const audit::Entry& entry) = 0;
  // The key that waits to be put in force, or a new random one. FAILED_PRECONDITION unlock_destroyed; RESOURCE_EXHAUSTED
  // unlock_changes_spent.
  virtual absl::StatusOr<UnlockKeyInfo> Begin(const identity::DeviceId& device, absl::Time now, const audit::Entry& entry) = 0;
  // Puts it in force, destroys the one before and gives all attempts back. OK if it is in force with that U already.
  // FAILED_PRECONDITION unlock_destroyed, unlock_key_unknown.
  virtual absl::Status Confirm(const identity::DeviceId& device, uint32_t version, const identity::PublicKey& proof_key, absl::Time now,
                               const audit::Entry& entry) = 0;
  // An administrator destroys all keys of a device. NOT_FOUND device_unknown; FAILED_PRECONDITION unlock_not_set,
  // unlock_destroyed.
  virtual absl::Status Wipe(absl::string_view user, const identity::DeviceId& device, const IntentTrace& trace) = 0;
  // Destroys what is due: of devices whose attempts are spent, and of those that are no longer enrolled. Also finishes what a
  // failing disk left unfinished.
  virtual absl::Status DestroyDue(absl::Time now) = 0;
  // The same of these devices alone, for what the others do not have to be looked through.
  virtual absl::Status DestroyDue(absl::Span<const identity::DeviceId> devices, absl::Time now) = 0;
};

}  // namespace plumbline::keyserver
