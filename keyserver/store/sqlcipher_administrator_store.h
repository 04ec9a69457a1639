// AdministratorStore on SQLCipher.
#pragma once

#include "common/clock.h"
#include "keyserver/store/administrator_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherAdministratorStore final : public AdministratorStore {
 public:
  SqlcipherAdministratorStore(SqlcipherConnection& connection, const Clock& clock)
      : connection_(connection), clock_(clock) {}

  absl::Status SetFirstCode(const Secret& mac_key, uint64_t expires_unix, uint32_t attempts,
                            const audit::Entry& entry) override;
  absl::StatusOr<Secret> TakeAttempt(absl::Time now) override;
  absl::Status RegisterFirst(const Administrator& administrator, const audit::Entry& entry) override;
  absl::StatusOr<std::optional<Administrator>> Find(const identity::Hash& key_id) override;
  absl::Status RecordIntent(const IntentTrace& trace) override;

 private:
  SqlcipherConnection& connection_;
  const Clock& clock_;
};

}  // namespace plumbline::keyserver
