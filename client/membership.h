// Who should be in a conversation and who is: this person's wishes, others' requests to leave, what the directory says of each
// person's devices, and devices that fell behind, brought together in one commit.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/conversations.h"
#include "client/directory.h"
#include "client/self.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

// Used from one thread. Looks people up and claims key packages; the commit itself is sent by the Sender.
class Membership final {
 public:
  Membership(Stores& stores, const Self& self, Directory& directory, Supplies& supplies, Conversations& conversations,
             const Clock& clock)
      : stores_(stores), self_(self), directory_(directory), supplies_(supplies), conversations_(conversations),
        clock_(clock) {}

  // The directory's word on a person, at most half a minute old. Codes as Directory::LookUp.
  absl::StatusOr<Contact> Fresh(const std::string& user);

  // Where a device takes Welcomes now, from a key package that is spent on it; none if it is not listed any more or has none.
  absl::StatusOr<std::optional<identity::MailboxAddress>> IntakeOf(const RosterDevice& device);

  // Makes the group of a direct conversation, or one with `name` and `people` whose only owner is this person, and leaves its
  // first commit in the outbox. FAILED_PRECONDITION no_devices: a direct conversation needs the other person's. Returns the
  // conversation.
  absl::Status CreateDirect(const std::string& other);
  absl::StatusOr<std::string> CreateGroup(const std::string& name, const std::vector<std::string>& people);
  // A successor of `former` with `people` of its people, under fresh keys.
  absl::Status Renew(const OpenGroup& former, const std::set<std::string>& people);

  // Puts the commit that the group needs in the outbox. False if it needs none, or none that can be made now. `before_send`: do
  // not leave a removal to somebody else. FAILED_PRECONDITION own_device_revoked.
  absl::StatusOr<bool> Align(OpenGroup& group, bool before_send);
  // Whether Align has reason to look at the group although nothing is to be sent in it. Asks nobody.
  absl::StatusOr<bool> NeedsAttention(const StoredGroup& group);

 private:
  struct Plan;
  // Wishes and requests to leave, as a profile.
  absl::Status PlanPeople(Plan& plan);
  absl::Status PlanWish(Plan& plan, const Wish& wish);
  // Whose turn it is to carry out a request: the lowest hash at once, the others after a while.
  bool IsOurTurn(const Plan& plan, const HeldLeaveRequest& request) const;
  absl::Status PlanDevices(Plan& plan);
  absl::Status PlanResyncs(Plan& plan);
  absl::Status DropWish(const Wish& wish, absl::string_view reason, absl::string_view why);

  absl::StatusOr<std::vector<mls::KeyPackage>> Claim(const Contact& person, const std::vector<identity::RecordDevice>& devices);
  // Key packages for every listed device of the profile's people but this one.
  absl::StatusOr<std::vector<mls::KeyPackage>> ClaimAll(const identity::GroupProfile& profile);
  // A new group's id: of a mailbox that was opened for a group that was never made, if there is one.
  absl::StatusOr<Mailbox> MailboxForNewGroup();

  Stores& stores_;
  const Self& self_;
  Directory& directory_;
  Supplies& supplies_;
  Conversations& conversations_;
  const Clock& clock_;
  std::map<std::string, absl::Duration> looked_up_;  // when, by Uptime()
};

}  // namespace plumbline::client
