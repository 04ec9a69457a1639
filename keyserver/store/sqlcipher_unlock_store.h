// UnlockStore on SQLCipher. Unlock keys are wrapped under KeyRing::wrapping and the shred key, which is replaced, and all rows
// that stay are wrapped anew, with each destruction.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "common/crypto/key_wrap.h"
#include "keyserver/key_ring.h"
#include "keyserver/shred_key.h"
#include "keyserver/store/sqlcipher_connection.h"
#include "keyserver/store/unlock_store.h"

namespace plumbline::keyserver {

// What became of a device's key after the state at hand.
struct UnlockLater {
  bool destroyed = false;
  std::optional<uint32_t> attempts_left;  // none: as they are
};

// Whose keys are due to be destroyed.
struct DueDevice {
  identity::DeviceId device{};
  bool enrolled = false;  // no: it was removed
};

class SqlcipherUnlockStore final : public UnlockStore {
 public:
  // Finishes or undoes a destruction that was broken off; makes the first shred key. `keys` outlives it. FAILED_PRECONDITION
  // shred_key_missing, wrapping_key_missing.
  static absl::StatusOr<std::unique_ptr<SqlcipherUnlockStore>> Open(SqlcipherConnection& connection, const KeyRing& keys,
                                                                    const std::string& data_dir);

  // All keys are given up, for a database whose shred key is lost: recorded (unless there was none), and never undone. For a
  // ceremony; no store is open.
  static absl::Status Abandon(SqlcipherConnection& connection, const std::string& data_dir, bool record = true);

  // Of the shred key that the keys in a database are wrapped under; 0: there are none.
  static absl::StatusOr<uint64_t> GenerationOf(db::Database& database);

  // For a database that is an older state: destroys what was destroyed since, and gives no attempt back. All that stays is under
  // another shred key on return.
  absl::Status CatchUp(const std::map<identity::DeviceId, UnlockLater>& later);

  // All keys are wrapped under `next` in place of this store's KeyRing, and under a new shred key; `also` is of the same transaction.
  // Nothing else may be asked of this store afterwards. `next` outlives it.
  absl::Status WrapUnder(const KeyRing& next, const std::function<absl::Status(db::Transaction&)>& also);

  absl::StatusOr<LockStatus> Look(const identity::DeviceId& device, absl::Time now) override;
  absl::StatusOr<TakenAttempt> TakeAttempt(const identity::DeviceId& device, uint32_t version, const identity::Nonce& nonce,
                                           absl::Time now, const audit::Entry& entry) override;
  absl::StatusOr<identity::PublicKey> ProofKey(const identity::DeviceId& device, uint32_t version) override;
  absl::Status GiveBack(const identity::DeviceId& device, const identity::Nonce& nonce, absl::Time now,
                        const audit::Entry& entry) override;
  absl::StatusOr<UnlockKeyInfo> Begin(const identity::DeviceId& device, absl::Time now, const audit::Entry& entry) override;
  absl::Status Confirm(const identity::DeviceId& device, uint32_t version, const identity::PublicKey& proof_key, absl::Time now,
                       const audit::Entry& entry) override;
  absl::Status Wipe(absl::string_view user, const identity::DeviceId& device, const IntentTrace& trace) override;
  absl::Status DestroyDue(absl::Time now) override;
  absl::Status DestroyDue(absl::Span<const identity::DeviceId> devices, absl::Time now) override;

 private:
  SqlcipherUnlockStore(SqlcipherConnection& connection, const KeyRing& keys, const std::string& data_dir)
      : connection_(connection), keys_(&keys), shred_(data_dir) {}

  absl::Status Start();
  absl::Status Recover() ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());
  // The wrap of the present generation; after a failure it is looked for anew.
  absl::StatusOr<const crypto::KeyWrap*> Wrap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());
  // One transaction: `remove` deletes keys and says why in the record; the rest is wrapped under a new shred key, and the old one
  // is gone on return.
  absl::Status Shred(const std::function<absl::Status(db::Transaction&)>& remove) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());
  absl::Status WrapAnew(db::Database& database, const crypto::KeyWrap& before, const crypto::KeyWrap& after);
  // Of the caller's own device alone: what is due of others is upkeep's, not on everybody's way.
  absl::Status DestroyDueOf(absl::Span<const identity::DeviceId> devices, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());
  absl::Status DestroyThese(const std::vector<DueDevice>& due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());
  absl::Status Destroy(db::Transaction& transaction, const identity::DeviceId& device, absl::string_view by)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex());

  SqlcipherConnection& connection_;
  const KeyRing* keys_ ABSL_GUARDED_BY(connection_.mutex());
  ShredKey shred_ ABSL_GUARDED_BY(connection_.mutex());
  uint64_t generation_ ABSL_GUARDED_BY(connection_.mutex()) = 0;
  std::optional<crypto::KeyWrap> wrap_ ABSL_GUARDED_BY(connection_.mutex());  // none: Recover first
};

}  // namespace plumbline::keyserver
