// People who are taken for one another. The idea is that of the skeletons of Unicode TR39: two names are confusable if what is
// left of them is equal, once everything that looks alike was made the same. User names are ASCII (common/identity/uri.h), so that
// their tables are short; display names have the letters of three alphabets that share shapes.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/identity/uri.h"

namespace plumbline::identity {

// Of a user name or domain: no separators; 0 is o, 1 and l are i, 2 z, 3 e, 4 a, 5 s, 6 and 8 b, 7 t, 9 and q g, rn m, vv w, cl d;
// a run of one character counts once. The skeleton of a skeleton is itself.
std::string Skeleton(absl::string_view name);
// Of a display name: besides, no spaces, marks or invisible characters, no difference of case, and Cyrillic and Greek letters are
// the Latin ones they look like. Malformed UTF-8 ends it.
std::string DisplaySkeleton(absl::string_view display_name);

// In the order of how alike.
enum class Likeness {
  kNone,
  kSameDisplayName,  // the addresses differ: perhaps only namesakes
  kOneLetter,        // added, missing, other, or exchanged with its neighbour; in skeletons of kMinNear characters or more
  kReadsAlike,       // the skeletons are equal
};
inline constexpr size_t kMinNear = 6;  // shorter names are near each other by nature

// Of two user names or two domains. kNone if they are equal.
Likeness Compare(absl::string_view a, absl::string_view b);
// Of two people by their addresses: the same name, or one like it, in another organisation counts too.
Likeness Compare(const UserUri& a, const UserUri& b);

struct NamedPerson {
  std::string user;  // user URI
  std::string display_name;
};
struct Lookalike {
  std::string user;  // user URI
  Likeness why = Likeness::kNone;
  bool operator==(const Lookalike&) const = default;
};
// Of `known` those whom `person` could be taken for: most alike first, then by address; at most kMaxLookalikes.
inline constexpr size_t kMaxLookalikes = 3;
std::vector<Lookalike> Lookalikes(const NamedPerson& person, const std::vector<NamedPerson>& known);

}  // namespace plumbline::identity
