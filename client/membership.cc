#include "client/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/roster.h"
#include "common/identity/reason.h"
#include "common/identity/resync.h"

namespace plumbline::client {
namespace {

using identity::GroupPerson;
using identity::GroupProfile;
using identity::GroupRole;
using identity::Refuse;

constexpr absl::Duration kFreshness = absl::Seconds(30);    // of a directory record in a running process
constexpr absl::Duration kBackOff = absl::Seconds(20);      // before the next in line carries out a request to leave
constexpr char kRemoverLabel[] = "plumbline remover v1";

std::vector<identity::RecordDevice> ListedDevices(const Contact& contact) {
  if (contact.parsed.status != identity::RecordStatus::kActive) return {};
  return contact.parsed.devices;
}

void SortPeople(GroupProfile& profile) {
  std::sort(profile.people.begin(), profile.people.end(),
            [](const GroupPerson& a, const GroupPerson& b) { return a.user < b.user; });
}

size_t CountOwners(const GroupProfile& profile) {
  return static_cast<size_t>(std::count_if(profile.people.begin(), profile.people.end(),
                                           [](const GroupPerson& p) { return p.role == GroupRole::kOwner; }));
}

}  // namespace

// What the next commit should do.
struct Membership::Plan {
  OpenGroup& group;
  GroupPeople people;
  bool before_send = false;
  std::optional<GroupProfile> profile;  // after it
  Conversations::Changes changes;
  bool RemovedAlready(mls::LeafIndex leaf) const {
    return std::any_of(changes.removes.begin(), changes.removes.end(), [&](mls::LeafIndex l) { return l == leaf; });
  }
};

absl::StatusOr<Contact> Membership::Fresh(const std::string& user) {
  const auto seen = looked_up_.find(user);
  if (seen != looked_up_.end() && Uptime() - seen->second < kFreshness) {
    ASSIGN_OR_RETURN(std::optional<Contact> contact, stores_.contacts.Find(user));
    if (contact.has_value()) return *std::move(contact);
  }
  absl::StatusOr<Contact> contact = user == self_.user() ? directory_.LookUpSelf() : directory_.LookUp(user);
  if (contact.ok()) looked_up_[user] = Uptime();
  return contact;
}

absl::StatusOr<std::vector<mls::KeyPackage>> Membership::Claim(const Contact& person,
                                                               const std::vector<identity::RecordDevice>& devices) {
  if (devices.empty()) return std::vector<mls::KeyPackage>();
  return directory_.Claim(person.user, devices);
}

absl::StatusOr<std::optional<identity::MailboxAddress>> Membership::IntakeOf(const RosterDevice& device) {
  ASSIGN_OR_RETURN(const Contact contact, Fresh(device.names.user));
  std::vector<identity::RecordDevice> wanted = ListedDevices(contact);
  std::erase_if(wanted, [&](const identity::RecordDevice& d) { return d.device_id != device.names.device; });
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> claimed, Claim(contact, wanted));
  if (claimed.empty()) return std::nullopt;
  const Bytes* data = mls::FindExtension(claimed.front().leaf_node.extensions, identity::kMailboxAddressExtension);
  if (data == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(identity::MailboxAddress address, identity::ParseMailboxAddress(*data));
  return address;
}

absl::StatusOr<Mailbox> Membership::MailboxForNewGroup() {
  ASSIGN_OR_RETURN(const std::vector<Mailbox> mailboxes, stores_.mailboxes.All());
  Bytes group_id = RandomBytes(32);
  for (const Mailbox& mailbox : mailboxes) {
    if (mailbox.group_id.empty()) continue;
    ASSIGN_OR_RETURN(const std::optional<StoredGroup> known, stores_.groups.Find(mailbox.group_id));
    if (!known.has_value()) group_id = mailbox.group_id;
  }
  return supplies_.EnsureMailbox(group_id);
}

absl::Status Membership::CreateDirect(const std::string& other) {
  ASSIGN_OR_RETURN(const Contact contact, Fresh(other));
  ASSIGN_OR_RETURN(const Contact own, Fresh(self_.user()));
  ASSIGN_OR_RETURN(std::vector<mls::KeyPackage> members, Claim(contact, ListedDevices(contact)));
  if (members.empty()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_devices",
                  absl::StrCat(ShortName(other, self_.domain()), " has no device that can be reached yet; the message is kept "
                               "and sent once there is one and you are online"));
  }
  std::vector<identity::RecordDevice> own_others = ListedDevices(own);
  std::erase_if(own_others, [&](const identity::RecordDevice& d) { return d.device_id == self_.device(); });
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> own_members, Claim(own, own_others));
  members.insert(members.end(), own_members.begin(), own_members.end());
  ASSIGN_OR_RETURN(const Mailbox mailbox, MailboxForNewGroup());
  return conversations_.Create(std::nullopt, members, mailbox);
}

