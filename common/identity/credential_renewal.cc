#include "common/identity/credential_renewal.h"

#include <algorithm>

#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;

bool LessIsLeft(const crypto::Certificate& credential, absl::Time now, absl::Time issuer_ends, int part) {
  const absl::Duration life = credential.not_after() - credential.not_before();
  return CredentialEnd(credential, issuer_ends) - now < life / part;
}

}  // namespace

Bytes Encode(const CredentialRenewal& renewal) {
  Writer out;
  out.U8(kVersion)
      .Vector(AsBytes(renewal.user))
      .Fixed(renewal.device_id)
      .Fixed(renewal.mls_signature_public_key)
      .Fixed(renewal.former_credential_hash)
      .U64(renewal.time_unix);
  return out.TakeBytes();
}

absl::StatusOr<CredentialRenewal> ParseCredentialRenewal(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a credential's renewal"));
  CredentialRenewal out;
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.mls_signature_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.former_credential_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.time_unix, in.U64());
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::Time CredentialEnd(const crypto::Certificate& credential, absl::Time issuer_ends) {
  return std::min(credential.not_after(), issuer_ends);
}

bool CredentialIsDue(const crypto::Certificate& credential, absl::Time now, absl::Time issuer_ends) {
  if (issuer_ends != absl::InfiniteFuture()) return true;
  // Of a certificate that an ending authority cut short little is left from the first day on.
  return now - credential.not_before() >= absl::Hours(24) && LessIsLeft(credential, now, issuer_ends, 3);
}

bool CredentialIsOverdue(const crypto::Certificate& credential, absl::Time now, absl::Time issuer_ends) {
  return LessIsLeft(credential, now, issuer_ends, 6);
}

}  // namespace plumbline::identity
