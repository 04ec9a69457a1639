// What a person sees: messages sent and received, gaps and notices; and which envelopes are in it already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "common/identity/fixed.h"

namespace plumbline::client {

enum class EntryKind : int {
  kMessage = 1,
  kGap = 2,     // frames are missing or out of their chain
  kNotice = 3,  // something a person should know: a new device, a refused envelope
  kControl = 4, // ours, between clients: sent like a message, shown to nobody
};

enum class EntryState : int {
  kNew = 1,         // received, not yet shown
  kShown = 2,
  kWaiting = 3,     // ours, not yet encrypted: the group is not ready or the network is down
  kQueued = 4,      // ours, in the outbox as exact bytes
  kSent = 5,        // ours, stored by the server for at least one device of the other person
  kFailed = 6,      // ours, refused for every device of the other person
};

struct Entry {
  int64_t id = 0;
  absl::Time time;           // when it was written or received here, whole seconds
  std::string conversation;  // the other person's user URI, or ConversationKey of a group; may be empty for notices
  EntryKind kind = EntryKind::kMessage;
  std::string sender;        // user URI of the authenticated credential; empty for notices
  Bytes device_id;           // of the sender; empty for notices
  std::string media_type;
  Bytes body;                // as received: not safe to print as it is
  EntryState state = EntryState::kNew;
  std::string detail;        // a stable reason id for gaps and notices
};

class HistoryStore final {
 public:
  explicit HistoryStore(Store& store) : store_(store) {}

  // Returns the entry's id; `entry.id` is not looked at.
  absl::StatusOr<int64_t> Add(Change& change, const Entry& entry);
  absl::Status SetState(Change& change, int64_t id, EntryState state);
  absl::StatusOr<std::optional<Entry>> Find(int64_t id);
  // In order of id. `conversation` empty: all. At most `limit`, the newest.
  absl::StatusOr<std::vector<Entry>> InConversation(absl::string_view conversation, int64_t limit);
  absl::StatusOr<std::vector<Entry>> InState(EntryState state);
  // Every conversation there is an entry or a group of, with the id of its newest entry.
  struct Summary {
    std::string conversation;
    int64_t messages = 0;
    int64_t unread = 0;
    absl::Time last;
  };
  absl::StatusOr<std::vector<Summary>> Summaries();

  absl::StatusOr<bool> Seen(const identity::EnvelopeId& id);
  // Also forgets what was seen more than 60 days ago: the server has forgotten it long before.
  absl::Status MarkSeen(Change& change, const identity::EnvelopeId& id, uint32_t today);

 private:
  Store& store_;
};

}  // namespace plumbline::client
