// Mailbox grants, and what the owner of a mailbox signs (docs/protocols/delivery.md, "Mailboxes").
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/identity/organisation_keys.h"
#include "common/status.h"

namespace plumbline::identity {

using GrantSerial = Fixed<16>;
inline constexpr uint32_t kGrantDaysApart = 7;   // between the days on which grants end
inline constexpr uint32_t kGrantLifeDays = 34;  // and the rest of the day of issue: at most 35 days
inline constexpr size_t kMaxDepositCapabilities = 1000;

// Whole days since 1970-01-01 UTC.
uint32_t DayOf(absl::Time time);

// struct { uint8 version = 1; opaque serial[16]; uint32 expires_day; opaque signature[64]; } MailboxGrant;
// signed under kMailboxGrantLabel by the grants role over the fields before. Names nobody.
struct MailboxGrant {
  GrantSerial serial{};
  uint32_t expires_day = 0;  // the last day it and its mailbox are good
  Signature signature{};
  bool operator==(const MailboxGrant&) const = default;
};
Bytes Encode(const MailboxGrant& grant);
absl::StatusOr<MailboxGrant> ParseMailboxGrant(ByteView wire);

// A new grant with a random serial. As the signer.
absl::StatusOr<MailboxGrant> IssueGrant(const crypto::Ed25519Signer& grants_key, absl::Time now);

// UNAUTHENTICATED grant_invalid (malformed, wrong signature) or grant_expired.
absl::StatusOr<MailboxGrant> CheckGrant(ByteView wire, const RoleKeys& grants_keys,
                                        absl::Time now);

// struct { opaque grant_hash[32]; opaque mailbox_id[16]; opaque owner_public_key[32];
//          opaque capability_hashes<V>; } MailboxOpening;   under kMailboxOpeningLabel by the owner
struct MailboxOpening {
  Hash grant_hash{};  // SHA-256 of the grant's encoding
  MailboxId mailbox_id{};
  PublicKey owner_public_key{};
  std::vector<Hash> capability_hashes;  // SHA-256 of each deposit capability
};
Bytes Encode(const MailboxOpening& opening);

// mailbox_id[16]; uint64 counter; opaque capability_hashes<V>;   under kDepositCapabilitiesLabel by the owner
Bytes DepositCapabilitiesMessage(const MailboxId& mailbox_id, uint64_t counter,
                                 const std::vector<Hash>& hashes);

// nonce[32]; mailbox_id[16];   under kReceiveLabel by the owner
Bytes ReceiveMessage(const Nonce& nonce, const MailboxId& mailbox_id);

}  // namespace plumbline::identity
