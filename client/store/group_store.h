// MLS groups, the conversations they carry, and where each sender's chain of frames stands.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/store/store.h"
#include "common/identity/fixed.h"
#include "common/identity/mailbox_address.h"
#include "common/secret.h"

namespace plumbline::client {

enum class GroupStatus : int {
  kCreating = 1,  // our first commit is not yet accepted
  kActive = 2,
  kLeft = 3,      // we were removed
  kBroken = 4,    // our state and the server's gate contradict each other: not used for sending
  kLost = 5,      // changes were missed that can no longer be had: waits to be taken in again
  kReplaced = 6,  // another group continues the conversation
  kStuck = 7,     // the server took a change that the members refuse: no further one can follow it
};

struct StoredGroup {
  Bytes id;
  std::string conversation;  // the other person's user URI, or ConversationKey of a group
  identity::GroupHandle handle{};
  GroupStatus status = GroupStatus::kCreating;
  Secret state;  // mls::Group::Serialize
  uint64_t joined_epoch = 0;  // 0: made here
  uint64_t sent_sequence = 0;
  identity::Hash sent_hash{};
  bool address_due = false;  // the own leaf does not yet carry this conversation's mailbox
};

// A sender's last frame in a group.
struct ChainHead {
  uint64_t sequence = 0;
  identity::Hash hash{};
};

class GroupStore final {
 public:
  explicit GroupStore(Store& store) : store_(store) {}

  // ALREADY_EXISTS if there is a group of that id.
  absl::Status Add(Change& change, const StoredGroup& group);
  absl::Status Update(Change& change, const StoredGroup& group);
  absl::Status Remove(Change& change, ByteView id);
  absl::StatusOr<std::optional<StoredGroup>> Find(ByteView id);
  absl::StatusOr<std::vector<StoredGroup>> InConversation(absl::string_view conversation);
  absl::StatusOr<std::vector<StoredGroup>> All();

  absl::StatusOr<std::optional<ChainHead>> FindChain(ByteView group_id, const identity::DeviceId& device);
  absl::Status SetChain(Change& change, ByteView group_id, const identity::DeviceId& device, const ChainHead& head);
  // Nothing is known of any sender's chain any more: the next frame of each is where it begins.
  absl::Status ForgetChains(Change& change, ByteView group_id);
  // Sequences that were skipped and may still come. TakeMissing says whether it was one of them.
  absl::Status AddMissing(Change& change, ByteView group_id, const identity::DeviceId& device, uint64_t sequence);
  absl::StatusOr<bool> TakeMissing(Change& change, ByteView group_id, const identity::DeviceId& device,
                                   uint64_t sequence);

 private:
  Store& store_;
};

}  // namespace plumbline::client
