#include "client/organisation_keys.h"

namespace plumbline::client {
namespace {

// Number 0 where there is none.
absl::StatusOr<identity::OrganisationKeys> Stored(Stores& stores, const Self& self) {
  ASSIGN_OR_RETURN(const Bytes wire, stores.log.OrganisationKeys());
  if (wire.empty()) return identity::OrganisationKeys{self.domain(), 0, {}};
  const absl::StatusOr<identity::SignedOrganisationKeys> kept = identity::ParseSignedOrganisationKeys(wire);
  absl::StatusOr<identity::OrganisationKeys> keys = kept.ok() ? identity::ParseOrganisationKeys(kept->statement) : kept.status();
  if (!keys.ok()) return absl::DataLossError("the organisation's keys in the client's store are malformed");
  return keys;
}

}  // namespace

absl::StatusOr<identity::TrustedKeys> TrustedKeysOf(Stores& stores, const Self& self) {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys statement, Stored(stores, self));
  if (statement.number > 0) return identity::TrustedKeys(statement);
  const Account& account = self.account();
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey directory, crypto::Ed25519PublicKey::Parse(account.directory_key));
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey grants, crypto::Ed25519PublicKey::Parse(account.grants_key));
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey tokens, crypto::Ed25519PublicKey::Parse(account.tokens_key));
  return identity::TrustedKeys(directory, grants, tokens);
}

absl::Status UseStoredIssuers(Stores& stores, const Self& self) {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys statement, Stored(stores, self));
  self.issuers()->Replace(identity::TrustedKeys(statement).replaced());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<crypto::Certificate>> AuthoritiesOf(const identity::TrustedKeys& trusted, const Self& self) {
  if (!trusted.authorities().empty()) return trusted.authorities();
  absl::StatusOr<crypto::Certificate> own = crypto::Certificate::Parse(self.account().issuing);
  if (!own.ok()) return absl::DataLossError("the issuing certificate in the client's store is malformed");
  return std::vector<crypto::Certificate>{*std::move(own)};
}

absl::Status TakeOrganisationKeys(Stores& stores, const Self& self, ByteView offered, absl::Time now) {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys keys, identity::VerifyOrganisationKeys(offered, self.root(), self.domain(), now));
  ASSIGN_OR_RETURN(const identity::OrganisationKeys held, Stored(stores, self));
  ASSIGN_OR_RETURN(const bool newer, identity::Supersedes(keys, held));
  if (!newer) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores.store.Begin());
  RETURN_IF_ERROR(stores.log.SetOrganisationKeys(change, offered));
  RETURN_IF_ERROR(stores.supply.RemoveGrants(change));
  RETURN_IF_ERROR(change.Commit());
  self.issuers()->Replace(identity::TrustedKeys(keys).replaced());
  return absl::OkStatus();
}

}  // namespace plumbline::client
