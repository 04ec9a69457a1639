#include "common/identity/grant.h"

#include <algorithm>

#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;

Writer SignedPart(const MailboxGrant& grant) {
  Writer out;
  out.U8(kVersion).Fixed(grant.serial).U32(grant.expires_day);
  return out;
}

Bytes Join(const std::vector<Hash>& hashes) {
  Writer out;
  for (const Hash& hash : hashes) out.Fixed(hash);
  return out.TakeBytes();
}

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "grant_invalid", why);
}

}  // namespace

uint32_t DayOf(absl::Time time) {
  return static_cast<uint32_t>(std::clamp<int64_t>(absl::ToUnixSeconds(time) / 86400, 0, UINT32_MAX));
}

Bytes Encode(const MailboxGrant& grant) { return SignedPart(grant).Fixed(grant.signature).TakeBytes(); }

absl::StatusOr<MailboxGrant> ParseMailboxGrant(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a mailbox grant"));
  MailboxGrant out;
  ASSIGN_OR_RETURN(out.serial, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.expires_day, in.U32());
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<MailboxGrant> IssueGrant(const crypto::Ed25519Signer& grants_key, absl::Time now) {
  MailboxGrant out;
  out.serial = RandomFixed<16>();
  // All that are issued in one week end on one day: a mailbox's end does not tell on which day it was opened.
  out.expires_day = (DayOf(now) + kGrantLifeDays) / kGrantDaysApart * kGrantDaysApart;
  ASSIGN_OR_RETURN(const Bytes signature, crypto::SignUnder(grants_key, kMailboxGrantLabel, SignedPart(out).view()));
  ASSIGN_OR_RETURN(out.signature, ToFixed<64>(signature));
  return out;
}

absl::StatusOr<MailboxGrant> CheckGrant(ByteView wire, const RoleKeys& grants_keys,
                                        absl::Time now) {
  absl::StatusOr<MailboxGrant> grant = ParseMailboxGrant(wire);
  if (!grant.ok()) return Invalid("this is not a mailbox grant; draw new ones");
  if (!grants_keys.Verify(kMailboxGrantLabel, SignedPart(*grant).view(), grant->signature).ok()) {
    return Invalid("the grant is not signed by a key of this organisation that counts now; draw new ones");
  }
  if (grant->expires_day < DayOf(now)) {
    return Refuse(absl::StatusCode::kUnauthenticated, "grant_expired",
                  "the grant has expired; draw new ones");
  }
  return grant;
}

Bytes Encode(const MailboxOpening& opening) {
  Writer out;
  out.Fixed(opening.grant_hash)
      .Fixed(opening.mailbox_id)
      .Fixed(opening.owner_public_key)
      .Vector(Join(opening.capability_hashes));
  return out.TakeBytes();
}

Bytes DepositCapabilitiesMessage(const MailboxId& mailbox_id, uint64_t counter,
                                 const std::vector<Hash>& hashes) {
  Writer out;
  out.Fixed(mailbox_id).U64(counter).Vector(Join(hashes));
  return out.TakeBytes();
}

Bytes ReceiveMessage(const Nonce& nonce, const MailboxId& mailbox_id) {
  Writer out;
  out.Fixed(nonce).Fixed(mailbox_id);
  return out.TakeBytes();
}

}  // namespace plumbline::identity
