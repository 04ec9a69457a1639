// What the organisation's root says once: signed by a key that the root certified, in a role of its own, for this one statement.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/identity/uri.h"
#include "common/status.h"

namespace plumbline::identity {

// OK if `certificate` (DER) is of `role` of `domain` under `root` at `at`, and its key signed `statement` under `label`. UNAUTHENTICATED
// otherwise, with `what` in its text; INVALID_ARGUMENT if the certificate does not parse.
absl::Status VerifyRootStatement(absl::string_view what, ByteView certificate, ByteView statement, ByteView signature, absl::string_view label,
                                 const crypto::Certificate& root, absl::string_view domain, Role role, absl::Time at);

}  // namespace plumbline::identity
