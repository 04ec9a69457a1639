// Which of the key server's role keys, and of the issuing authorities, this server believes, from the trust file or from the newest statement of the organisation's
// root that was taken since (docs/protocols/identity.md, "Keys of the roles").
#pragma once

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "common/crypto/live_issuers.h"
#include "common/crypto/x509.h"
#include "common/identity/organisation_keys.h"
#include "common/mutex.h"
#include "common/status.h"
#include "server/store/revocation_store.h"

namespace plumbline::server {

// What the trust file says.
struct FileKeys {
  identity::TrustedKeys keys;
  Bytes organisation_keys;                              // encoded SignedOrganisationKeys; empty: none was ever replaced
  std::optional<identity::OrganisationKeys> statement;  // of these
};

// Thread-safe.
class RoleTrust final {
 public:
  explicit RoleTrust(identity::TrustedKeys keys)
      : issuers_(std::make_shared<crypto::LiveIssuers>(keys.replaced())), keys_(std::move(keys)) {}
  identity::RoleKeys Of(identity::Role role, absl::Time now) const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    return keys_.Of(role, now);
  }
  void Replace(identity::TrustedKeys keys) ABSL_LOCKS_EXCLUDED(mutex_) {
    issuers_->Replace(keys.replaced());
    MutexLock lock(mutex_);
    keys_ = std::move(keys);
  }
  // Issuing authorities that were replaced, for connections.
  std::shared_ptr<const crypto::LiveIssuers> issuers() const { return issuers_; }

 private:
  const std::shared_ptr<crypto::LiveIssuers> issuers_;
  mutable Mutex mutex_;
  identity::TrustedKeys keys_ ABSL_GUARDED_BY(mutex_);
};

// At the start: the newer of the trust file's statement and the stored one, which is stored if it is not yet. FAILED_PRECONDITION
// organisation_keys_contradict; DATA_LOSS, UNAVAILABLE, RESOURCE_EXHAUSTED as the store.
absl::StatusOr<identity::TrustedKeys> LoadKeys(const FileKeys& file, RevocationStore& store);

// Stores what is newer, durably, then has `roles` believe it; returns the number that is believed now. UNAUTHENTICATED
// organisation_keys_invalid; FAILED_PRECONDITION as identity::Supersedes; codes of the store. One at a time.
absl::StatusOr<uint64_t> TakeKeys(ByteView wire, const crypto::Certificate& root, absl::string_view domain, absl::Time now,
                                  RevocationStore& store, RoleTrust& roles);

}  // namespace plumbline::server
