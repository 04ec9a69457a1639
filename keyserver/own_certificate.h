// The key server's own TLS certificate while it serves. It begins with the one in the sealed keys; those that follow are made, with
// new keys, in memory alone: whoever opens the sealed keys could make one anyway, and nobody finds a key that was used before.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "keyserver/issuer.h"
#include "keyserver/key_ring.h"

namespace plumbline::keyserver {

// Thread-safe. References outlive it.
class OwnCertificate final {
 public:
  struct Names {
    std::vector<std::string> dns, ip;
  };
  OwnCertificate(const KeyRing& keys, const Issuer& issuer, Names names, absl::Duration life);

  // A new key and certificate, if half of the present one's life is over, or it is not good at all. Whether there is one.
  // FAILED_PRECONDITION own_certificate_unusable if none can be made that is good at `now`.
  absl::StatusOr<bool> Renew(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

  crypto::Certificate certificate() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::string ChainPem() const ABSL_LOCKS_EXCLUDED(mutex_);  // leaf, issuing, root
  Secret KeyPem() const ABSL_LOCKS_EXCLUDED(mutex_);
  // SHA-256 of the certificates that a connection which is open now can have been shown: the present one first, and the one
  // before it until that ends.
  std::vector<identity::Hash> Shown(absl::Time now) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Status Check(const crypto::Certificate& certificate, absl::Time now) const;
  const KeyRing& keys_;
  const Issuer& issuer_;
  const Names names_;
  const absl::Duration life_;
  mutable Mutex mutex_;
  crypto::P256PrivateKey key_ ABSL_GUARDED_BY(mutex_);
  crypto::Certificate certificate_ ABSL_GUARDED_BY(mutex_);
  std::optional<crypto::Certificate> former_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::keyserver
