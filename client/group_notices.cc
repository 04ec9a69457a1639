#include "client/group_notices.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/self.h"

namespace plumbline::client {
namespace {

std::string DeviceName(const identity::DeviceId& device) { return ToHex(device).substr(0, 8); }

bool Contains(const std::vector<RosterDevice>& roster, const CredentialNames& names) {
  return std::any_of(roster.begin(), roster.end(), [&](const RosterDevice& d) { return d.names == names; });
}

class Describer final {
 public:
  Describer(const Reader& reader, const std::string& committer) : reader_(reader), committer_(Name(committer, true)) {}

  void People(const identity::GroupProfile& before, const identity::GroupProfile& after, const std::set<std::string>& left) {
    if (before.name != after.name) {
      Say("group_renamed", absl::StrCat(committer_, " renamed the group from \"", before.name, "\" to \"", after.name, "\"."));
    }
    for (const identity::GroupPerson& person : after.people) {
      const identity::GroupPerson* held = identity::FindPerson(before, person.user);
      if (held == nullptr) Say("person_added", absl::StrCat(committer_, " added ", Name(person.user, false), "."));
      if (held == nullptr || held->role == person.role) continue;
      const bool owner = person.role == identity::GroupRole::kOwner;
      Say(owner ? "owner_made" : "owner_ended",
          absl::StrCat(committer_, " made ", Name(person.user, false), owner ? " an owner." : " a member without a say in who is in."));
    }
    for (const identity::GroupPerson& person : before.people) {
      if (identity::FindPerson(after, person.user) != nullptr) continue;
      if (left.contains(person.user)) {
        Say("person_left", absl::StrCat(Name(person.user, true), " left."));
      } else {
        Say("person_removed", absl::StrCat(committer_, " removed ", Name(person.user, false), "."));
      }
    }
  }

  // Devices of people who were there before and are there still.
  void Devices(const GroupPeople& before, const GroupPeople& after) {
    const std::set<std::string> users_before = before.users();
    const std::set<std::string> users_after = after.users();
    const auto stays = [&](const std::string& user) { return users_before.contains(user) && users_after.contains(user); };
    for (const RosterDevice& device : after.roster) {
      if (!stays(device.names.user) || Contains(before.roster, device.names)) continue;
      Say("device_added", absl::StrCat("A device of ", Name(device.names.user, false), " (", DeviceName(device.names.device),
                                       ") was added to the conversation."));
    }
    for (const RosterDevice& device : before.roster) {
      if (!stays(device.names.user) || Contains(after.roster, device.names)) continue;
      Say("device_removed", absl::StrCat("A device of ", Name(device.names.user, false), " (", DeviceName(device.names.device),
                                         ") was removed from the conversation."));
    }
  }

  std::vector<Announcement> Take() { return std::move(said_); }

 private:
  std::string Name(const std::string& user, bool begins) const {
    if (user == reader_.user) return begins ? "You" : "you";
    return ShortName(user, reader_.domain);
  }
  void Say(absl::string_view reason, std::string text) { said_.push_back({std::string(reason), std::move(text)}); }

  const Reader& reader_;
  const std::string committer_;
  std::vector<Announcement> said_;
};

}  // namespace

std::vector<Announcement> DescribeChange(const GroupPeople& before, const GroupPeople& after, const ChangeMaker& maker,
                                         const Reader& reader) {
  Describer describer(reader, maker.committer);
  if (before.profile.has_value() && after.profile.has_value()) describer.People(*before.profile, *after.profile, maker.left);
  if (!maker.own) describer.Devices(before, after);
  return describer.Take();
}

}  // namespace plumbline::client
