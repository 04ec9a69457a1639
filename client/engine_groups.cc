// The engine's part for groups: finding one by what a person typed, changing who is in it, leaving it.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/engine.h"
#include "client/resync.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"

namespace plumbline::client {
namespace {

using identity::GroupRole;
using identity::Refuse;

constexpr int kRounds = 8;  // of anything that others may win meanwhile
constexpr absl::Duration kPatience = absl::Seconds(15);
constexpr char kPrefix[] = "group:";
constexpr size_t kMinIdDigits = 8;

absl::Status FailedPrecondition(absl::string_view reason, absl::string_view text) {
  return Refuse(absl::StatusCode::kFailedPrecondition, reason, text);
}

absl::Status CheckGroupName(absl::string_view name) {
  if (name.empty() || !identity::CheckText(name, identity::kMaxGroupName).ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "group_name_malformed",
                  absl::StrCat("a group's name has 1 to ", identity::kMaxGroupName,
                               " bytes of text without line breaks or control characters"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Engine::NotInGroup(absl::string_view conversation) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(conversation));
  if (std::any_of(groups.begin(), groups.end(), [](const StoredGroup& g) { return g.status == GroupStatus::kStuck; })) {
    return FailedPrecondition("group_stuck", "a change that its members refuse blocks this group; an owner can start it anew with "
                                             "`plumbline group renew`");
  }
  return FailedPrecondition("not_in_group", "this device is not in that group, or waits to be taken in again; see `plumbline "
                                            "conversations`");
}

absl::Status Engine::Busy() {
  return Refuse(absl::StatusCode::kAborted, "conversation_busy",
                "other devices keep changing this conversation; what you asked for is kept and done with the next command");
}

absl::StatusOr<Target> Engine::TargetOf(const OpenGroup& group) const {
  ASSIGN_OR_RETURN(const GroupPeople people, PeopleOf(group.state));
  std::set<std::string> others = people.users();
  others.erase(self_.user());
  return Target{group.stored.conversation, !people.direct(), {others.begin(), others.end()}};
}

absl::StatusOr<std::string> Engine::FindGroup(Stores& stores, absl::string_view typed) {
  const absl::string_view wanted = absl::StripPrefix(typed, kPrefix);
  ASSIGN_OR_RETURN(const auto names, stores.membership.Names());
  std::vector<std::string> found;
  for (const auto& [conversation, name] : names) {
    const bool by_id = wanted.size() >= kMinIdDigits && absl::StartsWith(conversation, absl::StrCat(kPrefix, wanted));
    if (absl::EqualsIgnoreCase(name, wanted) || by_id) found.push_back(conversation);
  }
  if (found.empty()) {
    return Refuse(absl::StatusCode::kNotFound, "group_unknown",
                  "there is no group of that name here; `plumbline conversations` lists them");
  }
  if (found.size() > 1) {
    for (std::string& conversation : found) conversation.resize(sizeof kPrefix - 1 + kMinIdDigits);
    return FailedPrecondition("group_ambiguous", absl::StrCat("several groups have that name; say which one: ",
                                                              absl::StrJoin(found, ", ")));
  }
  return found.front();
}

absl::StatusOr<Target> Engine::Resolve(absl::string_view typed) {
  if (!absl::StartsWith(typed, kPrefix)) {
    ASSIGN_OR_RETURN(const std::string user, ResolveName(typed));
    return Target{user, false, {user}};
  }
  ASSIGN_OR_RETURN(const std::string conversation, FindGroup(stores_, typed));
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.SendingGroup(conversation));
  if (!group.has_value()) return NotInGroup(conversation);
  ASSIGN_OR_RETURN(const std::vector<HeldLeaveRequest> leaving, stores_.membership.LeaveRequests(conversation));
  if (std::any_of(leaving.begin(), leaving.end(), [&](const HeldLeaveRequest& r) { return r.user == self_.user(); })) {
    return FailedPrecondition("leaving", "you asked to leave that group; the next of its members who is online takes you out");
  }
  return TargetOf(*group);
}

absl::StatusOr<Target> Engine::CreateGroup(const std::string& name, const std::vector<std::string>& people) {
  RETURN_IF_ERROR(CheckGroupName(name));
  const std::set<std::string> others(people.begin(), people.end());
  if (others.size() + 1 > identity::kMaxGroupPeople) {
    return Refuse(absl::StatusCode::kInvalidArgument, "group_too_large",
                  absl::StrCat("a group has at most ", identity::kMaxGroupPeople, " people"));
  }
  for (const std::string& user : others) RETURN_IF_ERROR(CheckPerson(user).status());
  RETURN_IF_ERROR(supplies_.Prepare());
  ASSIGN_OR_RETURN(const std::string conversation, membership_.CreateGroup(name, {others.begin(), others.end()}));
  RETURN_IF_ERROR(Persist(kPatience, [&] { return sender_.Flush(); }));
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.SendingGroup(conversation));
  if (!group.has_value()) return Busy();
  return TargetOf(*group);
}

absl::Status Engine::CheckWish(const GroupPeople& people, const Wish& wish) const {
  if (!people.owners().contains(self_.user())) {
    return FailedPrecondition("not_owner", "only an owner of the group may do that; `plumbline group show` says who they are");
  }
  if (wish.kind == WishKind::kRename) return CheckGroupName(wish.subject);
  const identity::GroupPerson* person = identity::FindPerson(*people.profile, wish.subject);
  if (wish.kind == WishKind::kAdd) {
    if (people.profile->people.size() < identity::kMaxGroupPeople || person != nullptr) return absl::OkStatus();
    return FailedPrecondition("group_full", "the group has as many people as it may");
  }
  if (person == nullptr) {
    return FailedPrecondition("not_in_group", absl::StrCat(ShortName(wish.subject, self_.domain()), " is not in the group"));
  }
  const auto owners = std::count_if(people.profile->people.begin(), people.profile->people.end(),
                                    [](const identity::GroupPerson& p) { return p.role == GroupRole::kOwner; });
  const bool takes_owner = wish.kind != WishKind::kMakeOwner && person->role == GroupRole::kOwner;
  if (takes_owner && owners == 1) {
    return FailedPrecondition("last_owner", "a group keeps at least one owner: make somebody else one first");
  }
  return absl::OkStatus();
}

absl::Status Engine::ChangeGroup(const Target& target, const std::vector<Wish>& wishes) {
  ASSIGN_OR_RETURN(const GroupPeople people, ShowGroup(target));
  for (const Wish& wish : wishes) RETURN_IF_ERROR(CheckWish(people, wish));
  for (const Wish& wish : wishes) {
    if (wish.kind == WishKind::kAdd) RETURN_IF_ERROR(CheckPerson(wish.subject).status());
  }
  {
    ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
    for (Wish wish : wishes) {
      wish.conversation = target.conversation;
      RETURN_IF_ERROR(stores_.membership.AddWish(change, wish));
    }
    RETURN_IF_ERROR(change.Commit());
  }
  RETURN_IF_ERROR(supplies_.Prepare());
  return Persist(kPatience, [&] { return Settle(target.conversation, /*before_send=*/false); });
}

absl::Status Engine::Leave(const Target& target) {
  ASSIGN_OR_RETURN(const GroupPeople people, ShowGroup(target));
  if (people.direct()) return FailedPrecondition("not_a_group", "a conversation with one person cannot be left");
  const identity::GroupPerson* person = identity::FindPerson(*people.profile, self_.user());
  if (person == nullptr) return NotInGroup(target.conversation);
  if (person->role == GroupRole::kOwner && people.profile->people.size() > 1) {
    RETURN_IF_ERROR(CheckWish(people, Wish{0, target.conversation, WishKind::kRemove, self_.user()}));
  }
  if (people.profile->people.size() == 1) return Close(target.conversation);
  identity::LeaveRequest request;
  request.conversation_id = people.profile->conversation_id;
  request.user = self_.user();
  request.since = person->since;
  request.device_id = self_.device();
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair key,
                   crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(self_.account().mls_seed.view())));
  const Bytes signed_request = identity::Encode(identity::SignLeaveRequest(std::move(request), key));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(conversations_.AddContent(change, target.conversation, EntryKind::kControl, identity::kControlMediaType,
                                            signed_request).status());
  RETURN_IF_ERROR(stores_.membership.AddLeaveRequest(change, target.conversation, {self_.user(), signed_request, clock_.Now()}));
  RETURN_IF_ERROR(change.Commit());
  return Persist(kPatience, [&] { return Deliver(target.conversation); });
}

