// What the services say of themselves (docs/protocols/manifest.md), asked for without identity.
#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/identity/uri.h"
#include "common/rpc/credentials.h"
#include "common/status.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::client {

// Verified up to `root`. UNAUTHENTICATED manifest_invalid; UNAVAILABLE; UNIMPLEMENTED for a service that is too old to tell.
absl::StatusOr<metadata::v1::RunningManifest> FetchManifest(const std::string& address, const identity::ServiceUri& service,
                                                            const crypto::Certificate& root, rpc::Issuers issuers, const Clock& clock);

// Before this device is enrolled: what the key server at `keyserver_address` says, and, where it can be reached, the delivery server.
// Codes of FetchManifest, for the key server.
absl::StatusOr<std::vector<metadata::v1::RunningManifest>> FetchManifestsBefore(const std::string& keyserver_address, const std::string& domain,
                                                                                const crypto::Certificate& root, const Clock& clock);

}  // namespace plumbline::client
