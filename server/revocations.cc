#include "server/revocations.h"

#include "absl/strings/str_cat.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"

namespace plumbline::server {

using identity::Refuse;

namespace {

absl::Status StorageUnavailable() {
  return Refuse(absl::StatusCode::kUnavailable, "storage_unavailable",
                "the server cannot use its storage; nothing was changed, try again later");
}

}  // namespace

absl::Status Revocations::Revoke(const delivery::v1::RevokeRequest& request,
                                 delivery::v1::RevokeResponse& response) {
  const ByteView wire = AsBytes(request.revocation());
  if (!roles_.Of(identity::Role::kGrants, clock_.Now()).Verify(identity::kRevocationLabel, wire, AsBytes(request.signature())).ok()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "revocation_signature_invalid",
                  "the revocation is not signed by the organisation's grants key; check that both "
                  "servers belong together");
  }
  const absl::StatusOr<identity::Revocation> revocation = identity::ParseRevocation(wire);
  if (!revocation.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "revocation_malformed",
                  "this server cannot read the revocation; bring both servers to the same version");
  }
  audit::Entry entry;
  entry.event = audit::Event::kRevocationApplied;
  entry.actor = "keyserver";
  entry.details = {{"sequence", absl::StrCat(revocation->sequence)},
                   {"grants", absl::StrCat(revocation->items.grants.size())},
                   {"token_keys", absl::StrCat(revocation->items.token_keys.size())}};
  const absl::StatusOr<RevocationResult> result = store_.Revoke(*revocation, entry);
  if (!result.ok()) return StorageUnavailable();
  response.set_last_sequence(result->last_sequence);
  if (!result->carried_out) return absl::OkStatus();
  sessions_.Revoke(revocation->items.token_keys);
  streams_.CloseMailboxes(result->closed);
  return absl::OkStatus();
}

absl::Status Revocations::TakeOrganisationKeys(const delivery::v1::TakeOrganisationKeysRequest& request,
                                               delivery::v1::TakeOrganisationKeysResponse& response) {
  MutexLock lock(taking_);
  const absl::StatusOr<uint64_t> number =
      TakeKeys(AsBytes(request.organisation_keys()), root_, domain_, clock_.Now(), store_, roles_);
  if (!number.ok()) return identity::ReasonOf(number.status()).empty() ? StorageUnavailable() : number.status();
  response.set_number(*number);
  return absl::OkStatus();
}

}  // namespace plumbline::server
