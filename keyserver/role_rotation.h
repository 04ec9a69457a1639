// Replacing the key of a role (directory, grants, tokens, audit) or the issuing authority by a new one, with the service stopped: the root
// says in a statement which keys count and until when (docs/protocols/identity.md, "Keys of the roles"), and what the key server has
// stored under the former key is signed anew (docs/runbooks/rotation.md); certificates are not, they renew (ADR 23).
//
// The order: keys.next holds the next ring, sealed; one transaction of the database signs anew, records key.rotated and names the
// number that counts; keys.sealed becomes the next ring; the former key is destroyed in its token; keys.next is overwritten.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/identity/uri.h"
#include "common/secret.h"
#include "common/status.h"
#include "keyserver/key_ring.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

struct RoleRotated {
  uint64_t number = 0;      // of the root's statement
  std::string former, next;  // public keys, hex
  absl::Time former_ends;
  std::string audit_key;       // verifier key of the audit record, where that is the role; else empty
  bool ended_earlier = false;  // a key that the former one had replaced, and that would have counted longer, ends now
};

// How long a replaced key counts where the operator does not say: as long as what it signed may be shown again.
absl::Duration DefaultFormerLife(identity::Role role);
// A year, which is the life of a role's certificate.
inline constexpr absl::Duration kMaxFormerLife = absl::Hours(24 * 365);

// Opens root.sealed, so it takes the ceremony's passphrase. `former_life` is 0 (the former key ends now) to kMaxFormerLife.
// INVALID_ARGUMENT former_ends_malformed for another role or time; FAILED_PRECONDITION if the service runs, wrapping_key_missing;
// DATA_LOSS audit_broken; else codes of UnsealKeyRing and UnsealRootKey.
absl::StatusOr<RoleRotated> RotateRole(const config::v1::KeyserverConfig& config, const Secret& passphrase, identity::Role role,
                                       absl::Duration former_life, const Clock& clock, const crypto::SealCost& cost = crypto::SealCost());

// As long as whoever was on holiday needs to renew a credential.
inline constexpr absl::Duration kFormerAuthorityLife = absl::Hours(24 * 60);

// A new issuing authority, for kIssuingLife or until the root ends, and with it a new TLS key for the key server. `former` and `next` are
// SHA-256 of their public keys. INVALID_ARGUMENT former_ends_malformed; else codes of RotateRole.
absl::StatusOr<RoleRotated> RotateIssuing(const config::v1::KeyserverConfig& config, const Secret& passphrase, absl::Duration former_life,
                                          const Clock& clock, const crypto::SealCost& cost = crypto::SealCost());

// What a replacement that was broken off left: `keys`, which was just unsealed, is what counts afterwards. No database is open.
absl::Status FinishRoleRotation(const config::v1::KeyserverConfig& config, const Secret& passphrase, KeyRing& keys,
                                const crypto::SealCost& cost);

// FAILED_PRECONDITION role_keys_mismatch, with the remedy, if the database was signed anew under another statement than that of `keys`.
absl::Status CheckRoleKeys(SqlcipherConnection& connection, const KeyRing& keys);

}  // namespace plumbline::keyserver
