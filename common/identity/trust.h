// What a service or a client needs to believe the key server: the root, and the keys of its three signing
// roles.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/status.h"

namespace plumbline::identity {

struct OrganisationTrust {
  std::string domain;
  crypto::Certificate root;
  crypto::Ed25519PublicKey directory_key;  // directory records
  crypto::Ed25519PublicKey grants_key;     // mailbox grants
  crypto::Ed25519PublicKey tokens_key;     // statements of token keys
};

// The caller vouches for `root`: it is pinned by an invitation or a file. Each role certificate must be
// signed by the root, for role signatures, valid at `now`, and name a role of `domain`; each role exactly
// once.
//   UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION as crypto::VerifyChain; INVALID_ARGUMENT for a
//   wrong set of roles.
absl::StatusOr<OrganisationTrust> VerifyTrust(const crypto::Certificate& root,
                                              const std::vector<crypto::Certificate>& role_certificates,
                                              absl::string_view domain, absl::Time now);

// The file that `plumbline-keyserver export-trust` writes: PEM, the root first, then the role certificates.
absl::StatusOr<OrganisationTrust> ParseTrustBundle(absl::string_view pem, absl::string_view domain,
                                                   absl::Time now);

}  // namespace plumbline::identity
