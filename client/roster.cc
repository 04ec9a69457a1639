#include "client/roster.h"


namespace plumbline::client {

absl::StatusOr<std::vector<RosterDevice>> RosterOf(const mls::GroupView& group) {
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

absl::StatusOr<identity::GroupData> DataOf(const mls::GroupView& group) {
  const Bytes* data = mls::FindExtension(group.group_context_extensions(), identity::kGroupDataExtension);
  if (data == nullptr) return absl::InvalidArgumentError("a group without its data extension");
  return identity::ParseGroupData(*data);
}

}  // namespace plumbline::client
