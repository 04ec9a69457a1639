// An organisation whose issuing authority was replaced, and the root's statement of it.
#pragma once

#include "common/identity/trust.h"
#include "tests/common/identity/signed_keys.h"

namespace plumbline::identity {

struct ReplacedAuthority {
  explicit ReplacedAuthority(absl::Time at) : now(at), authority("example.org", at) {}
  crypto::Certificate Issuing(const crypto::P256PrivateKey& key) const {
    return *crypto::MakeIssuing(authority.root(), authority.root_key(), key.spki(), "Example issuing", {now, now + absl::Hours(24 * 700)});
  }
  OrganisationKeys Keys(uint64_t number, absl::Time ends) const {
    OrganisationKeys out{"example.org", number, {}};
    for (size_t i = 0; i < 4; ++i) out.keys.push_back({authority.RoleCertificate(kListedRoles[i], roles[i]), 0});
    out.authorities = {{present, 0}, {former, static_cast<uint64_t>(absl::ToUnixSeconds(ends))}};
    return out;
  }
  TrustBundle Trust(const OrganisationKeys& keys) const {
    return {{authority.root(), keys.keys[0].certificate, keys.keys[1].certificate, keys.keys[2].certificate}, authority.Sign(keys)};
  }

  const absl::Time now;
  const KeyAuthority authority;
  const crypto::Ed25519KeyPair roles[4] = {crypto::Ed25519KeyPair::Generate(), crypto::Ed25519KeyPair::Generate(), crypto::Ed25519KeyPair::Generate(),
                                           crypto::Ed25519KeyPair::Generate()};
  const crypto::P256PrivateKey present_key = crypto::P256PrivateKey::Generate(), former_key = crypto::P256PrivateKey::Generate();
  const crypto::Certificate present = Issuing(present_key), former = Issuing(former_key);
};

}  // namespace plumbline::identity
