// What a running service tells of itself, under its signature (docs/protocols/manifest.md).
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

inline constexpr size_t kMaxRunning = 1 << 20;  // bytes of RunningManifest
inline constexpr char kRunningLabel[] = "plumbline manifest v1";

// The manifest of this program, with what `config` says of it. `service`: its URI. Without a time.
metadata::v1::RunningManifest Describe(const std::string& service, const google::protobuf::Message& config);

// The first 16 hex digits of SHA-256 over all but the time: another one where a declaration or a setting is another. It is in the
// service's audit record with each start.
std::string ShortDigest(const metadata::v1::RunningManifest& running);

// Signed at `now` by the TLS key of `chain`'s first certificate. INVALID_ARGUMENT if key or chain are malformed.
absl::StatusOr<metadata::v1::GetManifestResponse> Sign(metadata::v1::RunningManifest running, absl::Time now, absl::string_view chain_pem,
                                                       const Secret& key_pem);

// What `answer` says, if the service `uri` signed it under `root`, while its certificate was good, which it is at `now`. That it is of
// now is for the connection to show. UNAUTHENTICATED manifest_invalid with what does not hold. A text in it is the service's word: not safe for a terminal.
absl::StatusOr<metadata::v1::RunningManifest> Verify(const metadata::v1::GetManifestResponse& answer, const std::string& uri,
                                                     const crypto::Certificate& root, absl::Time now,
                                                     const crypto::ReplacedIssuers& replaced = {});

}  // namespace plumbline::manifest
