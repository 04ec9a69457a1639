#include "client/roster.h"

#include "common/identity/reason.h"

namespace plumbline::client {

absl::StatusOr<std::vector<RosterDevice>> RosterOf(const mls::Group& group) {
  std::vector<RosterDevice> roster;
  for (const mls::Member& member : group.members()) {
    RosterDevice device;
    device.leaf = member.index;
    ASSIGN_OR_RETURN(device.names, NamesOf(member.credential));
    device.signature_key = member.signature_key;
    if (const Bytes* data = mls::FindExtension(member.extensions, identity::kMailboxAddressExtension)) {
      absl::StatusOr<identity::MailboxAddress> address = identity::ParseMailboxAddress(*data);
      if (address.ok()) device.address = *std::move(address);
    }
    roster.push_back(std::move(device));
  }
  return roster;
}

std::set<std::string> UsersOf(const std::vector<RosterDevice>& roster) {
  std::set<std::string> users;
  for (const RosterDevice& device : roster) users.insert(device.names.user);
  return users;
}

absl::StatusOr<identity::GroupData> DataOf(const mls::Group& group) {
  const Bytes* data = mls::FindExtension(group.group_context_extensions(), identity::kGroupDataExtension);
  if (data == nullptr) return absl::InvalidArgumentError("a group without its data extension");
  return identity::ParseGroupData(*data);
}

absl::StatusOr<std::string> OtherPerson(const mls::Group& group, absl::string_view own_user) {
  const auto refuse = [](absl::string_view why) {
    return identity::Refuse(absl::StatusCode::kInvalidArgument, "not_direct", why);
  };
  const absl::StatusOr<identity::GroupData> data = DataOf(group);
  if (!data.ok()) return refuse("the group does not say what it is");
  if (data->kind != identity::GroupKind::kDirect) return refuse("the group is not a direct conversation");
  ASSIGN_OR_RETURN(const std::vector<RosterDevice> roster, RosterOf(group));
  std::set<std::string> users = UsersOf(roster);
  if (users.erase(std::string(own_user)) != 1 || users.size() != 1) {
    return refuse("a direct conversation has devices of exactly two people, this group does not");
  }
  return *users.begin();
}

}  // namespace plumbline::client
