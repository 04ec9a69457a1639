#include "keyserver/role_certificate.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/issue.h"
#include "keyserver/issuer.h"

namespace plumbline::keyserver {

absl::StatusOr<RoleKey> CertifyRole(SigningKey key, const std::string& domain, identity::Role role, const crypto::Certificate& root,
                                    const crypto::P256PrivateKey& root_key, absl::Time now) {
  crypto::LeafSpec spec;
  spec.spki = crypto::Ed25519Spki(key.public_key());
  spec.uris = {identity::RoleUri{domain, role}.ToString()};
  spec.purpose = crypto::Purpose::kRoleSignature;
  spec.validity = ValidFrom(now, kRoleLife);
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::IssueLeaf(root, root_key, spec));
  return RoleKey{std::move(key), std::move(certificate)};
}

absl::StatusOr<RoleKey> MakeRole(const std::string& domain, identity::Role role, const crypto::Certificate& root,
                                 const crypto::P256PrivateKey& root_key, absl::Time now) {
  return CertifyRole(crypto::Ed25519KeyPair::Generate(), domain, role, root, root_key, now);
}

absl::StatusOr<crypto::Certificate> CertifyAuthority(const AuthorityKey& key, const std::string& display_name, const crypto::Certificate& root,
                                                     const crypto::P256PrivateKey& root_key, absl::Time now) {
  return crypto::MakeIssuing(root, root_key, key.spki(), absl::StrCat(display_name, " issuing"), ValidFrom(now, kIssuingLife));
}

}  // namespace plumbline::keyserver
