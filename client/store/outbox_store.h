// What was decided to be sent and not yet acknowledged, as the exact bytes. They are sent again as they are, never made anew.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/store/store.h"
#include "common/identity/fixed.h"
#include "common/secret.h"

namespace plumbline::client {

struct OutgoingEnvelope {
  identity::EnvelopeId envelope_id{};
  identity::MailboxId mailbox_id{};
  identity::Fixed<32> capability{};
  Bytes sealed;
};

struct OutboxItem {
  int64_t id = 0;  // in the order of their making
  Bytes group_id;
  uint64_t epoch = 0;
  // A commit: delivery.v1.GatedCommit, serialised, and the group it leads to (mls::Group::Serialize).
  std::optional<Bytes> gated_commit;
  Secret next_state;
  std::optional<int64_t> history_id;  // a message
  std::vector<OutgoingEnvelope> envelopes;
};

class OutboxStore final {
 public:
  explicit OutboxStore(Store& store) : store_(store) {}

  // Returns the item's id; `item.id` is not looked at.
  absl::StatusOr<int64_t> Add(Change& change, const OutboxItem& item);
  // Oldest first: the first item with an id above `after`; none if there is none.
  absl::StatusOr<std::optional<OutboxItem>> Next(int64_t after);
  absl::StatusOr<std::optional<OutboxItem>> PendingCommit(ByteView group_id);
  absl::StatusOr<bool> HasItems(ByteView group_id);
  // An envelope the server has answered for.
  absl::Status RemoveEnvelope(Change& change, const identity::EnvelopeId& id);
  absl::Status Remove(Change& change, int64_t id);
  absl::StatusOr<int64_t> Count();

 private:
  absl::StatusOr<std::optional<OutboxItem>> ReadItem(db::Statement& row);
  Store& store_;
};

}  // namespace plumbline::client
