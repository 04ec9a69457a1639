// The root's word for the key of a role or of an issuing authority. Ceremonies alone have the root's key.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/identity/uri.h"
#include "keyserver/key_ring.h"

namespace plumbline::keyserver {

// For a year from `now` on.
absl::StatusOr<RoleKey> CertifyRole(SigningKey key, const std::string& domain, identity::Role role, const crypto::Certificate& root,
                                    const crypto::P256PrivateKey& root_key, absl::Time now);

// With a new key that is kept here.
absl::StatusOr<RoleKey> MakeRole(const std::string& domain, identity::Role role, const crypto::Certificate& root,
                                 const crypto::P256PrivateKey& root_key, absl::Time now);

// Of an issuing authority, for kIssuingLife from `now` on or until the root ends.
absl::StatusOr<crypto::Certificate> CertifyAuthority(const AuthorityKey& key, const std::string& display_name, const crypto::Certificate& root,
                                                     const crypto::P256PrivateKey& root_key, absl::Time now);

}  // namespace plumbline::keyserver
