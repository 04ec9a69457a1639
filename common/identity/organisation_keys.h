// Which keys sign in the organisation's name, said by its root: the complete set of the role keys that are believed, each with its
// end, and of the issuing authorities (docs/protocols/identity.md, "Keys of the roles"). An organisation that never replaced one has
// no statement: number 0.
//
//   struct { opaque certificate<V>; uint64 ends_unix; } ListedKey;     // DER; 0: with its certificate
//   struct { uint8 version = 2; opaque domain<V>; uint64 number; ListedKey keys<V>; ListedKey authorities<V>; } OrganisationKeys;
//   struct { opaque certificate<V>; opaque statement<V>; opaque signature[64]; } SignedOrganisationKeys;
//
// Keys are in the order directory, grants, tokens, audit; of each role one that is current (ends_unix is 0), then at most one that was
// replaced. Authorities are the current one (ends_unix is 0) and those that were replaced, newest first: all of them, for what one has
// signed is read long after it. A statement of version 1 has none. The signature is Ed25519 under "plumbline organisation keys v1" by a key that the root certified for this one statement,
// in the role "keys". Of two statements the higher number holds, so none that was replaced comes back.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/identity/uri.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxOrganisationKeys = 64 << 10;  // bytes of a SignedOrganisationKeys
inline constexpr size_t kMaxAuthorities = 16;             // in a statement

// The roles whose keys a statement lists, in its order.
inline constexpr Role kListedRoles[] = {Role::kDirectory, Role::kGrants, Role::kTokens, Role::kAudit};

struct ListedKey {
  crypto::Certificate certificate;
  uint64_t ends_unix = 0;
  bool operator==(const ListedKey&) const = default;
};

struct OrganisationKeys {
  std::string domain;
  uint64_t number = 0;  // from 1
  std::vector<ListedKey> keys;
  std::vector<ListedKey> authorities = {};  // empty: no word about them
  bool operator==(const OrganisationKeys&) const = default;
};
Bytes Encode(const OrganisationKeys& keys);
// INVALID_ARGUMENT for any other input than Encode's of a statement as above; says nothing about who signed the certificates.
absl::StatusOr<OrganisationKeys> ParseOrganisationKeys(ByteView wire);

// As it is stored and sent.
struct SignedOrganisationKeys {
  Bytes certificate;  // DER; of the role "keys", under the root
  Bytes statement;    // encoded OrganisationKeys
  Signature signature{};
  bool operator==(const SignedOrganisationKeys&) const = default;
};
Bytes Encode(const SignedOrganisationKeys& keys);
absl::StatusOr<SignedOrganisationKeys> ParseSignedOrganisationKeys(ByteView wire);

// INVALID_ARGUMENT for a malformed one and one of another organisation; UNAUTHENTICATED if the root's word for it does not hold at
// `now`, or a key that it lists is not under that root.
absl::StatusOr<OrganisationKeys> VerifyOrganisationKeys(ByteView wire, const crypto::Certificate& root, absl::string_view domain,
                                                        absl::Time now);

// Whether whoever holds `held` takes `offered`: true for a higher number, false for the same statement. FAILED_PRECONDITION
// organisation_keys_replaced for a lower number; organisation_keys_contradict for the same number with another content, which the
// root has then signed twice.
absl::StatusOr<bool> Supersedes(const OrganisationKeys& offered, const OrganisationKeys& held);

// The public keys of one role that count at one moment. Made for one use, and not kept. Empty: nothing verifies.
class RoleKeys final {
 public:
  RoleKeys(const crypto::Ed25519PublicKey& key) : keys_{key} {}  // NOLINT: one is a set of one
  explicit RoleKeys(std::vector<crypto::Ed25519PublicKey> keys) : keys_(std::move(keys)) {}
  // OK if one of them signed. UNAUTHENTICATED; INVALID_ARGUMENT for a signature of another size than 64 bytes.
  absl::Status Verify(absl::string_view label, ByteView message, ByteView signature) const;
  const std::vector<crypto::Ed25519PublicKey>& keys() const { return keys_; }

 private:
  std::vector<crypto::Ed25519PublicKey> keys_;
};

// What a program believes the organisation's role keys to be. The one place that decides whether a role key counts. A value.
class TrustedKeys final {
 public:
  // Number 0: the three keys that services and clients know, for as long as no statement says otherwise.
  TrustedKeys(const crypto::Ed25519PublicKey& directory, const crypto::Ed25519PublicKey& grants, const crypto::Ed25519PublicKey& tokens);
  // A statement that was verified when it was taken: its own certificate may have ended since.
  explicit TrustedKeys(const OrganisationKeys& keys);

  uint64_t number() const { return number_; }
  // The current key, and the former one until its end. The current one counts no longer than its certificate where a statement names it.
  RoleKeys Of(Role role, absl::Time now) const;
  // Issuing authorities that were replaced, for VerifyChain. One that no statement names counts: only the root makes one.
  const crypto::ReplacedIssuers& replaced() const { return replaced_; }
  // The current one first; empty: no statement names any.
  const std::vector<crypto::Certificate>& authorities() const { return authorities_; }

 private:
  struct Key {
    Role role;
    crypto::Ed25519PublicKey key;
    absl::Time end;  // counts before it
  };
  uint64_t number_ = 0;
  std::vector<Key> keys_;
  std::vector<crypto::Certificate> authorities_;
  crypto::ReplacedIssuers replaced_;
};

}  // namespace plumbline::identity
