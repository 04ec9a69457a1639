// Who is in a group, read from its leaves and nothing else.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/authentication.h"
#include "common/identity/mailbox_address.h"
#include "common/status.h"
#include "mls/group.h"

namespace plumbline::client {

struct RosterDevice {
  mls::LeafIndex leaf;
  CredentialNames names;
  Bytes signature_key;
  std::optional<identity::MailboxAddress> address;  // none if the leaf carries none that can be used
};

// One device for each leaf. Their credentials were validated when they entered the group.
// INVALID_ARGUMENT if a credential does not name one user and one device.
absl::StatusOr<std::vector<RosterDevice>> RosterOf(const mls::GroupView& group);

// The user URIs in it.
std::set<std::string> UsersOf(const std::vector<RosterDevice>& roster);

// The group's data extension. INVALID_ARGUMENT if it is absent or malformed.
absl::StatusOr<identity::GroupData> DataOf(const mls::GroupView& group);

}  // namespace plumbline::client
