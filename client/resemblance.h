// People whom this device knows and whom somebody new could be taken for (common/identity/lookalike.h), in words and for machines.
#pragma once

#include <string>
#include <vector>

#include "client/group_notices.h"
#include "client/store/contact_store.h"
#include "common/identity/lookalike.h"

namespace plumbline::client {

// Among the people in the store, the own person too. `display_name` is empty where it is not known.
absl::StatusOr<std::vector<identity::Lookalike>> ResemblancesOf(ContactStore& contacts, const std::string& user,
                                                                const std::string& display_name);

// "reads_alike", "one_letter", "same_display_name".
const char* LikenessName(identity::Likeness why);
// One sentence: what `user` could be taken for, and what to do.
std::string DescribeResemblance(absl::string_view user, const identity::Lookalike& other, const Reader& reader);

}  // namespace plumbline::client
