// A root that says which role keys count.
#pragma once

#include <string>

#include "common/crypto/issue.h"
#include "common/crypto/p256.h"
#include "common/identity/labels.h"
#include "common/identity/organisation_keys.h"

namespace plumbline::identity {

class KeyAuthority final {
 public:
  KeyAuthority(std::string domain, absl::Time now)
      : domain_(std::move(domain)), year_{now - absl::Hours(1), now + absl::Hours(24 * 365)},
        root_(*crypto::MakeRoot(key_, "Example root", {year_.not_before, year_.not_after + absl::Hours(24 * 3650)})) {}

  // A root that is there.
  KeyAuthority(std::string domain, absl::Time now, const crypto::Certificate& root, const crypto::P256PrivateKey& key)
      : domain_(std::move(domain)), year_{now - absl::Hours(1), now + absl::Hours(24 * 365)}, key_(*crypto::P256PrivateKey::FromDer(key.der())),
        root_(root) {}

  const crypto::Certificate& root() const { return root_; }
  const crypto::P256PrivateKey& root_key() const { return key_; }
  crypto::Certificate RoleCertificate(Role role, const crypto::Ed25519KeyPair& key) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {RoleUri{domain_, role}.ToString()};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = year_;
    return *crypto::IssueLeaf(root_, key_, spec);
  }
  // An encoded SignedOrganisationKeys.
  Bytes Sign(const OrganisationKeys& keys, Role role = Role::kKeys, const char* label = kOrganisationKeysLabel) const {
    const crypto::Ed25519KeyPair once = crypto::Ed25519KeyPair::Generate();
    SignedOrganisationKeys out{RoleCertificate(role, once).der(), Encode(keys), {}};
    out.signature = *ToFixed<64>(once.Sign(label, out.statement));
    return Encode(out);
  }

 private:
  const std::string domain_;
  const crypto::Validity year_;
  const crypto::P256PrivateKey key_ = crypto::P256PrivateKey::Generate();
  const crypto::Certificate root_;
};

}  // namespace plumbline::identity
