// What the key server has this server know: grants and keys of tokens that were revoked, and which of its own keys count.
#pragma once

#include <vector>

#include "common/audit/audit_log.h"
#include "common/identity/revocation.h"
#include "common/status.h"

namespace plumbline::server {

struct RevocationResult {
  uint64_t last_sequence = 0;  // that was ever carried out, after this one
  bool carried_out = false;    // false: `previous` was never seen here, and nothing has changed
  std::vector<identity::MailboxId> closed;  // that were there until now
};

// Thread-safe.
class RevocationStore {
 public:
  virtual ~RevocationStore() = default;

  // One transaction: the audit record, then the end of each mailbox that one of the grants opened,
  // with all it holds, of the grants themselves (OpenMailbox says grant_revoked until they would
  // have expired) and of the tokens under the keys (Spend says kVoid). A repeat changes nothing and is
  // not recorded. On disk when it returns OK; RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS: nothing
  // has changed.
  virtual absl::StatusOr<RevocationResult> Revoke(const identity::Revocation& revocation,
                                                  const audit::Entry& entry) = 0;

  // The newest statement of the organisation's keys, an encoded SignedOrganisationKeys; empty if there is none. One transaction with
  // the audit record, on disk when it returns OK; whether it is newer is for the caller to know.
  virtual absl::StatusOr<Bytes> OrganisationKeys() = 0;
  virtual absl::Status SetOrganisationKeys(ByteView wire, const audit::Entry& entry) = 0;
};

}  // namespace plumbline::server
