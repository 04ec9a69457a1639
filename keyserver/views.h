// Accounts as others see them: the signed directory record, and the administrator's view.
#pragma once

#include "common/crypto/ed25519.h"
#include "common/identity/record.h"
#include "common/status.h"
#include "common/directory/witness_policy.h"
#include "keyserver/store/directory_store.h"
#include "keyserver/store/types.h"

namespace plumbline::keys::v1 {
class AccountView;
class SignedRecord;
class WitnessPolicy;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

// The first record of a new account, and the record that follows `account.record` for the state that
// `account` now has. `cause` as in identity::DirectoryRecord. DATA_LOSS if the stored record does not parse; else as the signer.
absl::StatusOr<SignedBytes> FirstRecord(const Account& account, const identity::Hash& cause, const crypto::Ed25519Signer& directory_key);
absl::StatusOr<SignedBytes> NextRecord(const Account& account, const identity::Hash& cause,
                                       const crypto::Ed25519Signer& directory_key);

// What an intent against this account must state: SHA-256 of
//   struct { opaque user<V>; opaque display_name<V>; uint8 status; /* 0, 1 suspended, 2 removed */ uint64 revision; opaque
//   record_hash[32]; }
identity::Hash StateHash(const Account& account);

// "invited" (no device yet), "active", "suspended" or "removed".
absl::string_view StatusName(const Account& account);

void Fill(const Account& account, keys::v1::SignedRecord& out);
void Fill(const Account& account, keys::v1::AccountView& out);
// Of a person who has a record.
void Fill(const DirectoryEntry& entry, keys::v1::SignedRecord& out);
void Fill(const directory::SignedWitnessPolicy& policy, keys::v1::WitnessPolicy& out);

}  // namespace plumbline::keyserver
