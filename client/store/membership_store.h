// What is to change about who is in a group: this person's wishes, others' requests to leave, devices that fell behind. And what
// groups are called.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "common/identity/fixed.h"

namespace plumbline::client {

enum class WishKind : int {
  kAdd = 1,         // subject: a user URI
  kRemove = 2,
  kMakeOwner = 3,
  kMakeMember = 4,
  kRename = 5,      // subject: the name
};
struct Wish {
  int64_t id = 0;  // in the order they were made
  std::string conversation;
  WishKind kind = WishKind::kAdd;
  std::string subject;
};

struct HeldLeaveRequest {
  std::string user;
  Bytes request;  // identity::LeaveRequest, as received
  absl::Time received;
};

struct HeldResyncRequest {
  identity::DeviceId device{};
  Bytes request;    // identity::ResyncRequest, as received
  Bytes stuck_key;  // encryption key of the device's leaf at that time
};

class MembershipStore final {
 public:
  explicit MembershipStore(Store& store) : store_(store) {}

  absl::Status SetName(Change& change, absl::string_view conversation, absl::string_view name);
  absl::StatusOr<std::map<std::string, std::string>> Names();  // by conversation

  absl::Status AddWish(Change& change, const Wish& wish);
  absl::Status RemoveWish(Change& change, int64_t id);
  absl::StatusOr<std::vector<Wish>> Wishes(absl::string_view conversation);

  // The first one of a person is kept with its time.
  absl::Status AddLeaveRequest(Change& change, absl::string_view conversation, const HeldLeaveRequest& request);
  absl::Status RemoveLeaveRequest(Change& change, absl::string_view conversation, absl::string_view user);
  absl::StatusOr<std::vector<HeldLeaveRequest>> LeaveRequests(absl::string_view conversation);

  // Replaces an earlier one of that device.
  absl::Status AddResyncRequest(Change& change, ByteView group_id, const HeldResyncRequest& request);
  absl::Status RemoveResyncRequest(Change& change, ByteView group_id, const identity::DeviceId& device);
  absl::StatusOr<std::vector<HeldResyncRequest>> ResyncRequests(ByteView group_id);

  struct Asked {
    absl::Time last = absl::InfinitePast();
    int64_t times = 0;
  };
  absl::Status SetAsked(Change& change, ByteView group_id, const Asked& asked);
  absl::Status ForgetAsked(Change& change, ByteView group_id);
  absl::StatusOr<Asked> AskedFor(ByteView group_id);

 private:
  Store& store_;
};

}  // namespace plumbline::client
