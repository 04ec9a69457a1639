// What this server trusts: the organisation's root, named by its fingerprint in the configuration, and under it the role keys
// of the key server. Nothing is trusted because of where it came from.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/rpc/credentials.h"
#include "common/status.h"
#include "server/role_trust.h"

namespace plumbline::server {

struct Trust {
  std::string root_pem;
  FileKeys keys;
};

// From the file that plumbline-keyserver export-trust writes: PEM, identity::ReadTrustBundle.
// FAILED_PRECONDITION root_mismatch; UNAUTHENTICATED trust_invalid for anything that does not verify under that root at `now`
// or is not of `domain`; each with the remedy.
absl::StatusOr<Trust> ReadTrust(absl::string_view pem, const crypto::Fingerprint& root, absl::string_view domain, absl::Time now);

// This server's chain, checked: for its key, under that root, for TLS servers, in the name of the delivery service.
// FAILED_PRECONDITION certificate_invalid with the cause and the remedy.
absl::StatusOr<rpc::TlsIdentity> CheckCertificate(absl::string_view chain_pem, const crypto::P256PrivateKey& key,
                                                  const Trust& trust, absl::string_view domain, absl::Time now);

}  // namespace plumbline::server
