// What has to be there before it is needed: passes, grants, open mailboxes, published key packages, a TLS certificate with
// life left. Each step is written down before the network sees it, so that it can be repeated after a crash.
#pragma once

#include <string>

#include "client/network.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr size_t kKeyPackages = 20;         // published ahead
inline constexpr size_t kKeyPackagesLow = 10;      // fewer than this: publish more
inline constexpr uint32_t kPassBatch = 20;         // drawn at once
inline constexpr uint32_t kGrantBatch = 2;

class Supplies final {
 public:
  Supplies(Stores& stores, const Self& self, Network& network, const Clock& clock)
      : stores_(stores), self_(self), network_(network), clock_(clock) {}

  // An open intake mailbox and enough published key packages.
  absl::Status Prepare();

  // A pass for "delivery" or "directory", taken out of the store; draws a batch if there is none.
  absl::StatusOr<Bytes> TakePass(absl::string_view purpose);

  // The open mailbox of `group_id` (empty: intake), made and opened if need be.
  absl::StatusOr<Mailbox> EnsureMailbox(ByteView group_id);

  // Renews the TLS certificate if less than half of its life is left, with the same key. `key_path` and `certificate_path`
  // are PEM files; the certificate is replaced atomically. True if it was renewed.
  absl::StatusOr<bool> RenewCertificate(const std::string& key_path, const std::string& certificate_path);

 private:
  absl::StatusOr<SupplyStore::Grant> TakeGrant(Change& change);
  absl::Status DrawGrants();
  absl::Status Open(const Mailbox& mailbox);
  absl::Status MakeKeyPackages(const Mailbox& intake, size_t count, bool with_last_resort);
  absl::Status Publish();

  Stores& stores_;
  const Self& self_;
  Network& network_;
  const Clock& clock_;
};

}  // namespace plumbline::client