absl::Status Engine::Close(const std::string& conversation) {
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.SendingGroup(conversation));
  if (!group.has_value()) return NotInGroup(conversation);
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  group->stored.status = GroupStatus::kLeft;
  RETURN_IF_ERROR(stores_.groups.Update(change, group->stored));
  RETURN_IF_ERROR(conversations_.AddNotice(change, conversation, "removed", "You were the last one, and closed the group."));
  return change.Commit();
}

absl::StatusOr<Target> Engine::Renew(const std::string& conversation, const std::set<std::string>& without) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(conversation));
  const auto former = std::find_if(groups.begin(), groups.end(), [](const StoredGroup& g) {
    return g.status == GroupStatus::kStuck || g.status == GroupStatus::kActive || g.status == GroupStatus::kLost;
  });
  if (former == groups.end()) return NotInGroup(conversation);
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.Find(former->id));
  ASSIGN_OR_RETURN(const GroupPeople people, PeopleOf(group->state));
  if (!people.owners().contains(self_.user())) {
    return FailedPrecondition("not_owner", "only an owner of the group may start it anew");
  }
  std::set<std::string> stay = people.users();
  for (const std::string& user : without) {
    if (stay.erase(user) == 0 || user == self_.user()) {
      return FailedPrecondition("not_in_group", absl::StrCat(ShortName(user, self_.domain()), " cannot be left out"));
    }
  }
  RETURN_IF_ERROR(supplies_.Prepare());
  RETURN_IF_ERROR(membership_.Renew(*group, stay));
  RETURN_IF_ERROR(Persist(kPatience, [&] { return sender_.Flush(); }));
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> renewed, conversations_.SendingGroup(conversation));
  if (!renewed.has_value()) return Busy();
  return TargetOf(*renewed);
}

