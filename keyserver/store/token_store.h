// The keys that anonymous tokens are signed with. Each method is one transaction, durable on return. Thread-safe. Codes of the
// engine as account_store.h.
#pragma once

#include <optional>
#include <vector>

#include "common/status.h"
#include "common/tokens/token_key.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

struct StoredTokenKey {
  tlog::TokenKeyLeaf leaf;
  Bytes statement;       // encoded SignedTokenKey
  Bytes wrapped_secret;  // BlindKey::Serialize (common/crypto/key_wrap.h); empty once nothing more is signed with it
  bool is_void = false;  // its tokens count no more
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;

  // The newest of a purpose and class, by the directory's log.
  virtual absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> Newest(absl::string_view purpose, absl::string_view token_class) = 0;
  // The newest that a restored copy had, where the log began anew with it: others may have been given out since.
  virtual absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> Restored(absl::string_view purpose, absl::string_view token_class) = 0;
  // The record first, then the keys and their leaves in the directory's log. INVALID_ARGUMENT if one is not of the next epoch.
  virtual absl::Status Add(const std::vector<StoredTokenKey>& keys, const audit::Entry& entry) = 0;
  // The record of the intent first; then all keys that are there are void, with a revocation of them in the queue, and `keys` are
  // added.
  virtual absl::Status EndEpoch(const std::vector<StoredTokenKey>& keys, const IntentTrace& trace) = 0;
  // Those that have not ended by `now`.
  virtual absl::StatusOr<std::vector<StoredTokenKey>> Live(absl::Time now) = 0;
  // Forgets the secrets of those that closed before `closed`, and whatever ended before `ended`.
  virtual absl::Status Forget(absl::Time closed, absl::Time ended) = 0;
};

}  // namespace plumbline::keyserver
