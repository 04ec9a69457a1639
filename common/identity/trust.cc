#include "common/identity/trust.h"

#include <map>

#include "common/identity/uri.h"

namespace plumbline::identity {

absl::StatusOr<OrganisationTrust> VerifyTrust(const crypto::Certificate& root,
                                              const std::vector<crypto::Certificate>& role_certificates,
                                              absl::string_view domain, absl::Time now) {
  std::map<Role, crypto::Ed25519PublicKey> keys;
  for (const crypto::Certificate& certificate : role_certificates) {
    RETURN_IF_ERROR(crypto::VerifyChain(certificate, {}, root, now, crypto::Purpose::kRoleSignature));
    if (certificate.uris().size() != 1 || !certificate.ed25519_key()) {
      return absl::InvalidArgumentError("a role certificate has one URI and an Ed25519 key");
    }
    ASSIGN_OR_RETURN(const RoleUri uri, ParseRoleUri(certificate.uris()[0]));
    if (uri.domain != domain)
      return absl::InvalidArgumentError("a role certificate is of another organisation");
    // The audit log's key proves nothing to a service or a client; that of a witness policy comes with the policy.
    if (uri.role == Role::kAudit || uri.role == Role::kPolicy)
      return absl::InvalidArgumentError("the audit and policy roles have no place among these");
    if (!keys.emplace(uri.role, *certificate.ed25519_key()).second) {
      return absl::InvalidArgumentError("two certificates for one role");
    }
  }
  if (keys.size() != 3) return absl::InvalidArgumentError("the certificate of a role is missing");
  return OrganisationTrust{std::string(domain), root, keys.at(Role::kDirectory), keys.at(Role::kGrants),
                           keys.at(Role::kTokens)};
}

absl::StatusOr<OrganisationTrust> ParseTrustBundle(absl::string_view pem, absl::string_view domain,
                                                   absl::Time now) {
  ASSIGN_OR_RETURN(std::vector<crypto::Certificate> all, crypto::ParsePemChain(pem));
  const crypto::Certificate root = all.front();
  all.erase(all.begin());
  return VerifyTrust(root, all, domain, now);
}

}  // namespace plumbline::identity