absl::StatusOr<GroupPeople> Engine::ShowGroup(const Target& target) {
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.SendingGroup(target.conversation));
  if (!group.has_value()) return NotInGroup(target.conversation);
  return PeopleOf(group->state);
}

absl::Status Engine::Settle(const std::string& conversation, bool before_send) {
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(sender_.Flush());
    ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.SendingGroup(conversation));
    if (!group.has_value()) return NotInGroup(conversation);
    ASSIGN_OR_RETURN(const bool staged, membership_.Align(*group, before_send));
    if (!staged) return absl::OkStatus();
  }
  return Busy();
}

absl::Status Engine::AttendToGroups() {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.All());
  absl::Status first;
  for (const StoredGroup& group : groups) {
    if (group.status == GroupStatus::kLost) {
      ASSIGN_OR_RETURN(const Mailbox intake, supplies_.EnsureMailbox({}));
      const absl::StatusOr<bool> asked = AskToReturn(stores_, self_, clock_, group, intake, [this](const RosterDevice& device) {
        return membership_.IntakeOf(device);
      });
      first.Update(asked.status());
      if (asked.ok() && *asked) RETURN_IF_ERROR(sender_.Flush());
    }
    if (group.status != GroupStatus::kActive) continue;
    ASSIGN_OR_RETURN(const bool needed, membership_.NeedsAttention(group));
    if (needed) first.Update(Settle(group.conversation, /*before_send=*/false));
  }
  return first;
}

}  // namespace plumbline::client
