// What a service or a client needs to believe the key server: the root, and the keys of its three signing
// roles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/identity/organisation_keys.h"
#include "common/status.h"

namespace plumbline::identity {

struct OrganisationTrust {
  std::string domain;
  crypto::Certificate root;
  // The current keys.
  crypto::Ed25519PublicKey directory_key;  // directory records
  crypto::Ed25519PublicKey grants_key;     // mailbox grants
  crypto::Ed25519PublicKey tokens_key;     // statements of token keys
  std::optional<OrganisationKeys> statement;  // none where none was ever replaced

  // What counts: the statement's keys, or these three.
  TrustedKeys Keys() const;
};

// The caller vouches for `root`: it is pinned by an invitation or a file. Each role certificate must be
// signed by the root, for role signatures, valid at `now`, and name a role of `domain`; each role exactly
// once. `organisation_keys` is an encoded SignedOrganisationKeys whose current keys are these, or empty.
//   UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION as crypto::VerifyChain; INVALID_ARGUMENT for a
//   wrong set of roles, and codes of VerifyOrganisationKeys.
absl::StatusOr<OrganisationTrust> VerifyTrust(const crypto::Certificate& root,
                                              const std::vector<crypto::Certificate>& role_certificates,
                                              ByteView organisation_keys, absl::string_view domain, absl::Time now);

// The file that `plumbline-keyserver export-trust` writes: PEM, the root first, then the role certificates, then, where a key was
// ever replaced, a block "PLUMBLINE ORGANISATION KEYS" with the encoded SignedOrganisationKeys.
struct TrustBundle {
  std::vector<crypto::Certificate> certificates;  // the root first
  Bytes organisation_keys;                        // empty: none
};
std::string ToText(const TrustBundle& bundle);
// INVALID_ARGUMENT for any other text. Says nothing about who signed what.
absl::StatusOr<TrustBundle> ReadTrustBundle(absl::string_view text);
// Codes of ReadTrustBundle and VerifyTrust.
absl::StatusOr<OrganisationTrust> ParseTrustBundle(absl::string_view text, absl::string_view domain,
                                                   absl::Time now);

}  // namespace plumbline::identity
