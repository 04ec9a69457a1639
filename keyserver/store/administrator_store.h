// Administrators' keys, and the one-time code by which the first one registers. Each method is one
// transaction, durable on return. Thread-safe.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/secret.h"
#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

struct Administrator {
  identity::Hash key_id{};  // SHA-256 of the public key
  std::string name;
  identity::PublicKey public_key{};
};

class AdministratorStore {
 public:
  virtual ~AdministratorStore() = default;

  // Voids any former code. `mac_key` is FirstAdministratorMacKey(code): whoever reads it can register, as
  // with the code.
  virtual absl::Status SetFirstCode(const Secret& mac_key, uint64_t expires_unix, uint32_t attempts,
                                    const audit::Entry& entry) = 0;
  // Takes one attempt, durably, and returns the key to check against; RegisterFirst gives it no attempt back.
  // UNAUTHENTICATED code_wrong (there is none), code_used, code_expired, code_exhausted.
  virtual absl::StatusOr<Secret> TakeAttempt(absl::Time now) = 0;
  // Uses up the code. UNAUTHENTICATED code_used if it was meanwhile; ALREADY_EXISTS administrator_exists.
  virtual absl::Status RegisterFirst(const Administrator& administrator, const audit::Entry& entry) = 0;
  virtual absl::StatusOr<std::optional<Administrator>> Find(const identity::Hash& key_id) = 0;
  // An action that only reads: its nonce and its audit event. PERMISSION_DENIED intent_replayed.
  virtual absl::Status RecordIntent(const IntentTrace& trace) = 0;
};

}  // namespace plumbline::keyserver