absl::StatusOr<std::string> Membership::CreateGroup(const std::string& name, const std::vector<std::string>& people) {
  GroupProfile profile;
  profile.conversation_id = identity::RandomFixed<32>();
  profile.name = name;
  profile.people.push_back({self_.user(), GroupRole::kOwner, 0});
  for (const std::string& user : people) profile.people.push_back({user, GroupRole::kMember, 0});
  SortPeople(profile);
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> members, ClaimAll(profile));
  ASSIGN_OR_RETURN(const Mailbox mailbox, MailboxForNewGroup());
  RETURN_IF_ERROR(conversations_.Create(profile, members, mailbox));
  return ConversationKey(profile.conversation_id);
}

absl::StatusOr<std::vector<mls::KeyPackage>> Membership::ClaimAll(const GroupProfile& profile) {
  std::vector<mls::KeyPackage> members;
  for (const GroupPerson& person : profile.people) {
    ASSIGN_OR_RETURN(const Contact contact, Fresh(person.user));
    std::vector<identity::RecordDevice> devices = ListedDevices(contact);
    std::erase_if(devices, [&](const identity::RecordDevice& d) { return d.device_id == self_.device(); });
    ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> claimed, Claim(contact, devices));
    members.insert(members.end(), claimed.begin(), claimed.end());
  }
  return members;
}

absl::Status Membership::Renew(const OpenGroup& former, const std::set<std::string>& people) {
  ASSIGN_OR_RETURN(const GroupPeople before, PeopleOf(former.state));
  GroupProfile profile = *before.profile;
  profile.predecessor = former.stored.id;
  std::erase_if(profile.people, [&](const GroupPerson& p) { return !people.contains(p.user); });
  for (GroupPerson& person : profile.people) person.since = 0;
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> members, ClaimAll(profile));
  ASSIGN_OR_RETURN(const Mailbox mailbox, MailboxForNewGroup());
  return conversations_.CreateSuccessor(former.stored, profile, members, mailbox);
}

absl::Status Membership::DropWish(const Wish& wish, absl::string_view reason, absl::string_view why) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.membership.RemoveWish(change, wish.id));
  if (!reason.empty()) RETURN_IF_ERROR(conversations_.AddNotice(change, wish.conversation, reason, why));
  return change.Commit();
}

absl::Status Membership::PlanWish(Plan& plan, const Wish& wish) {
  GroupProfile& profile = *plan.profile;
  const auto held = std::find_if(profile.people.begin(), profile.people.end(),
                                 [&](const GroupPerson& p) { return p.user == wish.subject; });
  const bool present = held != profile.people.end();
  const bool last_owner = present && held->role == GroupRole::kOwner && CountOwners(profile) == 1;
  const bool is_owner = plan.people.owners().contains(self_.user());
  const std::string name = wish.kind == WishKind::kRename ? wish.subject : ShortName(wish.subject, self_.domain());
  const auto drop = [&](absl::string_view reason, absl::string_view why) {
    return DropWish(wish, reason, absl::StrCat("What you asked for (", name, ") was not done: ", why, "."));
  };
  bool done = false;
  switch (wish.kind) {
    case WishKind::kAdd: done = present; break;
    case WishKind::kRemove: done = !present; break;
    case WishKind::kMakeOwner: done = present && held->role == GroupRole::kOwner; break;
    case WishKind::kMakeMember: done = present && held->role == GroupRole::kMember; break;
    case WishKind::kRename: done = profile.name == wish.subject; break;
  }
  if (done) return DropWish(wish, "", "");
  if (!is_owner) return drop("not_owner", "you are not an owner of the group any more");
  const bool needs_presence = wish.kind == WishKind::kMakeOwner || wish.kind == WishKind::kMakeMember;
  if (needs_presence && !present) return drop("not_in_group", "this person is not in the group");
  if (last_owner && (wish.kind == WishKind::kRemove || wish.kind == WishKind::kMakeMember)) {
    return drop("last_owner", "a group keeps at least one owner");
  }
  switch (wish.kind) {
    case WishKind::kAdd:
      if (profile.people.size() == identity::kMaxGroupPeople) return drop("group_full", "the group has as many people as it may");
      profile.people.push_back({wish.subject, GroupRole::kMember, plan.group.state.epoch() + 1});
      SortPeople(profile);
      break;
    case WishKind::kRemove: profile.people.erase(held); break;
    case WishKind::kMakeOwner: held->role = GroupRole::kOwner; break;
    case WishKind::kMakeMember: held->role = GroupRole::kMember; break;
    case WishKind::kRename: profile.name = wish.subject; break;
  }
  return absl::OkStatus();
}

