// What a commit may do to a conversation, judged by every member alone before it is applied (docs/protocols/groups.md, "Who may
// do what"). People are changed by owners; devices follow the directory; anybody may take out who asked to leave.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/roster.h"
#include "common/identity/group_profile.h"
#include "common/identity/record.h"
#include "common/status.h"
#include "mls/group.h"

namespace plumbline::client {

// The people of a conversation as its group states them.
struct GroupPeople {
  identity::GroupData data;
  std::optional<identity::GroupProfile> profile;  // groups only
  std::vector<RosterDevice> roster;

  bool direct() const { return data.kind == identity::GroupKind::kDirect; }
  // The user URIs: of the profile; in a direct conversation of the leaves.
  std::set<std::string> users() const;
  // Owners that have a leaf; if there is none, whose leaf has the lowest index. In a direct conversation both people.
  std::set<std::string> owners() const;
};
// INVALID_ARGUMENT not_a_conversation: data or profile missing, malformed or contradictory; somebody's leaf who is not one of
// the people; a direct conversation with other than two people.
absl::StatusOr<GroupPeople> PeopleOf(const mls::GroupView& group);

// The key under which the store keeps a group's conversation: "group:" and the conversation id in hex; in a direct conversation
// the other person's user URI.
std::string ConversationKey(const identity::ConversationId& id);
bool IsGroupKey(absl::string_view conversation);
// INVALID_ARGUMENT not_a_conversation if `own_user` is not one of the people.
absl::StatusOr<std::string> ConversationOf(const GroupPeople& people, absl::string_view own_user);

struct RuleContext {
  identity::RoleKeys directory_keys;  // that count now
  // The newest version of that user's directory record that was verified here; none if none was.
  std::function<absl::StatusOr<std::optional<identity::DirectoryRecord>>(const std::string& user)> known_record;
};

// OK if `staged` may follow `before`. INVALID_ARGUMENT not_permitted otherwise, with the rule; other codes are failures of
// known_record. A commit that removes this device is not judged: what follows it cannot be seen from here.
absl::Status CheckCommit(const mls::Group& before, const mls::StagedCommit& staged, const RuleContext& context);

}  // namespace plumbline::client
