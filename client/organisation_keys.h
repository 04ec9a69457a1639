// Which of the key server's role keys this device believes: those of its enrolment, or of the newest statement of the organisation's
// root that it was shown since (docs/protocols/identity.md, "Keys of the roles").
#pragma once

#include "client/self.h"
#include "client/stores.h"
#include "common/identity/organisation_keys.h"
#include "common/status.h"

namespace plumbline::client {

// As they are stored. DATA_LOSS.
absl::StatusOr<identity::TrustedKeys> TrustedKeysOf(Stores& stores, const Self& self);

// Has connections judged by what is stored (Self::issuers). Before the first one. DATA_LOSS.
absl::Status UseStoredIssuers(Stores& stores, const Self& self);

// The issuing authorities that this device knows, which are or were: the statement's, or the one that certified this device. DATA_LOSS.
absl::StatusOr<std::vector<crypto::Certificate>> AuthoritiesOf(const identity::TrustedKeys& trusted, const Self& self);

// Keeps what the key server shows, if it is newer, in a Change of its own: the root's word is good whatever else is shown. Grants that
// were drawn ahead are dropped, for a replaced key may have signed them; connections from now on are judged by it (Self::issuers). UNAUTHENTICATED if the root's word does not hold at `now`;
// INVALID_ARGUMENT; FAILED_PRECONDITION as identity::Supersedes.
absl::Status TakeOrganisationKeys(Stores& stores, const Self& self, ByteView offered, absl::Time now);

}  // namespace plumbline::client