bool Membership::IsOurTurn(const Plan& plan, const HeldLeaveRequest& request) const {
  if (plan.before_send) return true;
  const Bytes epoch = plan.group.state.EpochAuthenticator();
  const auto rank_of = [&](mls::LeafIndex leaf) {
    Writer in;
    in.Vector(AsBytes(absl::string_view(kRemoverLabel))).Vector(epoch).U32(leaf.value);
    return Sha256(in.view());
  };
  const identity::Hash own = rank_of(plan.group.state.own_leaf());
  int64_t ahead = 0;
  for (const RosterDevice& device : plan.people.roster) {
    if (device.names.user != request.user && rank_of(device.leaf) < own) ++ahead;
  }
  return clock_.Now() >= request.received + kBackOff * ahead;
}

absl::Status Membership::PlanPeople(Plan& plan) {
  const std::string& conversation = plan.group.stored.conversation;
  ASSIGN_OR_RETURN(const std::vector<Wish> wishes, stores_.membership.Wishes(conversation));
  for (const Wish& wish : wishes) RETURN_IF_ERROR(PlanWish(plan, wish));
  ASSIGN_OR_RETURN(const std::vector<HeldLeaveRequest> requests, stores_.membership.LeaveRequests(conversation));
  for (const HeldLeaveRequest& held : requests) {
    if (held.user == self_.user()) continue;  // nobody can commit their own removal
    absl::StatusOr<identity::LeaveRequest> request = identity::ParseLeaveRequest(held.request);
    if (!request.ok()) return absl::DataLossError("a request to leave in the store is malformed");
    const GroupPerson* person = identity::FindPerson(*plan.profile, held.user);
    const bool over = person == nullptr || person->since != request->since;
    const bool last_owner = !over && person->role == GroupRole::kOwner && CountOwners(*plan.profile) == 1;
    if (over || last_owner) {
      ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
      RETURN_IF_ERROR(stores_.membership.RemoveLeaveRequest(change, conversation, held.user));
      RETURN_IF_ERROR(change.Commit());
      continue;
    }
    if (!IsOurTurn(plan, held)) continue;
    std::erase_if(plan.profile->people, [&](const GroupPerson& p) { return p.user == held.user; });
    plan.changes.evidence.leave_requests.push_back(*std::move(request));
  }
  return absl::OkStatus();
}

absl::Status Membership::PlanDevices(Plan& plan) {
  std::set<std::string> users = plan.people.users();
  if (plan.profile.has_value()) {
    users.clear();
    for (const GroupPerson& person : plan.profile->people) users.insert(person.user);
  }
  for (const RosterDevice& device : plan.people.roster) {
    if (!users.contains(device.names.user)) plan.changes.removes.push_back(device.leaf);
  }
  for (const std::string& user : users) {
    ASSIGN_OR_RETURN(const Contact contact, Fresh(user));
    std::vector<identity::RecordDevice> missing = ListedDevices(contact);
    bool removed_any = false;
    for (const RosterDevice& device : plan.people.roster) {
      if (device.names.user != user) continue;
      const auto listed = std::find_if(missing.begin(), missing.end(), [&](const identity::RecordDevice& d) {
        return d.device_id == device.names.device && Equal(d.mls_signature_public_key, device.signature_key);
      });
      if (listed != missing.end()) {
        missing.erase(listed);
        continue;
      }
      if (device.leaf == plan.group.state.own_leaf()) {
        return Refuse(absl::StatusCode::kFailedPrecondition, "own_device_revoked",
                      "this device is no longer listed for your account and may not send; enrol it again");
      }
      plan.changes.removes.push_back(device.leaf);
      removed_any = true;
    }
    if (removed_any) {
      ASSIGN_OR_RETURN(const identity::Signature signature, identity::ToFixed<64>(contact.signature));
      plan.changes.evidence.records.push_back({contact.record, signature});
    }
    ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> claimed, Claim(contact, missing));
    plan.changes.adds.insert(plan.changes.adds.end(), claimed.begin(), claimed.end());
  }
  return absl::OkStatus();
}

