// Joining an organisation with an invitation: keys are made here and written down first, the answer is verified in every part
// up to the root whose fingerprint the invitation carries, and only then does the account exist.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/home.h"
#include "client/network.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/identity/invitation.h"
#include "common/status.h"

namespace plumbline::client {

// How enrolment reaches the network before there is an account.
struct EnrolmentPaths {
  // The pinned root as PEM, found in the handshake of the key server. As rpc::FetchPinnedRoot.
  std::function<absl::StatusOr<std::string>(const identity::Invitation&)> fetch_root;
  // A network that can do nothing but Enrol.
  std::function<absl::StatusOr<std::unique_ptr<Network>>(const identity::Invitation&, const std::string& root_pem)> connect;
};

// FAILED_PRECONDITION invitation_expired; ALREADY_EXISTS already_enrolled; INVALID_ARGUMENT invitation_malformed;
// PERMISSION_DENIED root_mismatch; UNAUTHENTICATED answer_invalid; the key server's refusals (code_wrong, code_used,
// code_expired, code_exhausted) as they are. May be called again after any failure or crash: the keys are the same as long as
// the invitation is.
absl::Status Enrol(const Home& home, Stores& stores, absl::string_view invitation_text, absl::string_view device_label,
                   const EnrolmentPaths& paths, const Clock& clock);

}  // namespace plumbline::client
