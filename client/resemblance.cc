#include "client/resemblance.h"

#include "absl/strings/str_cat.h"
#include "client/self.h"

namespace plumbline::client {

using identity::Likeness;

absl::StatusOr<std::vector<identity::Lookalike>> ResemblancesOf(ContactStore& contacts, const std::string& user,
                                                                const std::string& display_name) {
  ASSIGN_OR_RETURN(const std::vector<identity::NamedPerson> known, contacts.People());
  return identity::Lookalikes({user, display_name}, known);
}

const char* LikenessName(Likeness why) {
  switch (why) {
    case Likeness::kNone: return "none";
    case Likeness::kSameDisplayName: return "same_display_name";
    case Likeness::kOneLetter: return "one_letter";
    case Likeness::kReadsAlike: return "reads_alike";
  }
  return "none";
}

std::string DescribeResemblance(absl::string_view user, const identity::Lookalike& other, const Reader& reader) {
  const std::string name = ShortName(user, reader.domain);
  const std::string whom = other.user == reader.user ? absl::StrCat("you, ", ShortName(other.user, reader.domain))
                                                     : absl::StrCat(ShortName(other.user, reader.domain), ", whom this device knows");
  const char* how = other.why == Likeness::kReadsAlike  ? " is easily read as "
                    : other.why == Likeness::kOneLetter ? " is nearly spelt like "
                                                        : " is called the same as ";
  return absl::StrCat("LOOK-ALIKE: ", name, how, whom, ". They are two people: make sure that this is the one you mean, and compare codes "
                      "with `plumbline verify ", name, "`.");
}

}  // namespace plumbline::client
