// What a commit changed, in words for the people of a conversation.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "client/group_rules.h"

namespace plumbline::client {

struct Announcement {
  std::string reason;  // stable: person_added, person_removed, person_left, group_renamed, owner_made, owner_ended,
                       // device_added, device_removed
  std::string text;
};

// Who reads it, and in which organisation names are short.
struct Reader {
  std::string user;
  std::string domain;
};

// Whose change it was.
struct ChangeMaker {
  std::string committer;       // user URI
  bool own = false;            // this device: then only people are described, its devices follow the directory
  std::set<std::string> left;  // user URIs of those who had asked to leave
};

// The differences between two epochs, people first.
std::vector<Announcement> DescribeChange(const GroupPeople& before, const GroupPeople& after, const ChangeMaker& maker,
                                         const Reader& reader);

}  // namespace plumbline::client
