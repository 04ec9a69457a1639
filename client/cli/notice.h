// The privacy notice on the command line.
#pragma once

#include <vector>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/identity/invitation.h"
#include "common/status.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::client {

class Session;

// Of both servers. Codes of FetchManifest.
absl::StatusOr<std::vector<metadata::v1::RunningManifest>> FetchManifests(const Session& session);

// Before enrolment: shows what the services say, and asks unless --accept-notice is given; `agreed` is what was agreed to.
// FAILED_PRECONDITION notice_not_accepted without a terminal, or for any answer but yes; codes of FetchManifestsBefore.
absl::Status AgreeBefore(const Options& options, const identity::Invitation& invitation, const crypto::Certificate& root, const Clock& clock,
                         Output& output, metadata::v1::Notice& agreed);

// For what sends something new: asks again if the services say something else than what was agreed to. FAILED_PRECONDITION
// notice_not_accepted.
absl::Status RequireNotice(Session& session, Output& output);

}  // namespace plumbline::client
