#include "server/role_trust.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::server {
namespace {

// Number 0 where there is none.
absl::StatusOr<identity::OrganisationKeys> Stored(RevocationStore& store) {
  ASSIGN_OR_RETURN(const Bytes wire, store.OrganisationKeys());
  if (wire.empty()) return identity::OrganisationKeys();
  const absl::StatusOr<identity::SignedOrganisationKeys> kept = identity::ParseSignedOrganisationKeys(wire);
  absl::StatusOr<identity::OrganisationKeys> keys = kept.ok() ? identity::ParseOrganisationKeys(kept->statement) : kept.status();
  if (!keys.ok()) return absl::DataLossError("the stored organisation keys do not parse");
  return keys;
}

absl::Status Store(RevocationStore& store, ByteView wire, uint64_t number) {
  audit::Entry entry;
  entry.event = audit::Event::kTrustLoaded;
  entry.actor = "keyserver";
  entry.details = {{"organisation_keys", absl::StrCat(number)}};
  return store.SetOrganisationKeys(wire, entry);
}

}  // namespace

absl::StatusOr<identity::TrustedKeys> LoadKeys(const FileKeys& file, RevocationStore& store) {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys stored, Stored(store));
  if (file.statement && file.statement->number >= stored.number) {
    ASSIGN_OR_RETURN(const bool newer, identity::Supersedes(*file.statement, stored));
    if (newer) RETURN_IF_ERROR(Store(store, file.organisation_keys, file.statement->number));
    return identity::TrustedKeys(*file.statement);
  }
  return stored.number > 0 ? identity::TrustedKeys(stored) : file.keys;
}

absl::StatusOr<uint64_t> TakeKeys(ByteView wire, const crypto::Certificate& root, absl::string_view domain, absl::Time now,
                                  RevocationStore& store, RoleTrust& roles) {
  const absl::StatusOr<identity::OrganisationKeys> offered = identity::VerifyOrganisationKeys(wire, root, domain, now);
  if (!offered.ok()) {
    return identity::Refuse(absl::StatusCode::kUnauthenticated, "organisation_keys_invalid",
                            absl::StrCat("the root's word for the organisation's keys does not hold: ", offered.status().message(),
                                         "; check that both servers belong together, and their clocks"));
  }
  ASSIGN_OR_RETURN(const identity::OrganisationKeys held, Stored(store));
  ASSIGN_OR_RETURN(const bool newer, identity::Supersedes(*offered, held));
  if (newer) RETURN_IF_ERROR(Store(store, wire, offered->number));
  roles.Replace(identity::TrustedKeys(*offered));
  return offered->number;
}

}  // namespace plumbline::server
