// Joining an organisation with an invitation: keys are made here and written down first, the answer is verified in every part
// up to the root whose fingerprint the invitation carries, and only then does the account exist.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/devices_network.h"
#include "client/home.h"
#include "client/network.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/identity/invitation.h"
#include "common/status.h"

namespace plumbline::client {

// How enrolment reaches the network before there is an account.
struct EnrolmentPaths {
  // The pinned root as PEM, found in the handshake of the key server. As rpc::FetchPinnedRoot.
  std::function<absl::StatusOr<std::string>(const identity::Invitation&)> fetch_root;
  // Shows what the services do with data about the person, and asks; may be null. Its refusal ends the enrolment before anything about
  // this device is sent.
  std::function<absl::Status(const identity::Invitation&, const crypto::Certificate& root)> agree;
  // A network that can do nothing but Enrol.
  std::function<absl::StatusOr<std::unique_ptr<Network>>(const identity::Invitation&, const std::string& root_pem)> connect;
  // For an invitation by a device: a network that can ask to join, what to do with the code that the inviting device has to be
  // told (normal form), and how long to wait for its approval.
  std::function<absl::StatusOr<std::unique_ptr<JoinNetwork>>(const identity::Invitation&, const std::string& root_pem)> connect_joining;
  std::function<void(const std::string& code, absl::Time expires)> show_code;
  absl::Duration patience = absl::Minutes(30);
};

// FAILED_PRECONDITION invitation_expired; ALREADY_EXISTS already_enrolled; INVALID_ARGUMENT invitation_malformed;
// PERMISSION_DENIED root_mismatch; UNAUTHENTICATED answer_invalid; the key server's refusals (code_wrong, code_used,
// code_expired, code_exhausted) as they are. By a device's invitation also FAILED_PRECONDITION join_refused, join_expired, and
// UNAVAILABLE join_waiting if nobody has decided within the patience. May be called again after any failure or crash: the keys are the same as long as
// the invitation is.
absl::Status Enrol(const Home& home, Stores& stores, absl::string_view invitation_text, absl::string_view device_label,
                   const EnrolmentPaths& paths, const Clock& clock);

}  // namespace plumbline::client
