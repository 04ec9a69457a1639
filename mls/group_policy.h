// What a member accepts beyond what RFC 9420 leaves no choice about. A group is stored with its
// policy, so a reused group may have been made under other settings.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "common/status.h"
#include "mls/secret_tree.h"

namespace plumbline::mls {

// All members of a group should agree on the four `accept_` settings: who refuses a commit that the
// others take has left the group.
struct GroupPolicy {
  uint32_t max_past_epochs = 3;   // epochs whose application messages can still be read, 0..16
  RatchetLimits ratchet_limits;   // per sender: generations ahead, skipped keys kept
  uint32_t max_members = 10'000;  // and leaves that a tree from outside may have, 1..2^30
  // Whether joining refuses a group with a member whose first leaf has expired. Off: it was valid
  // when it was added.
  bool check_member_lifetimes = false;
  absl::Duration max_lifetime =
      absl::InfiniteDuration();  // longest not_after - not_before accepted in a key package
  // Clients that put themselves into the group (§12.4.3.2); whoever has a GroupInfo with
  // external_pub can.
  bool accept_external_commits = false;
  // Proposals of the group's external senders and of clients that propose their own Add (§12.1.8).
  bool accept_external_proposals = false;
  // Commits that end the group for a successor (§11.2).
  bool accept_reinit = false;
  // Members' proposals and commits as PublicMessage, which anyone on their way can read.
  bool accept_public_handshakes = true;
};

inline constexpr uint32_t kMaxPastEpochs = 16;

// INVALID_ARGUMENT for settings outside their ranges.
absl::Status CheckPolicy(const GroupPolicy& policy);

}  // namespace plumbline::mls