absl::Status Membership::PlanResyncs(Plan& plan) {
  const Bytes& group_id = plan.group.stored.id;
  ASSIGN_OR_RETURN(const std::vector<HeldResyncRequest> requests, stores_.membership.ResyncRequests(group_id));
  const std::vector<mls::Member> members = plan.group.state.members();
  for (const HeldResyncRequest& held : requests) {
    const auto leaf = std::find_if(members.begin(), members.end(), [&](const mls::Member& m) {
      const absl::StatusOr<CredentialNames> names = NamesOf(m.credential);
      return names.ok() && names->device == held.device;
    });
    absl::StatusOr<identity::ResyncRequest> request = identity::ParseResyncRequest(held.request);
    absl::StatusOr<mls::KeyPackage> key_package = absl::InvalidArgumentError("");
    if (request.ok()) key_package = mls::ParseKeyPackageMessage(request->key_package);
    const bool usable = key_package.ok() && mls::ValidateKeyPackage(*key_package, clock_.Now()).ok();
    const bool open = usable && leaf != members.end() && leaf->encryption_key == held.stuck_key &&
                      !plan.RemovedAlready(leaf->index);
    if (!open) {  // somebody did it, or the device is to go altogether
      ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
      RETURN_IF_ERROR(stores_.membership.RemoveResyncRequest(change, group_id, held.device));
      RETURN_IF_ERROR(change.Commit());
      continue;
    }
    plan.changes.removes.push_back(leaf->index);
    plan.changes.adds.push_back(*std::move(key_package));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Membership::Align(OpenGroup& group, bool before_send) {
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group.stored.id));
  if (pending.has_value()) return false;
  ASSIGN_OR_RETURN(GroupPeople people, PeopleOf(group.state));
  Plan plan{group, std::move(people), before_send, {}, {}};
  plan.profile = plan.people.profile;
  if (plan.profile.has_value()) RETURN_IF_ERROR(PlanPeople(plan));
  RETURN_IF_ERROR(PlanDevices(plan));
  RETURN_IF_ERROR(PlanResyncs(plan));
  if (plan.profile != plan.people.profile) plan.changes.profile = plan.profile;
  Conversations::Changes& changes = plan.changes;
  if (changes.adds.empty() && changes.removes.empty() && !changes.profile.has_value()) return false;
  RETURN_IF_ERROR(conversations_.StageCommit(group, changes));
  return true;
}

absl::StatusOr<bool> Membership::NeedsAttention(const StoredGroup& group) {
  ASSIGN_OR_RETURN(const std::vector<Wish> wishes, stores_.membership.Wishes(group.conversation));
  ASSIGN_OR_RETURN(const std::vector<HeldLeaveRequest> leaves, stores_.membership.LeaveRequests(group.conversation));
  ASSIGN_OR_RETURN(const std::vector<HeldResyncRequest> resyncs, stores_.membership.ResyncRequests(group.id));
  if (!wishes.empty() || !leaves.empty() || !resyncs.empty()) return true;
  // A device of this person's that is not in it yet, or no longer theirs.
  ASSIGN_OR_RETURN(const std::optional<Contact> own, stores_.contacts.Find(self_.user()));
  if (!own.has_value()) return false;
  ASSIGN_OR_RETURN(const mls::Group state, mls::Group::Parse(group.state.view()));
  ASSIGN_OR_RETURN(const std::vector<RosterDevice> roster, RosterOf(state));
  size_t own_leaves = 0, listed = 0;
  for (const RosterDevice& device : roster) {
    if (device.names.user != self_.user()) continue;
    ++own_leaves;
    listed += identity::FindDevice(own->parsed, device.names.device) != nullptr;
  }
  return listed != own->parsed.devices.size() || own_leaves != listed;
}

}  // namespace plumbline::client
